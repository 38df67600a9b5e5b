//! The embedded engine: SQLite in WAL mode, one writing thread, readers apart.
//!
//! ```text
//!   verbs ──> writer ──> one thread, group commit, synchronous=FULL
//!        └──> readers ─> a few connections that see the last commit
//!             checkpointer ─> moves the log into the file, off the commit path
//! ```
//!
//! Other processes (a `countersign user add` beside a running server) may write too: SQLite's own
//! lock keeps them apart, and `foreign_writes` tells that they did.

mod audit;
mod checkpoint;
mod clients;
pub(crate) mod copy;
mod keys;
pub(crate) mod lock;
mod migrations;
mod reader;
mod revocations;
mod rows;
mod sessions;
mod users;
mod writer;

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use countersign::{Algorithm, UnixTime};
use countersign_issuer::Client;
use countersign_issuer::record::{
    AuditEvent, Handle, MacKeyRecord, PasswordHash, Session, SigningKeyRecord, User,
};
use countersign_issuer::revoke::Revocation;
use rusqlite::{Connection, OptionalExtension, params};

use self::checkpoint::{Checkpointer, Overdue};
use self::lock::DatabaseLock;
use self::reader::Readers;
use self::writer::Writer;
use super::{
    Created, Ended, Ending, Found, KeyRowChange, Opened, Rotated, Rotation, Store, StoreError,
    UserChange, Which,
};

/// How long a write waits for another process to finish its own.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How many bytes of a log that begins anew are kept, to be written over.
const LOG_KEPT: u32 = 16 * 1024 * 1024;

/// A database file and the threads that serve it.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    checkpointer: Checkpointer,
    /// Nobody puts another database in this one's place while it is open.
    _lock: Option<DatabaseLock>,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] for a database of a newer program, [`StoreError::Unavailable`]
    /// when the file cannot be opened or is no database, [`StoreError::BeingReplaced`] while it is
    /// restored or given another master key.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_under(path, Some(DatabaseLock::shared(path)?))
    }

    /// The same under a lock that is held already, or none for a file that nobody knows of yet.
    pub(crate) fn open_under(path: &Path, lock: Option<DatabaseLock>) -> Result<Self, StoreError> {
        create_private(path).map_err(StoreError::unavailable)?;
        let mut connection = Connection::open(path)?;
        prepare_connection(&connection)?;
        // Every commit that is answered for has reached the disk.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // What a burst made of the log is given back when the log begins anew.
        connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        migrations::migrate(&mut connection)?;
        let overdue = Overdue::default();
        Ok(Self {
            checkpointer: Checkpointer::start(path, overdue.clone())?,
            readers: Readers::open(path)?,
            writer: Writer::start(connection, overdue)?,
            _lock: lock,
        })
    }
}

/// Makes the file, if it is not there, for its owner alone: it holds password hashes. SQLite gives
/// the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// What every connection to the file needs, whatever it is for.
fn prepare_connection(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A few hundred sessions' worth; the operating system caches the rest.
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.readers
            .read(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?))
            .await
    }

    async fn create_user(&self, user: User, audit: AuditEvent) -> Result<Created, StoreError> {
        self.writer
            .write(move |db| users::create(db, &user, &audit))
            .await
    }

    async fn import_users(
        &self,
        users: Vec<User>,
        audit: AuditEvent,
    ) -> Result<Vec<Created>, StoreError> {
        self.writer
            .write(move |db| users::import(db, &users, &audit))
            .await
    }

    async fn password_kinds(&self) -> Result<Vec<PasswordHash>, StoreError> {
        self.readers.read(users::password_kinds).await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let key = super::name_key(username);
        self.readers.read(move |db| users::by_name(db, &key)).await
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let id = id.to_owned();
        self.readers.read(move |db| users::by_id(db, &id)).await
    }

    async fn users(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let after = after.map(super::name_key).unwrap_or_default();
        self.readers
            .read(move |db| users::list(db, &after, limit))
            .await
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
                users::set_password(db, &user_id, checked, &hash, keep, &ending, &audit)
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
            .write(move |db| users::change(db, &user_id, &change, &ending, &audit))
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
            .write(move |db| users::delete(db, &user_id, &ending, &audit))
            .await
    }

    async fn create_client(
        &self,
        client: Client,
        audit: AuditEvent,
    ) -> Result<Created, StoreError> {
        self.writer
            .write(move |db| clients::create(db, &client, &audit))
            .await
    }

    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        let client_id = client_id.to_owned();
        self.readers
            .read(move |db| clients::by_id(db, &client_id))
            .await
    }

    async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Vec<Client>, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        self.readers
            .read(move |db| clients::list(db, &after, limit))
            .await
    }

    async fn change_client(
        &self,
        client: Client,
        ending: Option<Ending>,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        self.writer
            .write(move |db| clients::change(db, &client, ending.as_ref(), &audit))
            .await
    }

    async fn delete_client(
        &self,
        client_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError> {
        let client_id = client_id.to_owned();
        self.writer
            .write(move |db| clients::delete(db, &client_id, &ending, &audit))
            .await
    }

    async fn client_algorithms(&self) -> Result<Vec<Algorithm>, StoreError> {
        self.readers.read(clients::algorithms).await
    }

    async fn use_assertion(&self, digest: [u8; 32], until: UnixTime) -> Result<bool, StoreError> {
        self.writer
            .write(move |db| clients::use_once(db, &digest, until))
            .await
    }

    async fn open_session(
        &self,
        session: Session,
        checked: PasswordHash,
        upgrade: Option<PasswordHash>,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError> {
        self.writer
            .write(move |db| sessions::open(db, &session, &checked, upgrade.as_ref(), &audit))
            .await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        self.writer
            .write(move |db| sessions::rotate(db, &rotation))
            .await
    }

    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError> {
        self.readers
            .read(move |db| sessions::by_handle(db, handle))
            .await
    }

    async fn sessions_of(&self, user_id: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        let user_id = user_id.to_owned();
        self.readers
            .read(move |db| sessions::of_user(db, &user_id, now))
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
            .read(move |db| sessions::list(db, &after, limit, now))
            .await
    }

    async fn end_sessions(&self, which: Which, ending: Ending) -> Result<Vec<Ended>, StoreError> {
        self.writer
            .write(move |db| sessions::end(db, &which, &ending))
            .await
    }

    async fn revoke(&self, revocation: Revocation, audit: AuditEvent) -> Result<(), StoreError> {
        self.writer
            .write(move |db| {
                revocations::publish(db, &revocation, audit.at)?;
                audit::append(db, &audit)
            })
            .await
    }

    async fn audit(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.writer.write(move |db| audit::append(db, &event)).await
    }

    async fn audit_log(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        self.readers
            .read(move |db| audit::read(db, after, limit))
            .await
    }

    async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError> {
        self.readers.read(move |db| audit::tail(db, lines)).await
    }

    async fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
        self.readers
            .read(move |db| revocations::live(db, now))
            .await
    }

    async fn foreign_writes(&self) -> Result<u64, StoreError> {
        // SQLite's own counter: it stands still for what this connection writes, and the writing
        // connection writes everything that this process writes.
        self.writer
            .write(|db| {
                let version: i64 = db
                    .prepare_cached("PRAGMA data_version")?
                    .query_row([], |row| row.get(0))?;
                Ok(version.unsigned_abs())
            })
            .await
    }

    async fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError> {
        self.readers
            .read(|db| Ok((keys::signing(db)?, keys::mac(db)?)))
            .await
    }

    async fn change_keys(&self, changes: Vec<KeyRowChange>) -> Result<bool, StoreError> {
        self.writer
            .write(move |db| keys::change(db, &changes))
            .await
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
        self.writer
            .write(move |db| {
                let more = sessions::sweep(db, now, limit)? | clients::sweep(db, now, limit)?;
                Ok(audit::sweep(db, audit_before, limit)? || more)
            })
            .await
    }

    async fn close(&self) {
        self.checkpointer.finish().await;
    }
}

impl SqliteStore {
    /// The larger of `life` and what the fact `name` says; from now on it says that. It is written
    /// only when it changes.
    async fn longest(&self, name: &'static str, life: Duration) -> Result<Duration, StoreError> {
        let life = rows::seconds_of(life);
        let known: Option<i64> = self
            .readers
            .read(move |db| {
                let mut known = db.prepare_cached("SELECT value FROM facts WHERE name = ?1")?;
                Ok(known.query_row([name], |row| row.get(0)).optional()?)
            })
            .await?;
        let longest = match known.filter(|known| *known >= life) {
            Some(known) => known,
            None => self.writer.write(move |db| raise(db, name, life)).await?,
        };
        Ok(Duration::from_secs(longest.unsigned_abs()))
    }
}

fn raise(db: &Connection, name: &str, value: i64) -> Result<i64, StoreError> {
    let mut raise = db.prepare_cached(
        "INSERT INTO facts (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
         RETURNING value",
    )?;
    Ok(raise.query_row(params![name, value], |row| row.get(0))?)
}
