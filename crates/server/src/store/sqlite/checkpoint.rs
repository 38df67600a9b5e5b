//! Moves committed pages from the write-ahead log into the database file, on a thread and a
//! connection of its own, so that no commit ever waits for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::prepare_connection;
use crate::store::StoreError;

const EVERY: Duration = Duration::from_millis(500);
/// A log smaller than this is left alone: writing it out costs more than reading past it.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Checkpointer {
    last: SyncSender<oneshot::Sender<()>>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        prepare_connection(&connection)?;
        let (last, asked) = sync_channel(1);
        let log = log_of(path);
        thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || run(&connection, &log, &asked))
            .map_err(StoreError::unavailable)?;
        Ok(Self { last })
    }

    /// Writes everything out once more, and ends the thread.
    pub(super) async fn finish(&self) {
        let (done, wait) = oneshot::channel();
        // If the thread has ended already there is nothing left to write out.
        if self.last.try_send(done).is_ok() {
            let _ = wait.await;
        }
    }
}

fn run(connection: &Connection, log: &Path, asked: &Receiver<oneshot::Sender<()>>) {
    loop {
        match asked.recv_timeout(EVERY) {
            Err(RecvTimeoutError::Timeout) => {
                if fs::metadata(log).is_ok_and(|log| log.len() >= LOG_BYTES) {
                    checkpoint(connection, "PASSIVE");
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(done) => {
                checkpoint(connection, "TRUNCATE");
                // Whoever asked may not wait any longer.
                let _ = done.send(());
                return;
            }
        }
    }
}

fn checkpoint(connection: &Connection, mode: &str) {
    let outcome = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
    if let Err(error) = outcome {
        tracing::warn!(%error, "cannot write the database log out; it will be tried again");
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
