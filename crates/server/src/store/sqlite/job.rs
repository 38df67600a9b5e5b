//! What is written: alone in a transaction, or with others in one.
//!
//! Of several, each runs inside a savepoint of its own: one that fails is undone alone and never
//! takes its neighbours in the group with it. One that panics fails too, and no more than that: what
//! it did is undone, so nothing half done is built upon, and whoever asked for it is told that the
//! program has a fault. To end the process instead would let one kind of request end it for all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::connection::LOCK_WAIT;
use crate::store::StoreError;

/// A queued write, whatever it answers with.
pub(super) trait Job: Send {
    /// Does the work; false if it failed and must be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the caller, who may be gone by now.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// What became of work that was to be done alone.
pub(super) enum Alone<T, W> {
    /// It is durable, or it failed and is undone.
    Ended(Result<T, StoreError>),
    /// Another process writes: it was not begun.
    NotNow(W),
}

/// Does the work in a transaction of its own.
pub(super) fn alone<T, W>(connection: &Connection, work: W) -> Alone<T, W>
where
    W: FnOnce(&Connection) -> Result<T, StoreError>,
{
    match begin_at_once(connection) {
        Ok(()) => {}
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            return Alone::NotNow(work);
        }
        Err(error) => return Alone::Ended(Err(error.into())),
    }
    let written = unharmed(|| work(connection));
    let written = written.and_then(|value| {
        statement(connection, "COMMIT")?;
        Ok(value)
    });
    if written.is_err() {
        // If that fails as well, it is done before the next one begins.
        let _ = statement(connection, "ROLLBACK");
    }
    Alone::Ended(written)
}

/// Does the work of a group in one transaction.
pub(super) fn together(
    connection: &Connection,
    group: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    begin(connection)?;
    for job in group.iter_mut() {
        if let Err(error) = savepoint(connection, job.as_mut()) {
            // Nothing of a group without its savepoints may be kept.
            let _ = statement(connection, "ROLLBACK");
            return Err(error.into());
        }
    }
    let committed = statement(connection, "COMMIT").inspect_err(|_| {
        let _ = statement(connection, "ROLLBACK");
    });
    Ok(committed?)
}

/// Work for a group, and where to say what became of it.
pub(super) fn queued<T, W>(work: W, answer: oneshot::Sender<Result<T, StoreError>>) -> Box<dyn Job>
where
    T: Send + 'static,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    Box::new(Write {
        work: Some(work),
        outcome: None,
        answer,
    })
}

/// Writes something that needs room of its own and leaves nothing.
pub(super) fn try_out(connection: &Connection) -> Result<(), StoreError> {
    let name = "?".repeat(3 * 4096);
    connection
        .prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?1, 0)")?
        .execute([&name])?;
    connection
        .prepare_cached("DELETE FROM facts WHERE name = ?1")?
        .execute([&name])?;
    Ok(())
}

struct Write<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Write<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let work = self.work.take();
        let outcome = work.map(|work| unharmed(|| work(connection)));
        let kept = matches!(outcome, Some(Ok(_)));
        self.outcome = outcome;
        kept
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match (self.outcome, committed) {
            // A job that failed by itself says why, whatever became of the others.
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // The caller may have hung up; its write stands all the same.
        let _ = self.answer.send(outcome);
    }
}

/// A panic is a failure. Whatever the work has changed is in the database, where it is undone.
fn unharmed<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StoreError::Fault))
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    if !connection.is_autocommit() {
        statement(connection, "ROLLBACK")?;
    }
    statement(connection, "BEGIN IMMEDIATE")
}

/// The same without waiting for another process.
fn begin_at_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let begun = begin(connection);
    connection.busy_timeout(LOCK_WAIT)?;
    begun
}

fn savepoint(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    statement(connection, "SAVEPOINT job")?;
    if !job.run(connection) {
        statement(connection, "ROLLBACK TO job")?;
    }
    statement(connection, "RELEASE job")
}

fn statement(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
