//! Users in SQL.

use async_trait::async_trait;
use countersign_issuer::record::{AuditEvent, PasswordHash, User};
use countersign_issuer::revoke::{Revocation, RevocationKind};
use rusqlite::{Connection, OptionalExtension, params};

use super::endings::{self, AT_ONCE, Afterwards};
use super::engine::SqliteStore;
use super::rows::{self, USER, seconds};
use super::{audit, revocations};
use crate::store::{
    Created, Ended, Ending, Found, StoreError, UserChange, Users, Whose, hash_kind, name_key,
};

#[async_trait]
impl Users for SqliteStore {
    async fn create_user(&self, user: User, audit: AuditEvent) -> Result<Created, StoreError> {
        self.writer.write(move |db| create(db, &user, &audit)).await
    }

    async fn import_users(
        &self,
        users: Vec<User>,
        audit: AuditEvent,
    ) -> Result<Vec<Created>, StoreError> {
        self.writer
            .write(move |db| import(db, &users, &audit))
            .await
    }

    async fn password_kinds(&self) -> Result<Vec<PasswordHash>, StoreError> {
        self.readers.read(password_kinds).await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let key = name_key(username);
        self.readers.read(move |db| by_name(db, &key)).await
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let id = id.to_owned();
        self.readers.read(move |db| by_id(db, &id)).await
    }

    async fn users(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let after = after.map(name_key).unwrap_or_default();
        self.readers.read(move |db| list(db, &after, limit)).await
    }

    async fn set_password(
        &self,
        user_id: &str,
        checked: Option<PasswordHash>,
        hash: PasswordHash,
        keep: Option<&str>,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let (user_id, keep) = (user_id.to_owned(), keep.map(str::to_owned));
        self.writer
            .write(move |db| {
                let (checked, keep) = (checked.as_ref(), keep.as_deref());
                set_password(db, &user_id, checked, &hash, keep, &ending, &audit)
            })
            .await
    }

    async fn change_user(
        &self,
        user_id: &str,
        change: UserChange,
        ending: Ending,
        audit: Vec<AuditEvent>,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let user_id = user_id.to_owned();
        self.writer
            .write(move |db| apply(db, &user_id, &change, &ending, &audit))
            .await
    }

    async fn delete_user(
        &self,
        user_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let user_id = user_id.to_owned();
        self.writer
            .write(move |db| delete(db, &user_id, &ending, &audit))
            .await
    }
}

fn create(db: &Connection, user: &User, event: &AuditEvent) -> Result<Created, StoreError> {
    let created = insert(db, user)?;
    if created == Created::Created {
        audit::append(db, event)?;
    }
    Ok(created)
}

fn import(db: &Connection, users: &[User], event: &AuditEvent) -> Result<Vec<Created>, StoreError> {
    let outcomes = users
        .iter()
        .map(|user| insert(db, user))
        .collect::<Result<Vec<_>, _>>()?;
    let created = outcomes
        .iter()
        .filter(|outcome| **outcome == Created::Created)
        .count();
    if created > 0 {
        let event = AuditEvent {
            detail: Some(created.to_string()),
            ..event.clone()
        };
        audit::append(db, &event)?;
    }
    Ok(outcomes)
}

fn insert(db: &Connection, user: &User) -> Result<Created, StoreError> {
    let added = db
        .prepare_cached(
            "INSERT INTO users (id, username, name_key, password_hash, hash_kind, roles, disabled,
                                created_at, password_changed_at, scope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (name_key) DO NOTHING",
        )?
        .execute(params![
            user.id,
            user.username,
            name_key(&user.username),
            user.password_hash.as_str(),
            hash_kind(&user.password_hash),
            user.roles.join(" "),
            user.disabled,
            seconds(user.created_at),
            seconds(user.password_changed_at),
            user.scope,
        ])?;
    Ok(if added == 0 {
        Created::NameTaken
    } else {
        Created::Created
    })
}

fn password_kinds(db: &Connection) -> Result<Vec<PasswordHash>, StoreError> {
    // From one kind to the next by the index, however many users are of each.
    let mut statement = db.prepare_cached(
        "WITH RECURSIVE kinds (kind) AS (
             SELECT min(hash_kind) FROM users
             UNION ALL
             SELECT (SELECT min(hash_kind) FROM users WHERE hash_kind > kinds.kind)
             FROM kinds WHERE kinds.kind IS NOT NULL
         )
         SELECT (SELECT password_hash FROM users WHERE hash_kind = kinds.kind LIMIT 1)
         FROM kinds WHERE kinds.kind IS NOT NULL",
    )?;
    let hashes = statement.query_map([], |row| row.get::<_, String>(0))?;
    let hashes = hashes.map(|hash| hash.map(PasswordHash::from_stored));
    Ok(hashes.collect::<Result<_, _>>()?)
}

fn by_name(db: &Connection, key: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users WHERE name_key = ?1");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([key], |row| rows::user(row, 0))
        .optional()?)
}

fn by_id(db: &Connection, id: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users WHERE id = ?1");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([id], |row| rows::user(row, 0))
        .optional()?)
}

pub(super) fn list(db: &Connection, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users WHERE name_key > ?1 ORDER BY name_key LIMIT ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let users = statement.query_map(params![after, limit], |row| rows::user(row, 0))?;
    Ok(users.collect::<Result<_, _>>()?)
}

fn set_password(
    db: &Connection,
    user_id: &str,
    checked: Option<&PasswordHash>,
    hash: &PasswordHash,
    keep: Option<&str>,
    ending: &Ending,
    event: &AuditEvent,
) -> Result<Found<Vec<Ended>>, StoreError> {
    let changed = db
        .prepare_cached(
            "UPDATE users SET password_hash = ?2, hash_kind = ?3, password_changed_at = ?4
             WHERE id = ?1 AND (?5 IS NULL OR (password_hash = ?5 AND disabled = 0))",
        )?
        .execute(params![
            user_id,
            hash.as_str(),
            hash_kind(hash),
            seconds(ending.at),
            checked.map(PasswordHash::as_str),
        ])?;
    if changed == 0 {
        return Ok(Found::Missing);
    }
    audit::append(db, event)?;
    endings::begin(db, &Whose::User(user_id.to_owned()), keep, ending).map(Found::Found)
}

fn apply(
    db: &Connection,
    user_id: &str,
    change: &UserChange,
    ending: &Ending,
    events: &[AuditEvent],
) -> Result<Found<Vec<Ended>>, StoreError> {
    let had: Option<(String, String)> = db
        .prepare_cached("SELECT roles, scope FROM users WHERE id = ?1")?
        .query_row([user_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((roles, scope)) = had else {
        return Ok(Found::Missing);
    };
    db.prepare_cached(
        "UPDATE users SET roles = coalesce(?2, roles), disabled = coalesce(?3, disabled),
                          scope = coalesce(?4, scope)
         WHERE id = ?1",
    )?
    .execute(params![
        user_id,
        change.roles.as_ref().map(|roles| roles.join(" ")),
        change.disabled,
        change.scope,
    ])?;
    for event in events {
        audit::append(db, event)?;
    }
    if !change.takes_away(&roles, &scope) {
        return Ok(Found::Found(Vec::new()));
    }
    endings::begin(db, &Whose::User(user_id.to_owned()), None, ending).map(Found::Found)
}

fn delete(
    db: &Connection,
    user_id: &str,
    ending: &Ending,
    event: &AuditEvent,
) -> Result<Found<Vec<Ended>>, StoreError> {
    let kept_out = db
        .prepare_cached("UPDATE users SET disabled = 1 WHERE id = ?1")?
        .execute([user_id])?;
    if kept_out == 0 {
        return Ok(Found::Missing);
    }
    // Ended one by one before the row takes them with it: each is published and written down.
    let whose = Whose::User(user_id.to_owned());
    let ended = endings::begin(db, &whose, None, ending)?;
    let rows: i64 = db
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM sessions WHERE user_id = ?1 LIMIT ?2)",
        )?
        .query_row(params![user_id, AT_ONCE + 1], |row| row.get(0))?;
    if rows > i64::from(AT_ONCE) {
        endings::note(db, &whose, None, Afterwards::Removed, ending)?;
    } else {
        db.prepare_cached("DELETE FROM users WHERE id = ?1")?
            .execute([user_id])?;
    }
    let revocation = Revocation {
        kind: RevocationKind::Subject,
        value: user_id.to_owned(),
        at: ending.at,
        until: ending.until,
    };
    revocations::publish(db, &revocation, ending.at)?;
    audit::append(db, event)?;
    Ok(Found::Found(ended))
}
