//! The shared engine: PostgreSQL, for more than one server process.
//!
//! ```text
//!   verbs ──> pool ──> one statement each, and so one transaction and one round trip
//!                 └──> a transaction of a few statements where one cannot see enough
//! ```
//!
//! Processes are interchangeable: nothing that matters lives in one of them. Nothing is used that the
//! distributed engines which speak PostgreSQL's protocol lack: no advisory locks, no notifications;
//! what another transaction got in the way of is tried again, and rows that are written often are
//! keyed at random.
//!
//! A verb answers after its change is durable, or fails within seconds. One that failed because the
//! connection was lost may have happened all the same: refreshes are safe to repeat, and so are ends.
//! Where very many sessions end, the change that ends them is committed with the first of them and
//! the rest follow in batches; asked again, a verb that was cut short goes on.

mod address;
mod audit;
mod clients;
mod clock;
mod endings;
mod engine;
mod failure;
mod follower;
mod keys;
mod migrations;
mod pool;
mod revocations;
mod rotation;
mod rows;
mod sessions;
mod sweep;
mod users;

use std::time::Duration;

use async_trait::async_trait;
use countersign::UnixTime;
use tokio_postgres::types::ToSql;

use self::clock::SECONDS;
pub use self::engine::PostgresStore;
use super::{LIFE_IN_USE, LIFE_MARKED_EVERY, Store, StoreError};
use crate::metrics::StoreCounts;

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        let rows = self.pool.query("SELECT pg_is_in_recovery()", &[]).await?;
        if rows.iter().any(|row| row.get(0)) {
            return Err(StoreError::Unwritable("it is a standby".to_owned()));
        }
        Ok(())
    }

    async fn foreign_writes(&self) -> Result<u64, StoreError> {
        self.follower.changes(&self.pool).await
    }

    async fn longest_access_life(
        &self,
        life: Duration,
        _now: UnixTime,
    ) -> Result<Duration, StoreError> {
        let life = rows::seconds_of(life);
        let look = format!(
            "SELECT max(life),
                 coalesce(max(used_at) FILTER (WHERE life = $1), 0) + $2::BIGINT > {SECONDS}
             FROM access_lives WHERE life = $1 OR used_at + life + $3::BIGINT > {SECONDS}"
        );
        let parameters: [&(dyn ToSql + Sync); 3] = [&life, &LIFE_MARKED_EVERY, &LIFE_IN_USE];
        let row = self.pool.query_one(&look, &parameters).await?;
        let longest: i64 = rows::get::<Option<i64>>(&row, 0)?.unwrap_or_default();
        if !rows::get::<bool>(&row, 1)? {
            let mark = format!(
                "INSERT INTO access_lives (life, used_at) VALUES ($1, {SECONDS})
                 ON CONFLICT (life) DO UPDATE SET used_at = excluded.used_at"
            );
            self.pool.query(&mark, &[&life]).await?;
        }
        Ok(Duration::from_secs(longest.max(life).unsigned_abs()))
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
        self.sweeper
            .sweep(&self.pool, now, remembered, audit_before, limit)
            .await
    }

    fn counts(&self) -> &StoreCounts {
        self.pool.counts()
    }

    async fn close(&self) {
        self.pool.close();
    }
}

impl PostgresStore {
    /// The larger of `life` and what the fact `name` says; from now on it says that. It is written
    /// only when it changes.
    async fn longest(&self, name: &'static str, life: Duration) -> Result<Duration, StoreError> {
        let sql = "INSERT INTO facts (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = greatest(facts.value, excluded.value)
             RETURNING value";
        let life = rows::seconds_of(life);
        let known = "SELECT value FROM facts WHERE name = $1 AND value >= $2";
        let row = match self.pool.query_opt(known, &[&name, &life]).await? {
            Some(row) => row,
            None => self.pool.query_one(sql, &[&name, &life]).await?,
        };
        rows::length(&row, 0)
    }
}
