//! Which installation a command works on, and whether it may make one.
//!
//! `serve`, `user add` and `user import` may, and say so; every other command works on what is
//! there, so that a mistyped path is an error and not a new, empty installation.

use std::env::VarError;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign::secret::SecretString;
use countersign_server::{Config, Database, master_key_file};

use crate::failure::Failure;
use crate::output;

const MASTER_KEY: &str = "COUNTERSIGN_MASTER_KEY";

/// Where the data lives.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: sqlite:PATH, or postgres://USER@HOST/NAME to share it among servers
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_DATABASE",
        hide_env_values = true,
        default_value = "sqlite:countersign.db",
        value_name = "URL"
    )]
    database: String,
}

impl DatabaseArgs {
    /// Default settings for this database, with the master key of the environment if there is one.
    /// Whether the database is there is for the caller to say.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let master_key = match std::env::var(MASTER_KEY) {
            Ok(text) => Some(SecretString::new(text)),
            Err(VarError::NotPresent) => None,
            Err(error @ VarError::NotUnicode(_)) => {
                return Err(Failure::usage(format!("{MASTER_KEY}: {error}")));
            }
        };
        let database = Database::parse(&self.database).map_err(Failure::usage)?;
        Ok(Config {
            database,
            master_key,
            ..Config::default()
        })
    }

    /// The same, for a command that makes nothing: refused if the database is a file that is not
    /// there.
    pub(crate) fn existing(&self) -> Result<Config, Failure> {
        let config = self.config()?;
        match &config.database {
            Database::Sqlite(path) if is_missing(path) => Err(Failure::failed(format!(
                "there is no database at {}",
                path.display()
            ))),
            Database::Sqlite(_) | Database::Postgres(_) => Ok(config),
        }
    }
}

/// What opening the installation will make, looked up before it is opened.
pub(crate) struct FirstUse {
    database: Option<PathBuf>,
    master_key: Option<PathBuf>,
}

impl FirstUse {
    /// Looks what of `config` is not there yet.
    pub(crate) fn of(config: &Config) -> Self {
        let database = match &config.database {
            Database::Sqlite(path) if is_missing(path) => Some(path.clone()),
            Database::Sqlite(_) | Database::Postgres(_) => None,
        };
        let master_key = match (&database, &config.master_key) {
            (Some(path), None) => Some(master_key_file(path)).filter(|file| is_missing(file)),
            _ => None,
        };
        Self {
            database,
            master_key,
        }
    }

    pub(crate) fn is_first(&self) -> bool {
        self.database.is_some()
    }

    /// Says what was made, once it is open.
    pub(crate) fn say(&self) -> Result<(), Failure> {
        if let Some(path) = &self.database {
            output::note(&format!("made the database {}", path.display()))?;
        }
        if let Some(path) = &self.master_key {
            output::note(&format!(
                "made the master key  {}  (keep a copy elsewhere: no backup contains it)",
                path.display()
            ))?;
        }
        Ok(())
    }
}

/// Certainly not there. If that cannot be found out, whoever opens it will say why.
fn is_missing(path: &Path) -> bool {
    path.try_exists().is_ok_and(|there| !there)
}
