//! A database file, and the threads that serve it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::checkpoint::{Checkpointer, Overdue};
use super::connection::prepare_connection;
use super::lock::DatabaseLock;
use super::migrations;
use super::reader::Readers;
use super::sweep::Sweeper;
use super::writer::Writer;
use crate::company::Company;
use crate::metrics::StoreCounts;
use crate::place::open_private;
use crate::store::StoreError;

/// How many bytes of a log that begins anew are kept, to be written over.
const LOG_KEPT: u32 = 16 * 1024 * 1024;

/// A database file and the threads that serve it.
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    pub(super) checkpointer: Checkpointer,
    pub(super) sweeper: Sweeper,
    pub(super) counts: Arc<StoreCounts>,
    /// Nobody puts another database in this one's place while it is open.
    _lock: Option<DatabaseLock>,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] for a database of a newer program, [`StoreError::Unavailable`]
    /// when the file cannot be opened or is no database, [`StoreError::BeingReplaced`] while it is
    /// restored or given another master key.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_for(path, Arc::default())
    }

    /// The same for a server that says who asks.
    pub(crate) fn open_for(path: &Path, company: Arc<Company>) -> Result<Self, StoreError> {
        Self::start(path, Some(DatabaseLock::shared(path)?), company)
    }

    /// The same under a lock that is held already, or none for a file that nobody knows of yet.
    pub(crate) fn open_under(path: &Path, lock: Option<DatabaseLock>) -> Result<Self, StoreError> {
        Self::start(path, lock, Arc::default())
    }

    fn start(
        path: &Path,
        lock: Option<DatabaseLock>,
        company: Arc<Company>,
    ) -> Result<Self, StoreError> {
        // It holds password hashes. SQLite gives the files beside it the same mode and owner.
        drop(open_private(path).map_err(StoreError::unavailable)?);
        let mut connection = Connection::open(path)?;
        prepare_connection(&connection)?;
        // Every commit that is answered for has reached the disk.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // What a burst made of the log is given back when the log begins anew.
        connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        migrations::migrate(&mut connection)?;
        let overdue = Overdue::default();
        let counts = Arc::<StoreCounts>::default();
        Ok(Self {
            checkpointer: Checkpointer::start(path, overdue.clone())?,
            sweeper: Sweeper::default(),
            readers: Readers::open(path, Arc::clone(&counts))?,
            writer: Writer::start(connection, overdue, company, Arc::clone(&counts))?,
            counts,
            _lock: lock,
        })
    }
}
