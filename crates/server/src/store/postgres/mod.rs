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

mod address;
mod audit;
mod clients;
mod clock;
mod failure;
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
use countersign::{Algorithm, UnixTime};
use countersign_issuer::Client;
use countersign_issuer::record::{
    AuditEvent, Handle, MacKeyRecord, PasswordHash, Session, SigningKeyRecord, User,
};
use countersign_issuer::revoke::Revocation;

use self::address::Address;
use self::keys::Changes;
use self::pool::Pool;
use self::revocations::Follower;
use self::sweep::Sweeper;
use self::users::{Change, ChangeAndEnd};
use super::{
    Created, Ended, Ending, Found, KeyRowChange, Opened, Rotated, Rotation, Store, StoreError,
    UserChange, Which,
};

/// A database that several processes may share.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    follower: Follower,
    sweeper: Sweeper,
}

impl PostgresStore {
    /// Connects to the database at `url` and brings its schema up to date.
    ///
    /// The URL is PostgreSQL's: `postgres://USER:PASSWORD@HOST:PORT/NAME?…`, with several hosts if
    /// there are several. Unless `sslmode` says otherwise the connection is encrypted and the
    /// server's certificate verified, except over a Unix socket or loopback. `sslrootcert=FILE`
    /// names the authority that signed it; `pool_size=N` is how many connections are held at most
    /// (16 if it is not given). A pooler in between must leave a connection to one client for as long
    /// as it lasts: statements are prepared and settings made once per connection.
    ///
    /// Everything is kept in the schema `countersign`, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] for a database of a newer program, [`StoreError::Unavailable`]
    /// when the URL cannot be understood or the database does not answer. No error repeats any part
    /// of the URL but the path of the certificate.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let pool = Pool::new(Address::parse(url)?)?;
        migrations::migrate(&pool).await?;
        Ok(Self {
            pool,
            follower: Follower::new()?,
            sweeper: Sweeper::default(),
        })
    }

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

    async fn change_and_end(
        &self,
        user_id: &str,
        change: Change<'_>,
        keep: Option<&str>,
        ending: &Ending,
        audit: &[AuditEvent],
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let writer = self.follower.writer();
        ChangeAndEnd {
            user_id,
            change,
            keep,
            ending,
            audit,
            writer,
        }
        .run_in(&self.pool)
        .await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.pool.query("SELECT 1", &[]).await?;
        Ok(())
    }

    async fn create_user(&self, user: User, audit: AuditEvent) -> Result<Created, StoreError> {
        users::create(&self.pool, &user, &audit).await
    }

    async fn import_users(
        &self,
        users: Vec<User>,
        audit: AuditEvent,
    ) -> Result<Vec<Created>, StoreError> {
        users::import(&self.pool, &users, &audit).await
    }

    async fn password_kinds(&self) -> Result<Vec<PasswordHash>, StoreError> {
        users::password_kinds(&self.pool).await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        users::by_name(&self.pool, &super::name_key(username)).await
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        users::by_id(&self.pool, id).await
    }

    async fn users(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let after = after.map(super::name_key).unwrap_or_default();
        users::list(&self.pool, &after, limit).await
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

    async fn create_client(
        &self,
        client: Client,
        audit: AuditEvent,
    ) -> Result<Created, StoreError> {
        clients::create(&self.pool, &client, &audit).await
    }

    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        clients::by_id(&self.pool, client_id).await
    }

    async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Vec<Client>, StoreError> {
        clients::list(&self.pool, after.unwrap_or_default(), limit).await
    }

    async fn change_client(
        &self,
        client: Client,
        ending: Option<Ending>,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        clients::ChangeAndEnd {
            change: clients::Change::To(&client),
            ending: ending.as_ref(),
            audit: &audit,
            writer: self.follower.writer(),
        }
        .run_in(&self.pool)
        .await
    }

    async fn delete_client(
        &self,
        client_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        clients::ChangeAndEnd {
            change: clients::Change::Delete(client_id),
            ending: Some(&ending),
            audit: &audit,
            writer: self.follower.writer(),
        }
        .run_in(&self.pool)
        .await
    }

    async fn client_algorithms(&self) -> Result<Vec<Algorithm>, StoreError> {
        clients::algorithms(&self.pool).await
    }

    async fn use_assertion(&self, digest: [u8; 32], until: UnixTime) -> Result<bool, StoreError> {
        clients::use_once(&self.pool, &digest, until).await
    }

    async fn open_session(
        &self,
        session: Session,
        checked: PasswordHash,
        upgrade: Option<PasswordHash>,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError> {
        sessions::open(&self.pool, &session, &checked, upgrade.as_ref(), &audit).await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        rotation::rotate(&self.pool, &rotation).await
    }

    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError> {
        sessions::by_handle(&self.pool, handle).await
    }

    async fn sessions_of(&self, user_id: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        sessions::of_user(&self.pool, user_id, now).await
    }

    async fn sessions(
        &self,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Vec<(Session, String)>, StoreError> {
        sessions::list(&self.pool, after.unwrap_or_default(), limit, now).await
    }

    async fn end_sessions(&self, which: Which, ending: Ending) -> Result<Vec<Ended>, StoreError> {
        sessions::end(&self.pool, &which, &ending, self.follower.writer()).await
    }

    async fn revoke(&self, revocation: Revocation, audit: AuditEvent) -> Result<(), StoreError> {
        revocations::publish(&self.pool, &revocation, &audit, self.follower.writer()).await
    }

    async fn audit(&self, event: AuditEvent) -> Result<(), StoreError> {
        audit::append(&self.pool, &event).await
    }

    async fn audit_log(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        audit::read(&self.pool, after, limit).await
    }

    async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError> {
        audit::tail(&self.pool, lines).await
    }

    async fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
        revocations::live(&self.pool, now).await
    }

    async fn foreign_writes(&self) -> Result<u64, StoreError> {
        self.follower.changes(&self.pool).await
    }

    async fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError> {
        keys::all(&self.pool).await
    }

    async fn change_keys(&self, changes: Vec<KeyRowChange>) -> Result<bool, StoreError> {
        let changes = Changes {
            changes: &changes,
            writer: self.follower.writer(),
        };
        self.pool.transact(&changes).await
    }

    async fn longest_access_life(&self, life: Duration) -> Result<Duration, StoreError> {
        self.longest("longest_access_life", life).await
    }

    async fn longest_session_life(&self, life: Duration) -> Result<Duration, StoreError> {
        self.longest("longest_session_life", life).await
    }

    async fn sweep(
        &self,
        now: UnixTime,
        audit_before: UnixTime,
        limit: u32,
    ) -> Result<bool, StoreError> {
        self.sweeper
            .sweep(&self.pool, now, audit_before, limit)
            .await
    }

    async fn close(&self) {
        self.pool.close();
    }
}
