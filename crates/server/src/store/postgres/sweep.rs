//! What clears away rows that nobody can ask for again.
//!
//! Ended and expired sessions have an index; those that lay idle cannot have one, for every refresh
//! would have to write it. They are found by walking over the table, a short way at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::UnixTime;

use super::clock::SECONDS;
use super::pool::Pool;
use super::rows::{self, Bytes, seconds, seconds_of};
use crate::store::StoreError;

/// How many rows a sweep looks at, for each it may delete, to find sessions that lay idle.
const WALKED: i64 = 10;

/// Deletes rows whose `time` is `$2` seconds before `$1` or earlier, the oldest first, `$3` at most. A
/// process whose clock
/// is ahead deletes nothing before its time. What a request holds is left for the next time, so nobody
/// waits for anybody.
fn some(table: &str, key: &str, time: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE ({key}) IN
             (SELECT {key} FROM {table} WHERE {time} <= {} - $2::BIGINT ORDER BY {time} LIMIT $3
              FOR UPDATE SKIP LOCKED)
         RETURNING 1",
        not_ahead("$1")
    )
}

/// A time of a process, but never later than now by the clock of the database.
fn not_ahead(time: &str) -> String {
    format!("least({time}::BIGINT, {SECONDS})")
}

/// Clears away, a few rows at a time.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    walked_to: Mutex<Vec<u8>>,
}

impl Sweeper {
    pub(super) async fn sweep(
        &self,
        db: &Pool,
        now: UnixTime,
        remembered: Duration,
        audit_before: UnixTime,
        limit: u32,
    ) -> Result<bool, StoreError> {
        let mut more = audit_lines(db, audit_before, limit).await?;
        let revocations = some("revocations", "kind, value", "until");
        let ended = some("sessions", "handle", "ended_at");
        let expired = some("sessions", "handle", "expires_at");
        let assertions = some("used_assertions", "digest", "until");
        let (now, remembered) = (seconds(now), seconds_of(remembered));
        let limit = i64::from(limit);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let rows = [
            (revocations, 0),
            (ended, remembered),
            (expired, remembered),
            (assertions, 0),
        ];
        for (sql, kept) in rows {
            more |= db.query(&sql, &[&now, &kept, &limit]).await?.len() >= most;
        }
        Ok(self.walk(db, now, remembered, limit).await? || more)
    }

    async fn walk(
        &self,
        db: &Pool,
        now: i64,
        remembered: i64,
        limit: i64,
    ) -> Result<bool, StoreError> {
        let look = format!(
            "WITH slice AS (
                 SELECT handle, idle_expires_at FROM sessions WHERE handle > $1
                 ORDER BY handle LIMIT $2
             ), idle AS (
                 SELECT handle FROM slice WHERE idle_expires_at <= {} - $4::BIGINT LIMIT $5
             )
             SELECT (SELECT count(*)::BIGINT FROM slice),
                 (SELECT handle FROM slice ORDER BY handle DESC LIMIT 1),
                 (SELECT array_agg(handle) FROM idle)",
            not_ahead("$3")
        );
        // By handle alone: a condition on the time as well might be taken for a reason to read the
        // whole table. What was idle for so long is never refreshed again.
        let delete = "DELETE FROM sessions WHERE handle = ANY($1) RETURNING 1";
        let from = self.place().clone();
        let slice = limit.saturating_mul(WALKED);
        let row = db
            .query_one(&look, &[&Bytes(&from), &slice, &now, &remembered, &limit])
            .await?;
        let looked_at: i64 = rows::get(&row, 0)?;
        let last: Option<Vec<u8>> = rows::get(&row, 1)?;
        let idle: Vec<&[u8]> = rows::get::<Option<Vec<&[u8]>>>(&row, 2)?.unwrap_or_default();
        if !idle.is_empty() {
            let idle: Vec<Bytes<'_>> = idle.iter().map(|handle| Bytes(handle)).collect();
            db.query(delete, &[&idle]).await?;
        }
        if i64::try_from(idle.len()).is_ok_and(|idle| idle >= limit) {
            // There may be more of them in the same stretch.
            return Ok(true);
        }
        *self.place() = last.filter(|_| looked_at >= slice).unwrap_or_default();
        Ok(false)
    }

    fn place(&self) -> MutexGuard<'_, Vec<u8>> {
        self.walked_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes lines of the audit log older than `before`; whether there may be more.
async fn audit_lines(db: &Pool, before: UnixTime, limit: u32) -> Result<bool, StoreError> {
    let sql = "DELETE FROM audit WHERE id IN
             (SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING 1";
    let swept = db
        .query(sql, &[&seconds(before), &i64::from(limit)])
        .await?;
    Ok(swept.len() >= limit as usize)
}
