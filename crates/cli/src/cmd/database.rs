//! Which installation a command works on, and whether it may make one.
//!
//! `serve`, `user add` and `user import` may, and say so; every other command works on what is
//! there, so that a mistyped path is an error and not a new, empty installation.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign::secret::SecretString;
use countersign_server::{Config, Database, master_key_file};

use crate::failure::Failure;
use crate::output;

/// The secret of an installation, for the environment and never for the command line.
const MASTER_KEY: &str = "COUNTERSIGN_MASTER_KEY";
/// Where the data is unless it is said.
const DATABASE: &str = "sqlite:countersign.db";

/// Where the data lives.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: sqlite:PATH, or postgres://USER@HOST/NAME to share it among servers [default:
    /// sqlite:countersign.db]
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_DATABASE",
        hide_env_values = true,
        value_name = "URL"
    )]
    database: Option<String>,
    /// A file with the database's URL, if that has a password in it
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_DATABASE_FILE",
        value_name = "FILE"
    )]
    database_file: Option<PathBuf>,
    /// A file with the master key [default: COUNTERSIGN_MASTER_KEY, or the file beside the embedded
    /// database]
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_MASTER_KEY_FILE",
        value_name = "FILE"
    )]
    master_key_file: Option<PathBuf>,
    /// The settings file [default: countersign.toml, or /etc/countersign/countersign.toml, if it is
    /// there]
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_CONFIG",
        value_name = "FILE",
        display_order = 899
    )]
    config: Option<PathBuf>,
}

impl DatabaseArgs {
    /// Default settings for this database, with the master key of the environment if there is one.
    /// Whether the database is there is for the caller to say.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let master_key = secret(MASTER_KEY, self.master_key_file.as_deref())?;
        let database = match (&self.database, &self.database_file) {
            (Some(_), Some(_)) => {
                return Err(Failure::usage(
                    "give the database or the file its URL is in, not both",
                ));
            }
            (Some(url), None) => Database::parse(url),
            (None, Some(file)) => Database::parse(content(file)?.expose()),
            (None, None) => Database::parse(DATABASE),
        };
        let database = database.map_err(Failure::usage)?;
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

/// The secret of a variable, or of a file that is named in its place.
pub(super) fn secret(variable: &str, file: Option<&Path>) -> Result<Option<SecretString>, Failure> {
    // One that is empty counts as not set, as everywhere.
    let value = std::env::var_os(variable).filter(|value| !value.is_empty());
    match (value, file) {
        (None, None) => Ok(None),
        (None, Some(file)) => content(file).map(Some),
        (Some(text), None) => text
            .into_string()
            .map(|text| Some(SecretString::new(text)))
            .map_err(|_| Failure::usage(format!("{variable} is not valid UTF-8"))),
        (Some(_), Some(file)) => Err(Failure::usage(format!(
            "{variable} is set, and a file for it is named as well ({}); take one of them away",
            file.display()
        ))),
    }
}

/// A file with one secret; a line end after it does not count.
fn content(file: &Path) -> Result<SecretString, Failure> {
    let text = fs::read_to_string(file)
        .map(SecretString::new)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?;
    Ok(SecretString::new(
        text.expose().trim_end_matches(['\n', '\r']),
    ))
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
