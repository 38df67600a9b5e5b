//! A connection pool, and what one process knows of the others.

use super::address::Address;
use super::follower::Follower;
use super::migrations;
use super::pool::Pool;
use super::sweep::Sweeper;
use crate::store::survey::Survey;
use crate::store::{Keys, StoreError};

/// A database that several processes may share.
#[derive(Debug)]
pub struct PostgresStore {
    pub(super) pool: Pool,
    pub(super) follower: Follower,
    pub(super) sweeper: Sweeper,
}

impl PostgresStore {
    /// Connects to the database at `url` and brings its schema up to date.
    ///
    /// The URL is PostgreSQL's: `postgres://USER:PASSWORD@HOST:PORT/NAME?…`, with several hosts if
    /// there are several. Unless `sslmode` says otherwise the connection is encrypted and the
    /// server's certificate verified, except over a Unix socket or loopback. `sslrootcert=FILE`
    /// names the authority that signed it; `pool_size=N` is how many connections are held at most
    /// (16 if it is not given). A pooler in between must leave a connection to one client for as long
    /// as it lasts: statements are prepared and settings made once per connection.
    ///
    /// Everything is kept in the schema `countersign`, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] for a database of a newer program, [`StoreError::Unavailable`]
    /// when the URL cannot be understood or the database does not answer. No error repeats any part
    /// of the URL but the path of the certificate.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let store = Self::unasked(url)?;
        migrations::migrate(&store.pool).await?;
        Ok(store)
    }

    /// Looks at the database at `url`, and changes nothing.
    pub(crate) async fn survey(url: &str) -> Result<Survey, StoreError> {
        let store = Self::unasked(url)?;
        let (found, known) = migrations::steps(&store.pool).await?;
        let (signing, macs) = if found == known {
            store.keys().await?
        } else {
            (Vec::new(), Vec::new())
        };
        Ok(Survey {
            found,
            known,
            signing,
            macs,
        })
    }

    fn unasked(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            pool: Pool::new(Address::parse(url)?)?,
            follower: Follower::new()?,
            sweeper: Sweeper::default(),
        })
    }
}
