//! Connections that only read. They see the last commit and never wait for the writer.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::connection::prepare_connection;
use crate::metrics::{Asked, StoreCounts};
use crate::store::StoreError;

#[derive(Clone, Debug)]
pub(super) struct Readers {
    path: PathBuf,
    /// Those nobody reads with.
    idle: Arc<Mutex<Vec<Connection>>>,
    /// How many may read at once; the others wait. A thread and a connection for each would be a
    /// lot of memory in a crowd, and no faster.
    places: Arc<Semaphore>,
    counts: Arc<StoreCounts>,
}

impl Readers {
    pub(super) fn open(path: &Path, counts: Arc<StoreCounts>) -> Result<Self, StoreError> {
        let readers = Self {
            path: path.to_owned(),
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(places())),
            counts,
        };
        readers.put_back(readers.connect()?);
        Ok(readers)
    }

    /// Runs `work` on a thread where waiting for the disk disturbs nobody.
    pub(super) async fn read<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let began = Instant::now();
        let read = self.read_on_a_thread(work).await;
        let failure = read.as_ref().err().map(StoreError::counted);
        self.counts.ended(Asked::Read, began, failure);
        read
    }

    async fn read_on_a_thread<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let readers = self.clone();
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| StoreError::Closed)?;
        tokio::task::spawn_blocking(move || {
            let connection = match readers.take() {
                Some(connection) => connection,
                None => readers.connect()?,
            };
            let outcome = work(&connection);
            readers.put_back(connection);
            drop(place);
            outcome
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        prepare_connection(&connection)?;
        // There are several, all look for the same pages, and the system keeps those as well.
        connection.pragma_update(None, "cache_size", -512)?;
        Ok(connection)
    }

    fn take(&self) -> Option<Connection> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(connection);
    }
}

/// One for each core, and one more: a read may wait for the disk.
fn places() -> usize {
    thread::available_parallelism().map_or(2, NonZero::get) + 1
}
