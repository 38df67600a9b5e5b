//! Revocations in SQL.

use countersign::UnixTime;
use countersign_issuer::revoke::{Revocation, RevocationKind};
use rusqlite::{Connection, params};

use super::rows::{self, seconds};
use crate::store::StoreError;

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
