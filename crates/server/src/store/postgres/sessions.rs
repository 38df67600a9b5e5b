//! Sessions and what ends them, in SQL. Each verb is one statement, and so one transaction.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::Client;
use countersign_issuer::record::{AuditEvent, Handle, PasswordHash, Session};
use countersign_issuer::revoke::RevocationKind;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::audit::{LINE, Line, line_from};
use super::clock::MICROS;
use super::engine::PostgresStore;
use super::follower::NOBODY;
use super::pool::Pool;
use super::revocations::REPUBLISH;
use super::rotation;
use super::rows::{self, Bytes, SESSION, SESSION_COLUMNS, Text, seconds, text};
use crate::store::{
    Ended, Ending, Opened, Rotated, Rotation, Sessions, StoreError, Which, hash_kind,
};

#[async_trait]
impl Sessions for PostgresStore {
    async fn open_session(
        &self,
        session: Session,
        checked: PasswordHash,
        upgrade: Option<PasswordHash>,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError> {
        open(&self.pool, &session, &checked, upgrade.as_ref(), &audit).await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        rotation::rotate(&self.pool, &rotation).await
    }

    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError> {
        by_handle(&self.pool, handle).await
    }

    async fn sessions_of(&self, user_id: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        of_user(&self.pool, user_id, now).await
    }

    async fn sessions(
        &self,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Vec<(Session, String)>, StoreError> {
        list(&self.pool, after.unwrap_or_default(), limit, now).await
    }

    async fn end_sessions(&self, which: Which, ending: Ending) -> Result<Vec<Ended>, StoreError> {
        let writer = self.follower.writer();
        let ended = end(&self.pool, &which, &ending, writer).await;
        self.follower.unless_lost(ended)
    }
}

/// How many sessions one statement ends at most: all at once may be more than one statement is given
/// time for, and others wait for what it holds.
pub(super) const AT_ONCE: u32 = 2000;

/// Opens a session for a user whose row is held meanwhile: a new password and a disabling wait, or
/// came first and are seen.
fn open_sql(held: &str) -> String {
    format!(
        "WITH held AS ({held}), for_client AS (
             SELECT client_id FROM clients WHERE client_id = $7::TEXT AND NOT disabled FOR SHARE
         ), opened AS (
             INSERT INTO sessions (handle, sid, user_id, client_id, scope, audience, generation,
                 mac_key_id, mark1_generation, mark1_at, mark2_generation, mark2_at,
                 mark3_generation, mark3_at, mark4_generation, mark4_at,
                 created_at, auth_time, last_used_at, idle_expires_at, expires_at)
             SELECT $5::BYTEA, $6::TEXT, id, $7::TEXT, $8::TEXT, $9::TEXT, $10::BIGINT,
                 $11::BIGINT, $12::BIGINT, $13::BIGINT, $14::BIGINT, $15::BIGINT, $16::BIGINT,
                 $17::BIGINT, $18::BIGINT, $19::BIGINT, $20::BIGINT, $21::BIGINT, $22::BIGINT,
                 $23::BIGINT, $24::BIGINT
             FROM held
             WHERE $7::TEXT = '{first_party}' OR EXISTS (SELECT 1 FROM for_client)
             RETURNING sid
         ), written AS (
             INSERT INTO audit ({LINE}) SELECT {line} FROM opened
         )
         SELECT sid FROM opened",
        first_party = Client::FIRST_PARTY,
        line = line_from(25)
    )
}

async fn open(
    db: &Pool,
    session: &Session,
    checked: &PasswordHash,
    upgrade: Option<&PasswordHash>,
    event: &AuditEvent,
) -> Result<Opened, StoreError> {
    static OPEN: LazyLock<String> = LazyLock::new(|| {
        open_sql(
            "SELECT id FROM users
             WHERE id = $1 AND password_hash = $2 AND $3::TEXT IS NULL AND $4::TEXT IS NULL
               AND NOT disabled FOR SHARE",
        )
    });
    static OPEN_AND_UPGRADE: LazyLock<String> = LazyLock::new(|| {
        open_sql(
            "UPDATE users SET password_hash = $3, hash_kind = $4
             WHERE id = $1 AND password_hash = $2 AND NOT disabled RETURNING id",
        )
    });
    let audience =
        serde_json::to_string(&session.audience).map_err(|error| StoreError::Corrupt {
            place: "sessions.audience",
            detail: error.to_string(),
        })?;
    let [g1, t1, g2, t2, g3, t3, g4, t4] = rows::mark_values(&session.marks);
    let line = Line::of(event);
    let opened = db
        .query(
            if upgrade.is_some() {
                &OPEN_AND_UPGRADE
            } else {
                &OPEN
            },
            &line.after(&[
                &Text(&session.user_id),
                &Text(checked.as_str()),
                &upgrade.map(|hash| Text(hash.as_str())),
                &upgrade.map(|hash| Text(hash_kind(hash))),
                &Bytes(session.handle.as_bytes()),
                &Text(&session.sid),
                &Text(&session.client_id),
                &Text(&session.scope),
                &Text(&audience),
                &i64::from(session.generation),
                &i64::from(session.mac_key_id),
                &g1,
                &t1,
                &g2,
                &t2,
                &g3,
                &t3,
                &g4,
                &t4,
                &seconds(session.created_at),
                &seconds(session.auth_time),
                &seconds(session.last_used_at),
                &seconds(session.idle_expires_at),
                &seconds(session.expires_at),
            ]),
        )
        .await?;
    Ok(if opened.is_empty() {
        Opened::UserChanged
    } else {
        Opened::Opened
    })
}

async fn by_handle(db: &Pool, handle: Handle) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {SESSION} FROM sessions WHERE handle = $1");
    let row = db.query_opt(&sql, &[&Bytes(handle.as_bytes())]).await?;
    row.as_ref().map(rows::session).transpose()
}

async fn of_user(db: &Pool, user_id: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT {SESSION} FROM sessions
         WHERE user_id = $1 AND ended_at IS NULL AND idle_expires_at > $2 AND expires_at > $2
         ORDER BY created_at DESC, sid"
    );
    let found = db.query(&sql, &[&Text(user_id), &seconds(now)]).await?;
    found.iter().map(rows::session).collect()
}

async fn list(
    db: &Pool,
    after: &str,
    limit: u32,
    now: UnixTime,
) -> Result<Vec<(Session, String)>, StoreError> {
    let sql = format!(
        "SELECT {SESSION}, users.username FROM sessions
         JOIN users ON users.id = sessions.user_id
         WHERE sid > $1 AND ended_at IS NULL AND idle_expires_at > $2 AND expires_at > $2
         ORDER BY sid LIMIT $3"
    );
    let found = db
        .query(&sql, &[&Text(after), &seconds(now), &i64::from(limit)])
        .await?;
    let pair = |row: &Row| Ok((rows::session(row)?, rows::get(row, SESSION_COLUMNS)?));
    found.iter().map(pair).collect()
}

async fn end(
    db: &Pool,
    which: &Which,
    ending: &Ending,
    writer: i64,
) -> Result<Vec<Ended>, StoreError> {
    let values = EndingValues::of(ending, writer);
    let ended = match which {
        Which::Of { user_id, sid } => {
            let sql = end_sql("sid = $9 AND user_id = $10");
            db.query(&sql, &values.before(&[&Text(sid), &Text(user_id)]))
                .await
        }
        Which::Sid(sid) => {
            db.query(&end_sql("sid = $9"), &values.before(&[&Text(sid)]))
                .await
        }
        Which::Handle(handle) => {
            let handle = Bytes(handle.as_bytes());
            db.query(&end_sql("handle = $9"), &values.before(&[&handle]))
                .await
        }
        Which::Everyone => {
            return end_some_and_the_rest(db, &END_EVERYONES, &[], ending, writer).await;
        }
        Which::AllOf { user_id } => {
            let of_user: [&(dyn ToSql + Sync); 2] = [&Text(user_id), &None::<Text<'_>>];
            return end_some_and_the_rest(db, &END_ALL_BUT, &of_user, ending, writer).await;
        }
    };
    ended?.iter().map(ended_row).collect()
}

/// Ends what `sql` finds, some at a time, until it finds nothing more.
async fn end_some_and_the_rest(
    db: &Pool,
    sql: &str,
    condition: &[&(dyn ToSql + Sync)],
    ending: &Ending,
    writer: i64,
) -> Result<Vec<Ended>, StoreError> {
    let values = EndingValues::of(ending, writer);
    let some = db.query(sql, &values.before(condition)).await?;
    let ended = some.iter().map(ended_row).collect::<Result<_, _>>()?;
    end_rest(db, sql, condition, ending, ended).await
}

/// Ends what is left of what `sql` finds, after some ended by it. They are published as nobody's, so
/// that this process hears of each batch when the others do, and not when all have ended.
///
/// If it is cut short, the rest is ended when the same is asked for again.
pub(super) async fn end_rest(
    db: &Pool,
    sql: &str,
    condition: &[&(dyn ToSql + Sync)],
    ending: &Ending,
    mut ended: Vec<Ended>,
) -> Result<Vec<Ended>, StoreError> {
    if ended.len() < AT_ONCE as usize {
        return Ok(ended);
    }
    let values = EndingValues::of(ending, NOBODY);
    loop {
        let some = db.query(sql, &values.before(condition)).await?;
        if some.is_empty() {
            return Ok(ended);
        }
        for row in &some {
            ended.push(ended_row(row)?);
        }
    }
}

/// Ends some sessions of anybody.
static END_EVERYONES: LazyLock<String> = LazyLock::new(|| end_some_sql("TRUE"));

/// Ends some sessions of user `$9` but `$10`. Sessions past their expiry are ended as well: their
/// last access token may outlive them by a moment.
pub(super) static END_ALL_BUT: LazyLock<String> =
    LazyLock::new(|| end_some_sql("user_id = $9 AND sid IS DISTINCT FROM $10::TEXT"));

/// Ends some sessions that were opened for client `$9`, if that is not the server's own.
pub(super) static END_ALL_FOR: LazyLock<String> =
    LazyLock::new(|| end_some_sql("client_id = $9 AND client_id <> 'first-party'"));

/// Like [`end_sql`], no more than [`AT_ONCE`].
fn end_some_sql(condition: &str) -> String {
    end_sql(&format!(
        "handle IN (SELECT handle FROM sessions WHERE ended_at IS NULL AND {condition}
                    LIMIT {AT_ONCE})"
    ))
}

/// Ends the sessions for which `condition` holds, publishes each end and writes it down. The
/// parameters of the condition are numbered from 9 on.
fn end_sql(condition: &str) -> String {
    format!(
        "WITH ended AS (
             UPDATE sessions SET ended_at = $1, end_reason = $2
             WHERE ended_at IS NULL AND {condition} RETURNING sid, user_id
         ), published AS (
             INSERT INTO revocations (kind, value, until, published_at, writer)
             SELECT '{kind}', sid, $3::BIGINT, {MICROS}, $4::BIGINT FROM ended {REPUBLISH}
         ), written AS (
             INSERT INTO audit ({LINE})
             SELECT $1::BIGINT, $5::TEXT, user_id, NULL::TEXT, sid, $6::TEXT, $7::TEXT, $8::TEXT,
                 {MICROS}
             FROM ended
         )
         SELECT sid, user_id FROM ended",
        kind = RevocationKind::Session.as_str()
    )
}

/// The parameters of [`end_sql`].
pub(super) struct EndingValues<'a> {
    at: i64,
    reason: &'static str,
    until: i64,
    writer: i64,
    event: &'static str,
    actor: Option<Text<'a>>,
    network: Option<Text<'a>>,
    detail: String,
}

impl<'a> EndingValues<'a> {
    pub(super) fn of(ending: &'a Ending, writer: i64) -> Self {
        Self {
            at: seconds(ending.at),
            reason: ending.reason.as_str(),
            until: seconds(ending.until),
            writer,
            event: ending.kind.as_str(),
            actor: text(ending.actor.as_ref()),
            network: text(ending.network.as_ref()),
            detail: match &ending.detail {
                Some(detail) => format!("{} {detail}", ending.reason).replace('\0', "\u{fffd}"),
                None => ending.reason.to_string(),
            },
        }
    }

    /// These, and then those of the condition.
    pub(super) fn before<'p>(
        &'p self,
        condition: &[&'p (dyn ToSql + Sync)],
    ) -> Vec<&'p (dyn ToSql + Sync)> {
        let mut all: Vec<&(dyn ToSql + Sync)> = vec![
            &self.at,
            &self.reason,
            &self.until,
            &self.writer,
            &self.event,
            &self.actor,
            &self.network,
            &self.detail,
        ];
        all.extend(condition);
        all
    }
}

pub(super) fn ended_row(row: &Row) -> Result<Ended, StoreError> {
    Ok(Ended {
        sid: rows::get(row, 0)?,
        user_id: rows::get(row, 1)?,
    })
}
