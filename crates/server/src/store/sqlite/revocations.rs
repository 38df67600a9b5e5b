//! Revocations in SQL.

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::record::AuditEvent;
use countersign_issuer::revoke::{Revocation, RevocationKind};
use rusqlite::{Connection, params};

use super::audit;
use super::engine::SqliteStore;
use super::rows::{self, seconds};
use crate::store::{Revocations, StoreError};

#[async_trait]
impl Revocations for SqliteStore {
    async fn revoke(&self, revocation: Revocation, audit: AuditEvent) -> Result<(), StoreError> {
        self.writer
            .write(move |db| {
                publish(db, &revocation, revocation.at)?;
                audit::append(db, &audit)
            })
            .await
    }

    async fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
        self.readers.read(move |db| live(db, now)).await
    }
}

/// Publishes a revocation. One that is known already is only ever prolonged.
pub(super) fn publish(
    db: &Connection,
    revocation: &Revocation,
    now: UnixTime,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO revocations (kind, value, until, published_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (kind, value) DO UPDATE
         SET until = max(until, excluded.until), published_at = excluded.published_at",
    )?
    .execute(params![
        revocation.kind.as_str(),
        revocation.value,
        seconds(revocation.until),
        seconds(now)
    ])?;
    Ok(())
}

pub(super) fn live(db: &Connection, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT kind, value, published_at, until FROM revocations WHERE until > ?1",
    )?;
    let rows = statement.query_map([seconds(now)], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            rows::time(row, 2)?,
            rows::time(row, 3)?,
        ))
    })?;
    let mut live = Vec::new();
    for row in rows {
        let (kind, value, at, until) = row?;
        let kind = RevocationKind::from_stored(&kind).ok_or_else(|| StoreError::Corrupt {
            place: "revocations.kind",
            detail: "a kind this program does not know".into(),
        })?;
        live.push(Revocation {
            kind,
            value,
            at,
            until,
        });
    }
    Ok(live)
}
