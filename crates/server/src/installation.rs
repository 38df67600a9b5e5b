//! An installation, opened: its master key and its store. Below everything that works on one, the
//! running server as well as a command beside it.

use std::sync::Arc;

use countersign::UnixTime;
use countersign_issuer::MasterKey;
use countersign_issuer::revoke::RevocationPolicy;

use crate::company::Company;
use crate::config::{Config, Database};
use crate::master_key::{self, MasterKeyError};
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::lock::ServerLock;
use crate::store::{SharedStore, Store, StoreError};

/// Why an installation cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no usable master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Store and master key of the installation that `config` describes. An embedded one is made if it is not
/// there yet, its master key first: a database without its key would be refused later.
pub(crate) async fn open(config: &Config) -> Result<(SharedStore, MasterKey), OpenError> {
    let master = master_key::of(config)?;
    Ok((open_store(&config.database, Arc::default()).await?, master))
}

/// The same for a server, which an embedded database has one of. The lock says so for as long as it
/// is held; a shared database needs none. `company` is whom it is served to.
pub(crate) async fn open_to_serve(
    config: &Config,
    company: Arc<Company>,
) -> Result<(SharedStore, MasterKey, Option<ServerLock>), OpenError> {
    let master = master_key::of(config)?;
    let lock = match &config.database {
        Database::Sqlite(path) => Some(ServerLock::take(path)?),
        Database::Postgres(_) => None,
    };
    Ok((open_store(&config.database, company).await?, master, lock))
}

/// How long revocations of this installation live: as long as any access token it has made may that is
/// not gone yet, this configuration's or an earlier one's.
pub(crate) async fn revocation_policy(
    store: &dyn Store,
    config: &Config,
) -> Result<RevocationPolicy, StoreError> {
    Ok(RevocationPolicy {
        longest_life: store
            .longest_access_life(config.access_life, UnixTime::now())
            .await?,
        ..RevocationPolicy::default()
    })
}

/// The store alone, for this company.
pub(crate) async fn open_store(
    database: &Database,
    company: Arc<Company>,
) -> Result<SharedStore, StoreError> {
    match database {
        Database::Sqlite(path) => Ok(Arc::new(
            SqliteStore::open_for(path, company).map_err(|error| error.of_file(path))?,
        )),
        Database::Postgres(url) => Ok(Arc::new(PostgresStore::connect(url.expose()).await?)),
    }
}
