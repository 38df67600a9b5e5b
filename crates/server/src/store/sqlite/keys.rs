//! Signing keys and MAC keys in SQL.

use async_trait::async_trait;
use countersign::Algorithm;
use countersign_issuer::record::{KeyState, MacKeyRecord, Sealed, SigningKeyRecord};
use rusqlite::{Connection, Row, params};

use super::engine::SqliteStore;
use super::rows::{self, seconds};
use super::{audit, revocations};
use crate::store::{KeyName, KeyRowChange, Keys, StoreError};

#[async_trait]
impl Keys for SqliteStore {
    async fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError> {
        self.readers.read(|db| Ok((signing(db)?, mac(db)?))).await
    }

    async fn change_keys(&self, changes: Vec<KeyRowChange>) -> Result<bool, StoreError> {
        self.writer.write(move |db| change(db, &changes)).await
    }
}

pub(super) fn signing(db: &Connection) -> Result<Vec<SigningKeyRecord>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT kid, algorithm, state, sealed, created_at, signing_at, retiring_at, gone_at
         FROM signing_keys ORDER BY created_at, kid",
    )?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(signing_row(row)?);
    }
    Ok(keys)
}

fn signing_row(row: &Row<'_>) -> Result<SigningKeyRecord, StoreError> {
    let algorithm: String = row.get(1)?;
    let state: String = row.get(2)?;
    let sealed: Option<Vec<u8>> = row.get(3)?;
    Ok(SigningKeyRecord {
        kid: row.get(0)?,
        algorithm: Algorithm::from_name(&algorithm)
            .ok_or_else(|| unknown("signing_keys.algorithm"))?,
        sealed: sealed.map(Sealed::from_stored),
        state: KeyState::from_stored(&state).ok_or_else(|| unknown("signing_keys.state"))?,
        created_at: rows::time(row, 4)?,
        signing_at: rows::optional_time(row, 5)?,
        retiring_at: rows::optional_time(row, 6)?,
        gone_at: rows::optional_time(row, 7)?,
    })
}

fn unknown(place: &'static str) -> StoreError {
    StoreError::Corrupt {
        place,
        detail: "a word this program does not know".into(),
    }
}

pub(super) fn mac(db: &Connection) -> Result<Vec<MacKeyRecord>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT id, sealed, created_at, retired_at FROM mac_keys ORDER BY id")?;
    let keys = statement.query_map([], |row| {
        Ok(MacKeyRecord {
            id: row.get(0)?,
            sealed: Sealed::from_stored(row.get::<_, Vec<u8>>(1)?),
            created_at: rows::time(row, 2)?,
            retired_at: rows::optional_time(row, 3)?,
        })
    })?;
    Ok(keys.collect::<Result<_, _>>()?)
}

fn change(db: &Connection, changes: &[KeyRowChange]) -> Result<bool, StoreError> {
    // Undone as a whole when one step finds the keys changed: the caller looks again and plans anew.
    db.prepare_cached("SAVEPOINT keys")?.execute([])?;
    for change in changes {
        if !apply(db, change)? {
            db.prepare_cached("ROLLBACK TO keys")?.execute([])?;
            db.prepare_cached("RELEASE keys")?.execute([])?;
            return Ok(false);
        }
    }
    db.prepare_cached("RELEASE keys")?.execute([])?;
    Ok(true)
}

fn apply(db: &Connection, change: &KeyRowChange) -> Result<bool, StoreError> {
    match change {
        KeyRowChange::Signing {
            record,
            from,
            revocation,
            audit: event,
        } => {
            let changed = match from {
                None => insert_signing(db, record)?,
                Some(from) => update_signing(db, record, *from)?,
            };
            if changed {
                if let Some(revocation) = revocation {
                    revocations::publish(db, revocation, event.at)?;
                }
                audit::append(db, event)?;
            }
            Ok(changed)
        }
        KeyRowChange::MacCreated {
            record,
            audit: event,
        } => {
            let changed = insert_mac(db, record)?;
            if changed {
                audit::append(db, event)?;
            }
            Ok(changed)
        }
        KeyRowChange::MacRetired { id, at } => Ok(db
            .prepare_cached(
                "UPDATE mac_keys SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL",
            )?
            .execute(params![id, seconds(*at)])?
            == 1),
        KeyRowChange::Resealed { key, from, to } => reseal(db, key, from, to),
        KeyRowChange::MacDeleted { id } => Ok(db
            .prepare_cached("DELETE FROM mac_keys WHERE id = ?1")?
            .execute([id])?
            == 1),
    }
}

fn insert_signing(db: &Connection, record: &SigningKeyRecord) -> Result<bool, StoreError> {
    // One key per algorithm and state among those that are waited for or sign: a second process
    // that planned the same step finds it done.
    let added = db
        .prepare_cached(
            "INSERT INTO signing_keys
                 (kid, algorithm, state, sealed, created_at, signing_at, retiring_at, gone_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
             WHERE NOT EXISTS
                 (SELECT 1 FROM signing_keys WHERE algorithm = ?2 AND state = ?3)",
        )?
        .execute(params![
            record.kid,
            record.algorithm.name(),
            record.state.as_str(),
            record.sealed.as_ref().map(Sealed::as_bytes),
            seconds(record.created_at),
            record.signing_at.map(seconds),
            record.retiring_at.map(seconds),
            record.gone_at.map(seconds),
        ])?;
    Ok(added == 1)
}

fn update_signing(
    db: &Connection,
    record: &SigningKeyRecord,
    from: KeyState,
) -> Result<bool, StoreError> {
    let changed = db
        .prepare_cached(
            "UPDATE signing_keys SET state = ?3, sealed = ?4, signing_at = ?5, retiring_at = ?6,
                 gone_at = ?7
             WHERE kid = ?1 AND state = ?2",
        )?
        .execute(params![
            record.kid,
            from.as_str(),
            record.state.as_str(),
            record.sealed.as_ref().map(Sealed::as_bytes),
            record.signing_at.map(seconds),
            record.retiring_at.map(seconds),
            record.gone_at.map(seconds),
        ])?;
    Ok(changed == 1)
}

fn insert_mac(db: &Connection, record: &MacKeyRecord) -> Result<bool, StoreError> {
    let added = db
        .prepare_cached(
            "INSERT INTO mac_keys (id, sealed, created_at, retired_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            record.id,
            record.sealed.as_bytes(),
            seconds(record.created_at),
            record.retired_at.map(seconds),
        ])?;
    Ok(added == 1)
}

fn reseal(db: &Connection, key: &KeyName, from: &Sealed, to: &Sealed) -> Result<bool, StoreError> {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let changed = match key {
        KeyName::Signing(kid) => db
            .prepare_cached("UPDATE signing_keys SET sealed = ?3 WHERE kid = ?1 AND sealed = ?2")?
            .execute(params![kid, from, to])?,
        KeyName::Mac(id) => db
            .prepare_cached("UPDATE mac_keys SET sealed = ?3 WHERE id = ?1 AND sealed = ?2")?
            .execute(params![id, from, to])?,
    };
    Ok(changed == 1)
}
