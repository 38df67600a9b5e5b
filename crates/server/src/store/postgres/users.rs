//! Users in SQL.
//!
//! A change that ends sessions first takes the user's row, in a statement of its own: whoever is
//! signing in with the old password at that moment holds it, and only a statement that begins after
//! their session was committed can see that session and end it.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_trait::async_trait;
use countersign_issuer::record::{AuditEvent, PasswordHash, User};
use countersign_issuer::revoke::RevocationKind;
use deadpool_postgres::Transaction;
use tokio_postgres::{Error, Row};

use super::audit::{APPEND, LINE, Line, line_from, line_with};
use super::clock::MICROS;
use super::endings::{self, AT_ONCE, Afterwards, ended_row};
use super::engine::PostgresStore;
use super::pool::{Finish, Pool, Work};
use super::revocations::REPUBLISH;
use super::rows::{self, Text, USER, seconds};
use crate::store::{
    Created, Ended, Ending, Found, StoreError, UserChange, Users, Whose, hash_kind, name_key,
};

#[async_trait]
impl Users for PostgresStore {
    async fn create_user(&self, user: User, audit: AuditEvent) -> Result<Created, StoreError> {
        create(&self.pool, &user, &audit).await
    }

    async fn import_users(
        &self,
        users: Vec<User>,
        audit: AuditEvent,
    ) -> Result<Vec<Created>, StoreError> {
        import(&self.pool, &users, &audit).await
    }

    async fn password_kinds(&self) -> Result<Vec<PasswordHash>, StoreError> {
        password_kinds(&self.pool).await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        by_name(&self.pool, &name_key(username)).await
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        by_id(&self.pool, id).await
    }

    async fn users(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let after = after.map(name_key).unwrap_or_default();
        list(&self.pool, &after, limit).await
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
        let change = Change::Password {
            checked: checked.as_ref(),
            hash: &hash,
        };
        self.change_and_end(user_id, change, keep, &ending, &[audit])
            .await
    }

    async fn change_user(
        &self,
        user_id: &str,
        change: UserChange,
        ending: Ending,
        audit: Vec<AuditEvent>,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        self.change_and_end(user_id, Change::User(&change), None, &ending, &audit)
            .await
    }

    async fn delete_user(
        &self,
        user_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        self.change_and_end(user_id, Change::Delete, None, &ending, &[audit])
            .await
    }
}

impl PostgresStore {
    async fn change_and_end(
        &self,
        user_id: &str,
        change: Change<'_>,
        keep: Option<&str>,
        ending: &Ending,
        audit: &[AuditEvent],
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let writer = self.follower.writer();
        let asked = ChangeAndEnd {
            user_id,
            change,
            keep,
            ending,
            audit,
            writer,
        };
        self.follower.unless_lost(asked.run_in(&self.pool).await)
    }
}

async fn create(db: &Pool, user: &User, event: &AuditEvent) -> Result<Created, StoreError> {
    static CREATE: LazyLock<String> = LazyLock::new(|| {
        let created = "INSERT INTO users (id, username, name_key, password_hash, hash_kind, roles,
                                          disabled, created_at, password_changed_at, scope)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (name_key) DO NOTHING RETURNING id";
        and_written(created, 11)
    });
    let (name_key, roles) = (name_key(&user.username), user.roles.join(" "));
    let line = Line::of(event);
    let created = db
        .query(
            &CREATE,
            &line.after(&[
                &Text(&user.id),
                &Text(&user.username),
                &Text(&name_key),
                &Text(user.password_hash.as_str()),
                &Text(hash_kind(&user.password_hash)),
                &Text(&roles),
                &user.disabled,
                &seconds(user.created_at),
                &seconds(user.password_changed_at),
                &Text(&user.scope),
            ]),
        )
        .await?;
    Ok(if created.is_empty() {
        Created::NameTaken
    } else {
        Created::Created
    })
}

async fn import(db: &Pool, users: &[User], event: &AuditEvent) -> Result<Vec<Created>, StoreError> {
    static IMPORT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "WITH created AS (
                 INSERT INTO users (id, username, name_key, password_hash, hash_kind, roles,
                                    disabled, created_at, password_changed_at, scope)
                 SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[],
                                      $6::TEXT[], $7::BOOLEAN[], $8::BIGINT[], $9::BIGINT[],
                                      $10::TEXT[])
                 ON CONFLICT (name_key) DO NOTHING RETURNING id
             ), written AS (
                 INSERT INTO audit ({LINE}) SELECT {}
                 WHERE EXISTS (SELECT 1 FROM created)
             )
             SELECT id FROM created",
            line_with(11, "(SELECT count(*) FROM created)::TEXT")
        )
    });
    let name_keys: Vec<String> = users.iter().map(|user| name_key(&user.username)).collect();
    let roles: Vec<String> = users.iter().map(|user| user.roles.join(" ")).collect();
    let line = Line::of(event);
    let created = db
        .query(
            &IMPORT,
            &line.without_detail_after(&[
                &column(users, |user| Text(&user.id)),
                &column(users, |user| Text(&user.username)),
                &column(&name_keys, |key| Text(key)),
                &column(users, |user| Text(user.password_hash.as_str())),
                &column(users, |user| Text(hash_kind(&user.password_hash))),
                &column(&roles, |roles| Text(roles)),
                &column(users, |user| user.disabled),
                &column(users, |user| seconds(user.created_at)),
                &column(users, |user| seconds(user.password_changed_at)),
                &column(users, |user| Text(&user.scope)),
            ]),
        )
        .await?;
    let created = created
        .iter()
        .map(|row| rows::get(row, 0))
        .collect::<Result<HashSet<&str>, _>>()?;
    Ok(column(users, |user| {
        if created.contains(user.id.as_str()) {
            Created::Created
        } else {
            Created::NameTaken
        }
    }))
}

fn column<'a, R, T: 'a>(rows: &'a [R], value: impl FnMut(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

async fn password_kinds(db: &Pool) -> Result<Vec<PasswordHash>, StoreError> {
    // From one kind to the next by the index, however many users are of each.
    let sql = "WITH RECURSIVE kinds (kind) AS (
             SELECT min(hash_kind) FROM users
             UNION ALL
             SELECT (SELECT min(hash_kind) FROM users WHERE hash_kind > kinds.kind)
             FROM kinds WHERE kinds.kind IS NOT NULL
         )
         SELECT (SELECT password_hash FROM users WHERE hash_kind = kinds.kind LIMIT 1)
         FROM kinds WHERE kinds.kind IS NOT NULL";
    let found = db.query(sql, &[]).await?;
    found
        .iter()
        .map(|row| Ok(PasswordHash::from_stored(rows::get::<String>(row, 0)?)))
        .collect()
}

async fn by_name(db: &Pool, key: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users WHERE name_key = $1");
    let row = db.query_opt(&sql, &[&Text(key)]).await?;
    row.map(|row| rows::user(&row, 0)).transpose()
}

async fn by_id(db: &Pool, id: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users WHERE id = $1");
    let row = db.query_opt(&sql, &[&Text(id)]).await?;
    row.map(|row| rows::user(&row, 0)).transpose()
}

async fn list(db: &Pool, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {USER} FROM users WHERE name_key > $1 ORDER BY name_key LIMIT $2");
    let found = db.query(&sql, &[&Text(after), &i64::from(limit)]).await?;
    found.iter().map(|row| rows::user(row, 0)).collect()
}

/// `change`, which answers the rows it changed, with an audit line if there was one. The line's
/// parameters are numbered from `line` on.
fn and_written(change: &str, line: usize) -> String {
    format!(
        "WITH changed AS ({change}), written AS (
             INSERT INTO audit ({LINE}) SELECT {} FROM changed
         )
         SELECT 1 FROM changed",
        line_from(line)
    )
}

/// What happens to a user whose sessions may end.
#[derive(Clone, Copy)]
enum Change<'a> {
    Password {
        checked: Option<&'a PasswordHash>,
        hash: &'a PasswordHash,
    },
    User(&'a UserChange),
    Delete,
}

/// What the change comes to, once the user's row is held.
enum Taken {
    NoSuchUser,
    SessionsStay,
    SessionsEnd,
}

/// A change to a user, and the end of every session but `keep` if it is one that ends them.
///
/// The change is committed with the end of the first sessions, as many as one statement ends, and
/// with the intent to end the others. Nobody is let in by then who was not to be. A user with so many
/// is kept out first, and deleted when everything of theirs is gone.
struct ChangeAndEnd<'a> {
    user_id: &'a str,
    change: Change<'a>,
    keep: Option<&'a str>,
    ending: &'a Ending,
    audit: &'a [AuditEvent],
    writer: i64,
}

impl ChangeAndEnd<'_> {
    async fn run_in(&self, db: &Pool) -> Result<Found<Vec<Ended>>, StoreError> {
        let Some(ended) = db.transact(self).await? else {
            return Ok(Found::Missing);
        };
        let ended = ended.iter().map(ended_row).collect::<Result<_, _>>()?;
        Ok(Found::Found(ended))
    }

    async fn take(&self, db: &Transaction<'_>) -> Result<Taken, Error> {
        let id = Text(self.user_id);
        let taken = match self.change {
            Change::Password { checked, hash } => {
                let sql = "UPDATE users
                     SET password_hash = $2, hash_kind = $3, password_changed_at = $4
                     WHERE id = $1
                       AND ($5::TEXT IS NULL OR (password_hash = $5 AND NOT disabled))";
                let (kind, at) = (hash_kind(hash), seconds(self.ending.at));
                let checked = checked.map(|hash| Text(hash.as_str()));
                let sql = db.prepare_cached(sql).await?;
                db.execute(
                    &sql,
                    &[&id, &Text(hash.as_str()), &Text(kind), &at, &checked],
                )
                .await?
            }
            Change::User(change) => return self.change(db, change).await,
            Change::Delete => {
                let sql = "UPDATE users SET disabled = TRUE WHERE id = $1";
                db.execute(&db.prepare_cached(sql).await?, &[&id]).await?
            }
        };
        Ok(if taken > 0 {
            Taken::SessionsEnd
        } else {
            Taken::NoSuchUser
        })
    }

    async fn change(&self, db: &Transaction<'_>, change: &UserChange) -> Result<Taken, Error> {
        let id = Text(self.user_id);
        let held = "SELECT roles, scope FROM users WHERE id = $1 FOR UPDATE";
        let held = db.prepare_cached(held).await?;
        let Some(row) = db.query_opt(&held, &[&id]).await? else {
            return Ok(Taken::NoSuchUser);
        };
        let (roles_had, scope_had): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let sql = "UPDATE users
             SET roles = coalesce($2, roles), disabled = coalesce($3, disabled),
                 scope = coalesce($4, scope)
             WHERE id = $1";
        let roles = change.roles.as_ref().map(|roles| roles.join(" "));
        let roles = roles.as_deref().map(Text);
        let sql = db.prepare_cached(sql).await?;
        let scope = change.scope.as_deref().map(Text);
        db.execute(&sql, &[&id, &roles, &change.disabled, &scope])
            .await?;
        Ok(if change.takes_away(roles_had, scope_had) {
            Taken::SessionsEnd
        } else {
            Taken::SessionsStay
        })
    }

    async fn delete(&self, db: &Transaction<'_>) -> Result<(), Error> {
        let id = Text(self.user_id);
        // Those that have ended before go with the row, if they are not too many as well.
        let few = "DELETE FROM users WHERE id = $1 AND NOT EXISTS
                 (SELECT 1 FROM sessions WHERE user_id = $1 OFFSET $2)";
        let few = db.prepare_cached(few).await?;
        if db.execute(&few, &[&id, &i64::from(AT_ONCE)]).await? == 0 {
            let whose = Whose::User(self.user_id.to_owned());
            endings::note(db, &whose, None, Afterwards::Removed, self.ending).await?;
        }
        let publish = format!(
            "INSERT INTO revocations (kind, value, until, published_at, writer)
             VALUES ($1, $2, $3, {MICROS}, $4) {REPUBLISH}"
        );
        let kind = RevocationKind::Subject.as_str();
        let publish = db.prepare_cached(&publish).await?;
        db.execute(
            &publish,
            &[&kind, &id, &seconds(self.ending.until), &self.writer],
        )
        .await?;
        Ok(())
    }
}

impl Work for ChangeAndEnd<'_> {
    /// The sessions that were ended, or nothing if there is no such user.
    type Answer = Option<Vec<Row>>;

    async fn run(&self, db: &Transaction<'_>) -> Result<(Finish, Self::Answer), Error> {
        let taken = self.take(db).await?;
        if matches!(taken, Taken::NoSuchUser) {
            return Ok((Finish::RollBack, None));
        }
        let written = db.prepare_cached(&APPEND).await?;
        for event in self.audit {
            db.execute(&written, &Line::of(event).after(&[])).await?;
        }
        if matches!(taken, Taken::SessionsStay) {
            return Ok((Finish::Commit, Some(Vec::new())));
        }
        let whose = Whose::User(self.user_id.to_owned());
        let ended = endings::begin(db, &whose, self.keep, self.ending, self.writer).await?;
        if matches!(self.change, Change::Delete) {
            // Ended one by one before the row takes them with it: each is published and written down.
            self.delete(db).await?;
        }
        Ok((Finish::Commit, Some(ended)))
    }
}
