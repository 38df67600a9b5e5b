//! The audit log in SQL: appended to, read, never changed; old lines are swept.

use async_trait::async_trait;
use countersign_issuer::record::{AuditEvent, AuditKind};
use rusqlite::{Connection, Row, params};

use super::engine::SqliteStore;
use super::rows::{self, seconds};
use crate::store::{AuditLog, StoreError};

#[async_trait]
impl AuditLog for SqliteStore {
    async fn audit(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.writer.write(move |db| append(db, &event)).await
    }

    async fn audit_log(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        self.readers.read(move |db| read(db, after, limit)).await
    }

    async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError> {
        self.readers.read(move |db| tail(db, lines)).await
    }
}

/// Appends a line, in the transaction of what it records; with the name of the user where only the id is
/// known, for names are what people look for.
pub(super) fn append(db: &Connection, event: &AuditEvent) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO audit (at, event, user_id, username, sid, actor, network, detail)
         VALUES (?1, ?2, ?3, coalesce(?4, (SELECT username FROM users WHERE id = ?3)),
                 ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        seconds(event.at),
        event.kind.as_str(),
        event.user_id,
        event.username,
        event.sid,
        event.actor,
        event.network,
        event.detail,
    ])?;
    Ok(())
}

fn read(db: &Connection, after: u64, limit: u32) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id, at, event, user_id, username, sid, actor, network, detail
         FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after, limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(event(row)?);
    }
    Ok(events)
}

fn tail(db: &Connection, lines: u32) -> Result<u64, StoreError> {
    let last: i64 = db
        .prepare_cached("SELECT coalesce(max(id), 0) FROM audit")?
        .query_row([], |row| row.get(0))?;
    Ok(last.unsigned_abs().saturating_sub(u64::from(lines)))
}

fn event(row: &Row<'_>) -> Result<(u64, AuditEvent), StoreError> {
    let id: i64 = row.get(0)?;
    let kind: String = row.get(2)?;
    let kind = AuditKind::from_stored(&kind).ok_or_else(|| StoreError::Corrupt {
        place: "audit.event",
        detail: "an event this program does not know".into(),
    })?;
    let event = AuditEvent {
        user_id: row.get(3)?,
        username: row.get(4)?,
        sid: row.get(5)?,
        actor: row.get(6)?,
        network: row.get(7)?,
        detail: row.get(8)?,
        ..AuditEvent::new(rows::time(row, 1)?, kind)
    };
    Ok((id.unsigned_abs(), event))
}
