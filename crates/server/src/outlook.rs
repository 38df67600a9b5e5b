//! Whether a server would start, found out without making or changing anything.
//!
//! It goes the way of [`Server::start`](crate::Server::start) and stops where that begins to make
//! things: settings, TLS files, addresses, master key, database, and whether what is sealed there
//! opens under the key.

use std::io;
use std::net::SocketAddr;

use crate::config::{Config, Database};
use crate::exposed::{Exposed, exposed};
use crate::installation::OpenError;
use crate::master_key::{self, next_beside, opens_all};
use crate::server::{StartError, bound};
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::survey::survey;
use crate::store::survey::Survey;
use crate::tls::Certificates;

/// What a start would find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Addresses at which somebody listens now: this very server, if it runs.
    pub taken: Vec<SocketAddr>,
    /// Files that others can read and should not.
    pub exposed: Vec<Exposed>,
    /// What there is of the database.
    pub database: Standing,
}

/// How a database stands to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none, or one that nobody has served yet: a start makes it.
    New,
    /// An older program made it: a start brings it up to date.
    Older {
        /// The number of its schema.
        found: u32,
        /// The number it will have.
        known: u32,
    },
    /// It is as this program has it, and its keys open under the master key.
    Current,
}

impl Outlook {
    /// Looks at everything that a server with this configuration needs.
    ///
    /// # Errors
    /// What [`Server::start`](crate::Server::start) would refuse for. An address that is taken is not
    /// among it: whoever asks may have the server running.
    pub async fn of(config: &Config) -> Result<Self, StartError> {
        config.check()?;
        config.tls.clone().map(Certificates::load).transpose()?;
        let mut taken = Vec::new();
        for address in [Some(config.listen), config.metrics_listen]
            .into_iter()
            .flatten()
        {
            match bound(address).await {
                Ok(_) => {}
                Err(StartError::Listen { source, .. })
                    if source.kind() == io::ErrorKind::AddrInUse =>
                {
                    taken.push(address);
                }
                Err(error) => return Err(error),
            }
        }
        let database = standing(config).await?;
        Ok(Self {
            taken,
            exposed: exposed(config),
            database,
        })
    }
}

async fn standing(config: &Config) -> Result<Standing, StartError> {
    let master = master_key::look(config).map_err(OpenError::from)?;
    let survey = match &config.database {
        Database::Sqlite(path) if !path.exists() => Survey::default(),
        Database::Sqlite(path) => {
            survey(path).map_err(|error| OpenError::from(error.of_file(path)))?
        }
        Database::Postgres(url) => PostgresStore::survey(url.expose())
            .await
            .map_err(OpenError::from)?,
    };
    let Survey {
        found,
        known,
        signing,
        macs,
    } = survey;
    if found == 0 {
        return Ok(Standing::New);
    }
    if found < known {
        return Ok(Standing::Older { found, known });
    }
    // A change of the key that was cut short is finished by the start; it knows both.
    let is_changing = matches!(
        (&config.database, &config.master_key),
        (Database::Sqlite(path), None) if next_beside(path).exists()
    );
    if let Some(master) = master.filter(|_| !is_changing) {
        opens_all(&signing, &macs, &master)?;
    }
    Ok(Standing::Current)
}
