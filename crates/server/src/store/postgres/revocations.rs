//! Revocations in SQL. Every publication is stamped with the database's clock and with its writer, for
//! those who follow.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::record::AuditEvent;
use countersign_issuer::revoke::{Revocation, RevocationKind};

use super::audit::{LINE, Line, line_from};
use super::clock::MICROS;
use super::engine::PostgresStore;
use super::pool::Pool;
use super::rows::{self, Text, seconds};
use crate::store::{Revocations, StoreError};

#[async_trait]
impl Revocations for PostgresStore {
    async fn revoke(&self, revocation: Revocation, audit: AuditEvent) -> Result<(), StoreError> {
        let writer = self.follower.writer();
        let published = publish(&self.pool, &revocation, &audit, writer).await;
        self.follower.unless_lost(published)
    }

    async fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
        live(&self.pool, now).await
    }
}

/// What is written of a revocation when it is published again: it is only ever prolonged.
pub(super) const REPUBLISH: &str = "ON CONFLICT (kind, value) DO UPDATE
     SET until = greatest(revocations.until, excluded.until),
         published_at = excluded.published_at, writer = excluded.writer";

async fn live(db: &Pool, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
    let sql = "SELECT kind, value, published_at / 1000000, until FROM revocations WHERE until > $1";
    let rows = db.query(sql, &[&seconds(now)]).await?;
    rows.iter()
        .map(|row| {
            let kind = RevocationKind::from_stored(rows::get(row, 0)?).ok_or_else(|| {
                StoreError::Corrupt {
                    place: "revocations.kind",
                    detail: "a kind this program does not know".into(),
                }
            })?;
            Ok(Revocation {
                kind,
                value: rows::get(row, 1)?,
                at: rows::time(row, 2)?,
                until: rows::time(row, 3)?,
            })
        })
        .collect()
}

/// Publishes a revocation by itself, and writes it down.
async fn publish(
    db: &Pool,
    revocation: &Revocation,
    event: &AuditEvent,
    writer: i64,
) -> Result<(), StoreError> {
    static PUBLISH: LazyLock<String> = LazyLock::new(|| {
        format!(
            "WITH published AS (
                 INSERT INTO revocations (kind, value, until, published_at, writer)
                 VALUES ($1, $2, $3, {MICROS}, $4) {REPUBLISH} RETURNING 1
             )
             INSERT INTO audit ({LINE}) SELECT {} FROM published",
            line_from(5)
        )
    });
    let kind = revocation.kind.as_str();
    let (value, until) = (Text(&revocation.value), seconds(revocation.until));
    let line = Line::of(event);
    db.query(&PUBLISH, &line.after(&[&kind, &value, &until, &writer]))
        .await?;
    Ok(())
}
