//! Sessions and what ends them, in SQL.

use std::sync::LazyLock;

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::Client;
use countersign_issuer::record::{AuditEvent, Handle, PasswordHash, Session};
use rusqlite::{Connection, OptionalExtension, params};

use super::audit;
use super::endings::{self, end_where};
use super::engine::SqliteStore;
use super::rows::{self, NOT_ENDED, SESSION, SESSION_COLUMNS, USER, seconds};
use crate::store::columns::roles as roles_of;
use crate::store::{
    Basis, CROWDED_AT_ONCE, Ended, Ending, Found, Opened, Room, Rotated, Rotation, Sessions,
    StoreError, Which, Whose, hash_kind,
};

#[async_trait]
impl Sessions for SqliteStore {
    async fn open_session(
        &self,
        session: Session,
        basis: Basis,
        upgrade: Option<PasswordHash>,
        room: Room,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError> {
        self.writer
            .write(move |db| open(db, &session, &basis, upgrade.as_ref(), &room, &audit))
            .await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        self.writer.write(move |db| rotate(db, &rotation)).await
    }

    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError> {
        self.readers.read(move |db| by_handle(db, handle)).await
    }

    async fn sessions_of(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Found<Vec<Session>>, StoreError> {
        let (user_id, after) = (user_id.to_owned(), after.map(str::to_owned));
        self.readers
            .read(move |db| of_user(db, &user_id, after.as_deref(), limit, now))
            .await
    }

    async fn sessions(
        &self,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Vec<(Session, String)>, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        self.readers
            .read(move |db| list(db, &after, limit, now))
            .await
    }

    async fn end_sessions(&self, which: Which, ending: Ending) -> Result<Vec<Ended>, StoreError> {
        self.writer.write(move |db| end(db, &which, &ending)).await
    }
}

fn open(
    db: &Connection,
    session: &Session,
    basis: &Basis,
    upgrade: Option<&PasswordHash>,
    room: &Room,
    event: &AuditEvent,
) -> Result<Opened, StoreError> {
    let roles: Option<String> = db
        .prepare_cached(
            "SELECT roles FROM users WHERE id = ?1 AND password_hash = ?2 AND scope = ?3
                 AND disabled = 0",
        )?
        .query_row(
            params![session.user_id, basis.password_hash.as_str(), basis.scope],
            |row| row.get(0),
        )
        .optional()?;
    let unchanged = roles.is_some_and(|stored| roles_of(&stored) == basis.roles);
    let client_unchanged = session.client_id == Client::FIRST_PARTY
        || db
            .prepare_cached(
                "SELECT 1 FROM clients WHERE client_id = ?1 AND revision = ?2 AND disabled = 0",
            )?
            .exists(params![session.client_id, basis.client_revision])?;
    if !unchanged || !client_unchanged {
        return Ok(Opened::Changed);
    }
    if let Some(hash) = upgrade {
        db.prepare_cached("UPDATE users SET password_hash = ?2, hash_kind = ?3 WHERE id = ?1")?
            .execute(params![session.user_id, hash.as_str(), hash_kind(hash)])?;
    }
    let ended = make_room(db, session, room)?;
    insert(db, session)?;
    endings::spare(db, &session.sid, &session.user_id, &session.client_id)?;
    audit::append(db, event)?;
    Ok(if ended.is_empty() {
        Opened::Opened
    } else {
        Opened::InPlaceOf(ended)
    })
}

/// Ends the least recently used of the other sessions of the same user for the same client. It looks at
/// no more than it may have to, however many there are.
fn make_room(db: &Connection, new: &Session, room: &Room) -> Result<Vec<Ended>, StoreError> {
    let condition = format!(
        "handle IN (
             SELECT handle FROM (
                 SELECT handle, last_used_at FROM sessions INDEXED BY sessions_alive
                 WHERE ended_at IS NULL AND user_id = ?3 AND client_id = ?4
                   AND idle_expires_at > ?5 AND expires_at > ?5
                 LIMIT ?6 + {CROWDED_AT_ONCE})
             ORDER BY last_used_at DESC, handle LIMIT {CROWDED_AT_ONCE} OFFSET ?6)"
    );
    let others = room.most.saturating_sub(1);
    let now = seconds(new.created_at);
    end_where(
        db,
        &condition,
        &[&new.user_id, &new.client_id, &now, &others],
        &room.ending,
    )
}

fn insert(db: &Connection, session: &Session) -> Result<(), StoreError> {
    let audience =
        serde_json::to_string(&session.audience).map_err(|error| StoreError::Corrupt {
            place: "sessions.audience",
            detail: error.to_string(),
        })?;
    let [g1, t1, g2, t2, g3, t3, g4, t4] = rows::mark_values(&session.marks);
    db.prepare_cached(
        "INSERT INTO sessions (handle, sid, user_id, client_id, scope, audience, generation,
             mac_key_id, mark1_generation, mark1_at, mark2_generation, mark2_at,
             mark3_generation, mark3_at, mark4_generation, mark4_at,
             created_at, auth_time, last_used_at, idle_expires_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                 ?17, ?18, ?19, ?20, ?21)",
    )?
    .execute(params![
        session.handle.as_bytes(),
        session.sid,
        session.user_id,
        session.client_id,
        session.scope,
        audience,
        session.generation,
        session.mac_key_id,
        g1,
        t1,
        g2,
        t2,
        g3,
        t3,
        g4,
        t4,
        seconds(session.created_at),
        seconds(session.auth_time),
        seconds(session.last_used_at),
        seconds(session.idle_expires_at),
        seconds(session.expires_at),
    ])?;
    Ok(())
}

/// A session and whose it is. Written once: every refresh asks it.
static WHOSE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {SESSION}, {USER} FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.handle = ?1"
    )
});

fn rotate(db: &Connection, rotation: &Rotation) -> Result<Rotated, StoreError> {
    let found = db
        .prepare_cached(&WHOSE)?
        .query_row([rotation.handle.as_bytes()], |row| {
            Ok((rows::session(row)?, rows::user(row, SESSION_COLUMNS)?))
        })
        .optional()?;
    let Some((session, user)) = found else {
        return Ok(Rotated::Missing);
    };

    // The write lock is held since the transaction began: what was read is what is swapped.
    let current = session.generation == rotation.generation
        && session.mac_key_id == rotation.presented_mac_key_id
        && session.live(rotation.now).is_ok()
        && session.client_id == rotation.client_id
        && (session.audience.iter()).all(|audience| rotation.audiences.contains(audience))
        && !user.disabled;
    let Some(next) = session.generation.checked_add(1).filter(|_| current) else {
        return Ok(Rotated::NotCurrent(session, user));
    };
    let session = Session {
        generation: next,
        mac_key_id: rotation.mac_key_id,
        marks: session
            .marks
            .push(session.generation, rotation.now, rotation.grace),
        last_used_at: rotation.now,
        idle_expires_at: rotation
            .now
            .saturating_add(rotation.idle)
            .min(session.expires_at),
        ..session
    };
    let [g1, t1, g2, t2, g3, t3, g4, t4] = rows::mark_values(&session.marks);
    db.prepare_cached(
        "UPDATE sessions SET generation = ?2, mac_key_id = ?3, last_used_at = ?4,
             idle_expires_at = ?5, mark1_generation = ?6, mark1_at = ?7, mark2_generation = ?8,
             mark2_at = ?9, mark3_generation = ?10, mark3_at = ?11, mark4_generation = ?12,
             mark4_at = ?13
         WHERE handle = ?1",
    )?
    .execute(params![
        session.handle.as_bytes(),
        session.generation,
        session.mac_key_id,
        seconds(session.last_used_at),
        seconds(session.idle_expires_at),
        g1,
        t1,
        g2,
        t2,
        g3,
        t3,
        g4,
        t4,
    ])?;
    Ok(Rotated::Rotated(session, user))
}

fn by_handle(db: &Connection, handle: Handle) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {SESSION} FROM sessions WHERE handle = ?1");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([handle.as_bytes()], rows::session)
        .optional()?)
}

fn of_user(
    db: &Connection,
    user_id: &str,
    after: Option<&str>,
    limit: u32,
    now: UnixTime,
) -> Result<Found<Vec<Session>>, StoreError> {
    let opened = match after {
        None => i64::MAX,
        Some(sid) => {
            let sql = "SELECT created_at FROM sessions WHERE sid = ?1 AND user_id = ?2";
            let mut statement = db.prepare_cached(sql)?;
            let found = statement.query_row([sid, user_id], |row| row.get(0));
            match found.optional()? {
                Some(opened) => opened,
                None => return Ok(Found::Missing),
            }
        }
    };
    let sql = format!(
        "SELECT {SESSION} FROM sessions
         WHERE user_id = ?1 AND {NOT_ENDED} AND idle_expires_at > ?2 AND expires_at > ?2
           AND (created_at < ?3 OR (created_at = ?3 AND sid > ?4))
         ORDER BY created_at DESC, sid LIMIT ?5"
    );
    let after = after.unwrap_or_default();
    let mut statement = db.prepare_cached(&sql)?;
    let sessions = statement.query_map(
        params![user_id, seconds(now), opened, after, limit],
        rows::session,
    )?;
    Ok(Found::Found(sessions.collect::<Result<_, _>>()?))
}

fn list(
    db: &Connection,
    after: &str,
    limit: u32,
    now: UnixTime,
) -> Result<Vec<(Session, String)>, StoreError> {
    let sql = format!(
        "SELECT {SESSION}, users.username FROM sessions
         JOIN users ON users.id = sessions.user_id
         WHERE sid > ?1 AND {NOT_ENDED} AND idle_expires_at > ?2 AND expires_at > ?2
         ORDER BY sid LIMIT ?3"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let sessions = statement.query_map(params![after, seconds(now), limit], |row| {
        Ok((rows::session(row)?, row.get(SESSION_COLUMNS)?))
    })?;
    Ok(sessions.collect::<Result<_, _>>()?)
}

fn end(db: &Connection, which: &Which, ending: &Ending) -> Result<Vec<Ended>, StoreError> {
    match which {
        Which::AllOf { user_id } => endings::begin(db, &Whose::User(user_id.clone()), None, ending),
        Which::Everyone => endings::begin(db, &Whose::Everyone, None, ending),
        Which::Of { user_id, sid } => {
            end_where(db, "sid = ?3 AND user_id = ?4", &[sid, user_id], ending)
        }
        Which::Sid(sid) => end_where(db, "sid = ?3", &[sid], ending),
        Which::Handle(handle) => end_where(db, "handle = ?3", &[handle.as_bytes()], ending),
    }
}
