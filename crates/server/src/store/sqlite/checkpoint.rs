//! Moves committed pages from the write-ahead log into the database file, on a thread and a
//! connection of its own, so that commits do not wait for it.
//!
//! A log begins anew only when a write finds all of it moved. Where writes never pause there are
//! always some that came after the checkpoint began, and the log would grow for as long as they do
//! not. So once it is long the writer is asked to move the last few pages between two groups.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::connection::prepare_connection;
use crate::store::StoreError;

const EVERY: Duration = Duration::from_millis(500);
/// A log smaller than this is left alone: writing it out costs more than reading past it.
const LOG_BYTES: u64 = 4 * 1024 * 1024;
/// A log of so many pages (16 MiB) is overdue: it must soon begin anew.
const LONG: i64 = 4096;

#[derive(Debug)]
pub(super) struct Checkpointer {
    last: SyncSender<oneshot::Sender<()>>,
}

/// Set while the log is too long, for the writer to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Overdue(Arc<AtomicBool>);

impl Overdue {
    pub(super) fn is_due(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Called by the writer between two groups: moves what the checkpointer has left, if it must.
    /// That is little, and whoever reads at this moment is not waited for.
    pub(super) fn finish(&self, writing: &Connection) {
        if self.0.swap(false, Ordering::Relaxed) {
            checkpoint(writing, "PASSIVE");
        }
    }
}

impl Checkpointer {
    pub(super) fn start(path: &Path, overdue: Overdue) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        prepare_connection(&connection)?;
        let (last, asked) = sync_channel(1);
        let log = log_of(path);
        thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || run(&connection, &log, &overdue, &asked))
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

fn run(
    connection: &Connection,
    log: &Path,
    overdue: &Overdue,
    asked: &Receiver<oneshot::Sender<()>>,
) {
    loop {
        match asked.recv_timeout(EVERY) {
            Err(RecvTimeoutError::Timeout) => {
                if fs::metadata(log).is_ok_and(|log| log.len() >= LOG_BYTES) {
                    let pages = checkpoint(connection, "PASSIVE");
                    overdue.0.store(pages >= LONG, Ordering::Relaxed);
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

/// How many pages the log has, moved or not.
fn checkpoint(connection: &Connection, mode: &str) -> i64 {
    let pragma = format!("PRAGMA wal_checkpoint({mode})");
    let outcome = connection.query_row(&pragma, [], |row| row.get(1));
    outcome.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot write the database log out; it will be tried again");
        0
    })
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
