//! Sessions in SQL. A verb about one of them is one statement, and so one transaction.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::Client;
use countersign_issuer::record::{AuditEvent, Handle, PasswordHash, Session};
use countersign_issuer::revoke::RevocationKind;
use tokio_postgres::Row;

use super::audit::{LINE, Line, NAME_OF_ENDED, line_from};
use super::clock::MICROS;
use super::endings::{EndingValues, begin_alone, end_sql, ended_row};
use super::engine::PostgresStore;
use super::pool::Pool;
use super::revocations::REPUBLISH;
use super::rotation;
use super::rows::{self, Bytes, NOT_ENDED, SESSION, SESSION_COLUMNS, Text, seconds};
use crate::store::{
    Basis, CROWDED_AT_ONCE, Ended, Ending, Found, Opened, Room, Rotated, Rotation, Sessions,
    StoreError, Which, Whose, hash_kind,
};

#[async_trait]
impl Sessions for PostgresStore {
    async fn open_session(
        &self,
        session: Session,
        basis: Basis,
        upgrade: Option<PasswordHash>,
        room: Room,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError> {
        let asked = Opening {
            session: &session,
            basis: &basis,
            upgrade: upgrade.as_ref(),
            room: &room,
            audit: &audit,
            writer: self.follower.writer(),
        };
        self.follower.unless_lost(open(&self.pool, &asked).await)
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        rotation::rotate(&self.pool, &rotation).await
    }

    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError> {
        by_handle(&self.pool, handle).await
    }

    async fn sessions_of(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Found<Vec<Session>>, StoreError> {
        of_user(&self.pool, user_id, after, limit, now).await
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

/// Opens a session for a user and a client whose rows are held meanwhile: a new password, a disabling
/// and whatever takes something away wait, or came first and are seen.
fn open_sql(held: &str) -> String {
    format!(
        "WITH held AS ({held}), for_client AS (
             SELECT client_id FROM clients WHERE client_id = $7::TEXT AND revision = $44::BIGINT
               AND NOT disabled FOR SHARE
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
             RETURNING sid, user_id, client_id
         ), spared_now AS (
             INSERT INTO spared (whose, id, sid)
             SELECT endings.whose, endings.id, opened.sid FROM opened JOIN endings ON
                 (endings.whose = 'user' AND endings.id = opened.user_id)
                 OR (endings.whose = 'client' AND endings.id = opened.client_id)
                 OR endings.whose = 'everyone'
         ), written AS (
             INSERT INTO audit ({LINE}) SELECT {line} FROM opened
         )
         , crowded AS (
             SELECT handle FROM (
                 SELECT handle, last_used_at FROM sessions
                 WHERE ended_at IS NULL AND user_id = $1 AND client_id = $7
                   AND idle_expires_at > $20 AND expires_at > $20
                 LIMIT $41::BIGINT + {CROWDED_AT_ONCE}) AS theirs
             ORDER BY last_used_at DESC, handle LIMIT {CROWDED_AT_ONCE} OFFSET $41::BIGINT
         ), ended AS (
             UPDATE sessions SET ended_at = $33, end_reason = $34
             WHERE ended_at IS NULL AND handle IN (SELECT handle FROM crowded)
               AND EXISTS (SELECT 1 FROM opened)
             RETURNING sid, user_id
         ), published AS (
             INSERT INTO revocations (kind, value, until, published_at, writer)
             SELECT '{kind}', sid, $35::BIGINT, {MICROS}, $36::BIGINT FROM ended {REPUBLISH}
         ), told AS (
             INSERT INTO audit ({LINE})
             SELECT $33::BIGINT, $37::TEXT, user_id, {NAME_OF_ENDED}, sid, $38::TEXT,
                 $39::TEXT, $40::TEXT, {MICROS}
             FROM ended
         )
         SELECT opened.sid, ended.sid, ended.user_id FROM opened LEFT JOIN ended ON TRUE",
        first_party = Client::FIRST_PARTY,
        kind = RevocationKind::Session.as_str(),
        line = line_from(25)
    )
}

/// A user who still is as the session was decided by; the roles word by word, as they are read.
const AS_READ: &str = "id = $1 AND password_hash = $2 AND scope = $43 AND NOT disabled
     AND btrim(regexp_replace(roles, ' +', ' ', 'g')) = $42";

/// A session that is to be opened, and all that comes with it.
struct Opening<'a> {
    session: &'a Session,
    basis: &'a Basis,
    upgrade: Option<&'a PasswordHash>,
    room: &'a Room,
    audit: &'a AuditEvent,
    writer: i64,
}

async fn open(db: &Pool, asked: &Opening<'_>) -> Result<Opened, StoreError> {
    static OPEN: LazyLock<String> = LazyLock::new(|| {
        open_sql(&format!(
            "SELECT id FROM users WHERE {AS_READ} AND $3::TEXT IS NULL AND $4::TEXT IS NULL FOR SHARE"
        ))
    });
    static OPEN_AND_UPGRADE: LazyLock<String> = LazyLock::new(|| {
        open_sql(&format!(
            "UPDATE users SET password_hash = $3, hash_kind = $4 WHERE {AS_READ} RETURNING id"
        ))
    });
    let Opening {
        session,
        basis,
        upgrade,
        room,
        audit,
        writer,
    } = *asked;
    let audience =
        serde_json::to_string(&session.audience).map_err(|error| StoreError::Corrupt {
            place: "sessions.audience",
            detail: error.to_string(),
        })?;
    let [g1, t1, g2, t2, g3, t3, g4, t4] = rows::mark_values(&session.marks);
    let (line, crowded) = (Line::of(audit), EndingValues::of(&room.ending, writer));
    let others = i64::from(room.most.saturating_sub(1));
    let (roles, revision) = (basis.roles.join(" "), basis.client_revision.map(i64::from));
    let opened = db
        .query(
            if upgrade.is_some() {
                &OPEN_AND_UPGRADE
            } else {
                &OPEN
            },
            &crowded.after_and(
                &[&others, &Text(&roles), &Text(&basis.scope), &revision],
                line.after(&[
                    &Text(&session.user_id),
                    &Text(basis.password_hash.as_str()),
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
            ),
        )
        .await?;
    if opened.is_empty() {
        return Ok(Opened::Changed);
    }
    let mut ended = Vec::new();
    for row in &opened {
        if let Some(sid) = rows::get::<Option<String>>(row, 1)? {
            let user_id = rows::get(row, 2)?;
            ended.push(Ended { sid, user_id });
        }
    }
    Ok(if ended.is_empty() {
        Opened::Opened
    } else {
        Opened::InPlaceOf(ended)
    })
}

async fn by_handle(db: &Pool, handle: Handle) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {SESSION} FROM sessions WHERE handle = $1");
    let row = db.query_opt(&sql, &[&Bytes(handle.as_bytes())]).await?;
    row.as_ref().map(rows::session).transpose()
}

async fn of_user(
    db: &Pool,
    user_id: &str,
    after: Option<&str>,
    limit: u32,
    now: UnixTime,
) -> Result<Found<Vec<Session>>, StoreError> {
    let opened = match after {
        None => i64::MAX,
        Some(sid) => {
            let sql = "SELECT created_at FROM sessions WHERE sid = $1 AND user_id = $2";
            let found = db.query(sql, &[&Text(sid), &Text(user_id)]).await?;
            match found.first() {
                Some(row) => rows::get(row, 0)?,
                None => return Ok(Found::Missing),
            }
        }
    };
    let sql = format!(
        "SELECT {SESSION} FROM sessions
         WHERE user_id = $1 AND {NOT_ENDED} AND idle_expires_at > $2 AND expires_at > $2
           AND (created_at < $3 OR (created_at = $3 AND sid > $4))
         ORDER BY created_at DESC, sid LIMIT $5"
    );
    let (user_id, after) = (Text(user_id), Text(after.unwrap_or_default()));
    let (now, limit) = (seconds(now), i64::from(limit));
    let found = db
        .query(&sql, &[&user_id, &now, &opened, &after, &limit])
        .await?;
    let sessions = found.iter().map(rows::session).collect::<Result<_, _>>()?;
    Ok(Found::Found(sessions))
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
         WHERE sid > $1 AND {NOT_ENDED} AND idle_expires_at > $2 AND expires_at > $2
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
        Which::Everyone => return begin_alone(db, &Whose::Everyone, ending, writer).await,
        Which::AllOf { user_id } => {
            return begin_alone(db, &Whose::User(user_id.clone()), ending, writer).await;
        }
    };
    ended?.iter().map(ended_row).collect()
}
