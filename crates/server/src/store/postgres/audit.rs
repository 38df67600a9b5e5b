//! The audit log in SQL: appended to, read, never changed.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign_issuer::record::{AuditEvent, AuditKind};
use tokio_postgres::Row;

use super::clock::MICROS;
use super::engine::PostgresStore;
use super::pool::{Parameters, Pool};
use super::rows::{self, Text, seconds, text};
use crate::store::{AuditLog, StoreError};

#[async_trait]
impl AuditLog for PostgresStore {
    async fn audit(&self, event: AuditEvent) -> Result<(), StoreError> {
        append(&self.pool, &event).await
    }

    async fn audit_log(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        read(&self.pool, after, limit).await
    }

    async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError> {
        tail(&self.pool, lines).await
    }
}

/// The columns of a line as it is written; the database adds its number and its time.
pub(super) const LINE: &str =
    "at, event, user_id, username, sid, actor, network, detail, written_at";

/// The name of whose session it was, where sessions end as `ended`.
pub(super) const NAME_OF_ENDED: &str =
    "(SELECT username FROM users WHERE users.id = ended.user_id)";

/// How long a transaction that has drawn a number may be under way, in microseconds: twice what a
/// transaction is given.
const UNDER_WAY: i64 = 10_000_000;

/// Selects one line, with the name of the user where only the id is known, whose parameters are numbered from `first` on, for [`LINE`].
pub(super) fn line_from(first: usize) -> String {
    line_with(first, &format!("${}::TEXT", first + 7))
}

/// The same with this for its detail, which is a parameter no more.
pub(super) fn line_with(first: usize, detail: &str) -> String {
    let p = |offset: usize| first + offset;
    format!(
        "${}::BIGINT, ${}::TEXT, ${}::TEXT, \
         COALESCE(${}::TEXT, (SELECT username FROM users WHERE users.id = ${})), \
         ${}::TEXT, ${}::TEXT, ${}::TEXT, {detail}, {MICROS}",
        p(0),
        p(1),
        p(2),
        p(3),
        p(2),
        p(4),
        p(5),
        p(6)
    )
}

/// The parameters of a line.
pub(super) struct Line<'a> {
    at: i64,
    event: &'static str,
    texts: [Option<Text<'a>>; 6],
}

impl<'a> Line<'a> {
    pub(super) fn of(event: &'a AuditEvent) -> Self {
        Self {
            at: seconds(event.at),
            event: event.kind.as_str(),
            texts: [
                text(event.user_id.as_ref()),
                text(event.username.as_ref()),
                text(event.sid.as_ref()),
                text(event.actor.as_ref()),
                text(event.network.as_ref()),
                text(event.detail.as_ref()),
            ],
        }
    }

    /// `before`, and after it the parameters of this line.
    pub(super) fn after<'p>(
        &'p self,
        before: Parameters<'p>,
    ) -> Vec<&'p (dyn tokio_postgres::types::ToSql + Sync)> {
        let mut all = before.to_vec();
        all.push(&self.at);
        all.push(&self.event);
        for text in &self.texts {
            all.push(text);
        }
        all
    }

    /// The same for a line whose detail the statement says itself.
    pub(super) fn without_detail_after<'p>(
        &'p self,
        before: Parameters<'p>,
    ) -> Vec<&'p (dyn tokio_postgres::types::ToSql + Sync)> {
        let mut all = self.after(before);
        all.pop();
        all
    }
}

/// Appends a line by itself.
async fn append(db: &Pool, event: &AuditEvent) -> Result<(), StoreError> {
    db.query(&APPEND, &Line::of(event).after(&[])).await?;
    Ok(())
}

/// Appends a line.
pub(super) static APPEND: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO audit ({LINE}) SELECT {}", line_from(1)));

/// Lines with numbers after `after`. A number is drawn before its line is committed, so a line may
/// appear behind others that have been read: where a number is missing and its transaction may still
/// be under way, the answer stops, and whoever follows the log misses nothing.
async fn read(db: &Pool, after: u64, limit: u32) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
    static READ: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT id, at, event, user_id, username, sid, actor, network, detail,
                 written_at < {MICROS} - $3::BIGINT
             FROM audit WHERE id > $1 ORDER BY id LIMIT $2"
        )
    });
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = db
        .query(&READ, &[&after, &i64::from(limit), &UNDER_WAY])
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    let mut last = after;
    for row in &rows {
        let id: i64 = rows::get(row, 0)?;
        let settled: bool = rows::get(row, 9)?;
        if id != last.saturating_add(1) && !settled {
            break;
        }
        last = id;
        events.push((id.unsigned_abs(), event(row)?));
    }
    Ok(events)
}

/// The number of the last line but `lines`.
async fn tail(db: &Pool, lines: u32) -> Result<u64, StoreError> {
    let sql = "SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1";
    let row = db.query_opt(sql, &[&i64::from(lines)]).await?;
    row.map_or(Ok(0), |row| Ok(rows::get::<i64>(&row, 0)?.unsigned_abs()))
}

fn event(row: &Row) -> Result<AuditEvent, StoreError> {
    let kind: &str = rows::get(row, 2)?;
    let kind = AuditKind::from_stored(kind).ok_or_else(|| StoreError::Corrupt {
        place: "audit.event",
        detail: "an event this program does not know".into(),
    })?;
    Ok(AuditEvent {
        user_id: rows::get(row, 3)?,
        username: rows::get(row, 4)?,
        sid: rows::get(row, 5)?,
        actor: rows::get(row, 6)?,
        network: rows::get(row, 7)?,
        detail: rows::get(row, 8)?,
        ..AuditEvent::new(rows::time(row, 1)?, kind)
    })
}
