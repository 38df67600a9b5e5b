//! What clears away rows that nobody can ask for again.
//!
//! They are found by a reader, which holds nobody up, and deleted by their keys, a few in a
//! transaction. What has ended and what has expired has an index. What lay idle cannot have one, for
//! every refresh would have to write it: it is found by walking over the table, a short way at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::UnixTime;
use rusqlite::{Connection, Row, params};

use super::reader::Readers;
use super::rows::seconds;
use super::writer::Writer;
use crate::store::StoreError;

/// How many rows are deleted in one transaction at most.
const AT_ONCE: usize = 50;
/// How many sessions a sweep looks at, for each it may delete, to find those that lay idle.
const WALKED: usize = 10;

/// Clears away, a few rows at a time.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    walked_to: Mutex<Vec<u8>>,
}

/// Until when what is over is to be deleted.
#[derive(Clone, Copy)]
pub(super) struct Until {
    /// Revocations and used assertions.
    pub(super) now: UnixTime,
    /// How long sessions stay when they are over.
    pub(super) remembered: Duration,
    /// Audit lines.
    pub(super) audit_before: UnixTime,
}

impl Sweeper {
    /// Deletes `limit` rows of a kind at most; whether there may be more.
    pub(super) async fn sweep(
        &self,
        readers: &Readers,
        writer: &Writer,
        until: Until,
        limit: u32,
    ) -> Result<bool, StoreError> {
        let from = self.place().clone();
        let found = readers.read(move |db| find(db, &from, until, limit));
        let found = found.await?;
        let mut rows = found.rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<Swept> = rows.by_ref().take(AT_ONCE).collect();
            writer.write(move |db| delete(db, &some)).await?;
        }
        *self.place() = found.walked_to;
        Ok(found.more)
    }

    fn place(&self) -> MutexGuard<'_, Vec<u8>> {
        self.walked_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row by its key. What can be prolonged is deleted only if it has not been in the meantime.
enum Swept {
    Revocation(String, String, i64),
    Session(Vec<u8>),
    Assertion(Vec<u8>),
    AuditLine(i64),
}

#[derive(Default)]
struct Found {
    rows: Vec<Swept>,
    more: bool,
    walked_to: Vec<u8>,
}

fn find(db: &Connection, from: &[u8], until: Until, limit: u32) -> Result<Found, StoreError> {
    let now = seconds(until.now);
    let over = seconds(until.now.saturating_sub(until.remembered));
    let mut found = Found::default();
    found.add(
        db,
        "SELECT kind, value FROM revocations WHERE until <= ?1 ORDER BY until LIMIT ?2",
        (now, limit),
        |row| Ok(Swept::Revocation(row.get(0)?, row.get(1)?, now)),
    )?;
    for column in ["ended_at", "expires_at"] {
        let sql =
            format!("SELECT handle FROM sessions WHERE {column} <= ?1 ORDER BY {column} LIMIT ?2");
        let session = |row: &Row<'_>| Ok(Swept::Session(row.get(0)?));
        found.add(db, &sql, (over, limit), session)?;
    }
    found.add(
        db,
        "SELECT digest FROM used_assertions WHERE until <= ?1 ORDER BY until LIMIT ?2",
        (now, limit),
        |row| Ok(Swept::Assertion(row.get(0)?)),
    )?;
    found.add(
        db,
        "SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2",
        (seconds(until.audit_before), limit),
        |row| Ok(Swept::AuditLine(row.get(0)?)),
    )?;
    found.walk(db, from, over, limit as usize)?;
    Ok(found)
}

impl Found {
    fn add(
        &mut self,
        db: &Connection,
        sql: &str,
        (over, limit): (i64, u32),
        row: impl Fn(&Row<'_>) -> rusqlite::Result<Swept>,
    ) -> Result<(), StoreError> {
        let before = self.rows.len();
        let mut statement = db.prepare_cached(sql)?;
        for found in statement.query_map(params![over, limit], row)? {
            self.rows.push(found?);
        }
        self.more |= self.rows.len() - before >= limit as usize;
        Ok(())
    }

    /// Looks at a stretch of the sessions for those that lay idle, from after `from` on.
    fn walk(
        &mut self,
        db: &Connection,
        from: &[u8],
        over: i64,
        limit: usize,
    ) -> Result<(), StoreError> {
        let slice = limit.saturating_mul(WALKED);
        let mut statement = db.prepare_cached(
            "SELECT handle, idle_expires_at FROM sessions WHERE handle > ?1
             ORDER BY handle LIMIT ?2",
        )?;
        let (mut idle, mut looked_at, mut last) = (0, 0, Vec::new());
        let mut rows = statement.query(params![from, i64::try_from(slice).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            last = row.get(0)?;
            if row.get::<_, i64>(1)? <= over {
                self.rows.push(Swept::Session(last.clone()));
                idle += 1;
                if idle >= limit {
                    // There may be more of them right behind.
                    self.more = true;
                    break;
                }
            }
        }
        if idle >= limit || looked_at >= slice {
            self.walked_to = last;
        }
        Ok(())
    }
}

fn delete(db: &Connection, rows: &[Swept]) -> Result<(), StoreError> {
    for row in rows {
        match row {
            Swept::Revocation(kind, value, now) => db
                .prepare_cached(
                    "DELETE FROM revocations WHERE kind = ?1 AND value = ?2 AND until <= ?3",
                )?
                .execute(params![kind, value, now])?,
            // What is over, or lay idle for so long, is never used again.
            Swept::Session(handle) => db
                .prepare_cached("DELETE FROM sessions WHERE handle = ?1")?
                .execute([handle])?,
            Swept::Assertion(digest) => db
                .prepare_cached("DELETE FROM used_assertions WHERE digest = ?1")?
                .execute([digest])?,
            Swept::AuditLine(id) => db
                .prepare_cached("DELETE FROM audit WHERE id = ?1")?
                .execute([id])?,
        };
    }
    Ok(())
}
