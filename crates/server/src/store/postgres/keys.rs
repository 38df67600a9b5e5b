//! Signing keys and MAC keys in SQL.
//!
//! Whoever changes keys first counts up one row, and so holds it until the change is committed: of
//! several processes that planned the same step one takes it, and the others find it done.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::Algorithm;
use countersign_issuer::record::{AuditEvent, KeyState, MacKeyRecord, Sealed, SigningKeyRecord};
use countersign_issuer::revoke::Revocation;
use deadpool_postgres::Transaction;
use tokio_postgres::{Error, Row};

use super::audit::{APPEND, Line};
use super::clock::MICROS;
use super::engine::PostgresStore;
use super::pool::{Finish, Parameters, Pool, Work};
use super::revocations::REPUBLISH;
use super::rows::{self, Bytes, Text, seconds};
use crate::store::{KeyName, KeyRowChange, Keys, StoreError};

#[async_trait]
impl Keys for PostgresStore {
    async fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError> {
        all(&self.pool).await
    }

    async fn change_keys(&self, changes: Vec<KeyRowChange>) -> Result<bool, StoreError> {
        let changes = Changes {
            changes: &changes,
            writer: self.follower.writer(),
        };
        self.pool.transact(&changes).await
    }
}

/// Both kinds, as they were at one moment.
async fn all(db: &Pool) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError> {
    let sql = "SELECT kid, algorithm, state, sealed, created_at, signing_at, retiring_at, gone_at,
             NULL::BIGINT AS id
         FROM signing_keys
         UNION ALL
         SELECT NULL, NULL, NULL, sealed, created_at, NULL, retired_at, NULL, id FROM mac_keys
         ORDER BY id, created_at, kid";
    let (mut signing, mut macs) = (Vec::new(), Vec::new());
    for row in &db.query(sql, &[]).await? {
        match rows::get::<Option<i64>>(row, 8)? {
            None => signing.push(signing_row(row)?),
            Some(_) => macs.push(mac_row(row)?),
        }
    }
    Ok((signing, macs))
}

fn signing_row(row: &Row) -> Result<SigningKeyRecord, StoreError> {
    let (algorithm, state): (&str, &str) = (rows::get(row, 1)?, rows::get(row, 2)?);
    let sealed: Option<Vec<u8>> = rows::get(row, 3)?;
    Ok(SigningKeyRecord {
        kid: rows::get(row, 0)?,
        algorithm: Algorithm::from_name(algorithm)
            .ok_or_else(|| unknown("signing_keys.algorithm"))?,
        sealed: sealed.map(Sealed::from_stored),
        state: KeyState::from_stored(state).ok_or_else(|| unknown("signing_keys.state"))?,
        created_at: rows::time(row, 4)?,
        signing_at: rows::optional_time(row, 5)?,
        retiring_at: rows::optional_time(row, 6)?,
        gone_at: rows::optional_time(row, 7)?,
    })
}

fn mac_row(row: &Row) -> Result<MacKeyRecord, StoreError> {
    Ok(MacKeyRecord {
        id: rows::small(row, 8)?,
        sealed: Sealed::from_stored(rows::get::<Vec<u8>>(row, 3)?),
        created_at: rows::time(row, 4)?,
        retired_at: rows::optional_time(row, 6)?,
    })
}

fn unknown(place: &'static str) -> StoreError {
    StoreError::Corrupt {
        place,
        detail: "a word this program does not know".into(),
    }
}

/// Several changes, all of them or none.
struct Changes<'a> {
    changes: &'a [KeyRowChange],
    writer: i64,
}

impl Work for Changes<'_> {
    /// Whether they were made; if not, the caller looks again and plans anew.
    type Answer = bool;

    async fn run(&self, db: &Transaction<'_>) -> Result<(Finish, bool), Error> {
        let count = "UPDATE facts SET value = value + 1 WHERE name = 'key_changes'";
        execute(db, count, &[]).await?;
        for change in self.changes {
            if !self.apply(db, change).await? {
                return Ok((Finish::RollBack, false));
            }
        }
        Ok((Finish::Commit, true))
    }
}

impl Changes<'_> {
    async fn apply(&self, db: &Transaction<'_>, change: &KeyRowChange) -> Result<bool, Error> {
        match change {
            KeyRowChange::Signing {
                record,
                from,
                revocation,
                audit,
            } => {
                let changed = match from {
                    None => insert_signing(db, record).await?,
                    Some(from) => update_signing(db, record, *from).await?,
                };
                if changed {
                    if let Some(revocation) = revocation {
                        self.publish(db, revocation).await?;
                    }
                    append(db, audit).await?;
                }
                Ok(changed)
            }
            KeyRowChange::MacCreated { record, audit } => {
                let changed = insert_mac(db, record).await?;
                if changed {
                    append(db, audit).await?;
                }
                Ok(changed)
            }
            KeyRowChange::MacRetired { id, at } => {
                let sql =
                    "UPDATE mac_keys SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL";
                execute(db, sql, &[&i64::from(*id), &seconds(*at)]).await
            }
            KeyRowChange::MacDeleted { id } => {
                execute(db, "DELETE FROM mac_keys WHERE id = $1", &[&i64::from(*id)]).await
            }
            KeyRowChange::Resealed { key, from, to } => reseal(db, key, from, to).await,
        }
    }

    async fn publish(&self, db: &Transaction<'_>, revocation: &Revocation) -> Result<(), Error> {
        static PUBLISH: LazyLock<String> = LazyLock::new(|| {
            format!(
                "INSERT INTO revocations (kind, value, until, published_at, writer)
                 VALUES ($1, $2, $3, {MICROS}, $4) {REPUBLISH}"
            )
        });
        let (kind, until) = (revocation.kind.as_str(), seconds(revocation.until));
        execute(
            db,
            &PUBLISH,
            &[&kind, &Text(&revocation.value), &until, &self.writer],
        )
        .await?;
        Ok(())
    }
}

async fn insert_signing(db: &Transaction<'_>, record: &SigningKeyRecord) -> Result<bool, Error> {
    // One key per algorithm and state among those that are waited for or sign: a second process
    // that planned the same step finds it done.
    let sql = "INSERT INTO signing_keys
             (kid, algorithm, state, sealed, created_at, signing_at, retiring_at, gone_at)
         SELECT $1::TEXT, $2::TEXT, $3::TEXT, $4::BYTEA, $5::BIGINT, $6::BIGINT, $7::BIGINT,
             $8::BIGINT
         WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE algorithm = $2 AND state = $3)";
    let parameters: Parameters<'_> = &[
        &Text(&record.kid),
        &record.algorithm.name(),
        &record.state.as_str(),
        &record
            .sealed
            .as_ref()
            .map(|sealed| Bytes(sealed.as_bytes())),
        &seconds(record.created_at),
        &record.signing_at.map(seconds),
        &record.retiring_at.map(seconds),
        &record.gone_at.map(seconds),
    ];
    execute(db, sql, parameters).await
}

async fn update_signing(
    db: &Transaction<'_>,
    record: &SigningKeyRecord,
    from: KeyState,
) -> Result<bool, Error> {
    let sql = "UPDATE signing_keys SET state = $3, sealed = $4, signing_at = $5,
             retiring_at = $6, gone_at = $7
         WHERE kid = $1 AND state = $2";
    let parameters: Parameters<'_> = &[
        &Text(&record.kid),
        &from.as_str(),
        &record.state.as_str(),
        &record
            .sealed
            .as_ref()
            .map(|sealed| Bytes(sealed.as_bytes())),
        &record.signing_at.map(seconds),
        &record.retiring_at.map(seconds),
        &record.gone_at.map(seconds),
    ];
    execute(db, sql, parameters).await
}

async fn insert_mac(db: &Transaction<'_>, record: &MacKeyRecord) -> Result<bool, Error> {
    let sql = "INSERT INTO mac_keys (id, sealed, created_at, retired_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING";
    let parameters: Parameters<'_> = &[
        &i64::from(record.id),
        &Bytes(record.sealed.as_bytes()),
        &seconds(record.created_at),
        &record.retired_at.map(seconds),
    ];
    execute(db, sql, parameters).await
}

async fn reseal(
    db: &Transaction<'_>,
    key: &KeyName,
    from: &Sealed,
    to: &Sealed,
) -> Result<bool, Error> {
    let (from, to) = (Bytes(from.as_bytes()), Bytes(to.as_bytes()));
    match key {
        KeyName::Signing(kid) => {
            let sql = "UPDATE signing_keys SET sealed = $3 WHERE kid = $1 AND sealed = $2";
            execute(db, sql, &[&Text(kid), &from, &to]).await
        }
        KeyName::Mac(id) => {
            let sql = "UPDATE mac_keys SET sealed = $3 WHERE id = $1 AND sealed = $2";
            execute(db, sql, &[&i64::from(*id), &from, &to]).await
        }
    }
}

async fn append(db: &Transaction<'_>, event: &AuditEvent) -> Result<(), Error> {
    execute(db, &APPEND, &Line::of(event).after(&[])).await?;
    Ok(())
}

/// Whether it changed one row.
async fn execute(
    db: &Transaction<'_>,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<bool, Error> {
    let statement = db.prepare_cached(sql).await?;
    Ok(db.execute(&statement, parameters).await? == 1)
}
