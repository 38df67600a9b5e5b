//! The embedded engine: SQLite in WAL mode, one writer at a time, readers apart.
//!
//! ```text
//!   verbs ──> writer ──> alone where they are, or one thread with group commit; synchronous=FULL
//!        └──> readers ─> a few connections that see the last commit
//!             checkpointer ─> moves the log into the file, off the commit path
//! ```
//!
//! Other processes (a `countersign user add` beside a running server) may write too: SQLite's own
//! lock keeps them apart, and `foreign_writes` tells that they did.

mod audit;
mod checkpoint;
mod clients;
mod connection;
pub(crate) mod copy;
mod endings;
mod engine;
mod job;
mod keys;
pub(crate) mod lock;
mod lookout;
mod migrations;
mod reader;
mod revocations;
mod rows;
mod sessions;
pub(crate) mod survey;
mod sweep;
mod users;
mod writer;

use std::time::Duration;

use async_trait::async_trait;
use countersign::UnixTime;
use rusqlite::{Connection, OptionalExtension, params};

pub use self::engine::SqliteStore;
use self::sweep::Until;
use super::{LIFE_IN_USE, LIFE_MARKED_EVERY, Store, StoreError};
use crate::metrics::StoreCounts;

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.readers
            .read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?))
            .await?;
        self.writer.works().await
    }

    async fn foreign_writes(&self) -> Result<u64, StoreError> {
        // SQLite's own counter: it stands still for what this connection writes, and the writing
        // connection writes everything that this process writes.
        self.writer
            .write(|db| {
                let version: i64 = db
                    .prepare_cached("PRAGMA data_version")?
                    .query_row([], |row| row.get(0))?;
                Ok(version.unsigned_abs())
            })
            .await
    }

    async fn longest_access_life(
        &self,
        life: Duration,
        now: UnixTime,
    ) -> Result<Duration, StoreError> {
        let (life, now) = (rows::seconds_of(life), rows::seconds(now));
        let marked = self.readers.read(move |db| {
            Ok(db
                .prepare_cached(
                    "SELECT 1 FROM access_lives WHERE life = ?1 AND abs(?2 - used_at) < ?3",
                )?
                .exists([life, now, LIFE_MARKED_EVERY])?)
        });
        if !marked.await? {
            let mark = "INSERT INTO access_lives (life, used_at) VALUES (?1, ?2)
                 ON CONFLICT (life) DO UPDATE SET used_at = excluded.used_at";
            let written = self.writer.write(move |db| {
                db.prepare_cached(mark)?.execute([life, now])?;
                Ok(())
            });
            written.await?;
        }
        let longest = self.readers.read(move |db| {
            let longest: i64 = db
                .prepare_cached(
                    "SELECT max(life) FROM access_lives
                     WHERE life = ?1 OR used_at + life + ?3 > ?2",
                )?
                .query_row([life, now, LIFE_IN_USE], |row| row.get(0))?;
            Ok(Duration::from_secs(longest.unsigned_abs()))
        });
        longest.await
    }

    async fn longest_session_life(&self, life: Duration) -> Result<Duration, StoreError> {
        self.longest("longest_session_life", life).await
    }

    async fn sweep(
        &self,
        now: UnixTime,
        remembered: Duration,
        audit_before: UnixTime,
        limit: u32,
    ) -> Result<bool, StoreError> {
        let until = Until {
            now,
            remembered,
            audit_before,
        };
        let (readers, writer) = (&self.readers, &self.writer);
        self.sweeper.sweep(readers, writer, until, limit).await
    }

    fn counts(&self) -> &StoreCounts {
        &self.counts
    }

    async fn close(&self) {
        self.checkpointer.finish().await;
    }
}

impl SqliteStore {
    /// The larger of `life` and what the fact `name` says; from now on it says that. It is written
    /// only when it changes.
    async fn longest(&self, name: &'static str, life: Duration) -> Result<Duration, StoreError> {
        let life = rows::seconds_of(life);
        let known: Option<i64> = self
            .readers
            .read(move |db| {
                let mut known = db.prepare_cached("SELECT value FROM facts WHERE name = ?1")?;
                Ok(known.query_row([name], |row| row.get(0)).optional()?)
            })
            .await?;
        let longest = match known.filter(|known| *known >= life) {
            Some(known) => known,
            None => self.writer.write(move |db| raise(db, name, life)).await?,
        };
        Ok(Duration::from_secs(longest.unsigned_abs()))
    }
}

fn raise(db: &Connection, name: &str, value: i64) -> Result<i64, StoreError> {
    let mut raise = db.prepare_cached(
        "INSERT INTO facts (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
         RETURNING value",
    )?;
    Ok(raise.query_row(params![name, value], |row| row.get(0))?)
}
