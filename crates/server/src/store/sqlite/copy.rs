//! Whole databases: copied while they are in use, held against what this program can open, read
//! for what they held before another takes their place.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use countersign::UnixTime;
use countersign_issuer::Client;
use countersign_issuer::record::{MacKeyRecord, SigningKeyRecord, User};
use countersign_issuer::revoke::Revocation;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::connection::{LOCK_WAIT, prepare_connection};
use super::engine::SqliteStore;
use super::rows::seconds;
use super::{clients, keys, migrations, revocations, users};
use crate::store::StoreError;

/// Pages between two looks at how far it has come: a mebibyte.
const STEP: i32 = 256;
/// How long to wait for the last connection of this process to a database to close.
const LAST_CLOSED: Duration = Duration::from_secs(10);
/// What a database of ours has at least.
const TABLES: [&str; 7] = [
    "users",
    "sessions",
    "signing_keys",
    "mac_keys",
    "revocations",
    "audit",
    "facts",
];
/// The fact that makes a copy a backup: when it was made.
const MADE_AT: &str = "backup_made_at";

/// Copies the database at `from`, as it stands at one moment, into the new file `to`. `progress`
/// hears how many bytes of how many are copied.
///
/// The moment is that of the first page: a read transaction holds it while others go on writing,
/// so that the copy neither mixes two states nor has to begin again.
pub(crate) fn copy(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    create_new(to).map_err(StoreError::unavailable)?;
    let source = Connection::open_with_flags(from, source_flags(from))?;
    source.busy_timeout(LOCK_WAIT)?;
    source.execute_batch("BEGIN")?;
    let page: u64 =
        source.pragma_query_value(None, "page_size", |row| row.get(0).map(i64::unsigned_abs))?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;

    let mut copy = Connection::open(to)?;
    {
        let backup = Backup::new(&source, &mut copy)?;
        loop {
            let step = backup.step(STEP)?;
            let now = backup.progress();
            let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page;
            progress(
                bytes(now.pagecount.saturating_sub(now.remaining)),
                bytes(now.pagecount),
            );
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
    // One file, with no log beside it.
    copy.pragma_update(None, "journal_mode", "delete")?;
    drop(copy);
    sync(to).map_err(StoreError::unavailable)
}

/// Writes into a copy when it was made.
pub(crate) fn mark(copy: &Path, made_at: UnixTime) -> Result<(), StoreError> {
    let connection = Connection::open(copy)?;
    connection.execute(
        "INSERT INTO facts (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![MADE_AT, seconds(made_at)],
    )?;
    drop(connection);
    sync(copy).map_err(StoreError::unavailable)
}

/// Looks at every page of a copy, and whether it is a database this program can open. The answer is
/// when it was made, if it says so.
pub(crate) fn inspect(copy: &Path) -> Result<Option<UnixTime>, StoreError> {
    let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(corrupt("the file", "it is damaged"));
    }
    let ours: u32 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN
             (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        TABLES,
        |row| row.get(0),
    )?;
    if ours as usize != TABLES.len() {
        return Err(corrupt("the schema", "it is no database of countersign's"));
    }
    let (found, known) = (schema(&connection)?, migrations::known());
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(corrupt(
            "a reference",
            "a row refers to one that is not there",
        ));
    }
    let made_at: Option<i64> = connection
        .query_row(
            "SELECT value FROM facts WHERE name = ?1",
            [MADE_AT],
            |row| row.get(0),
        )
        .optional()?;
    Ok(made_at.map(|seconds| UnixTime::from_secs(seconds.max(0).unsigned_abs())))
}

/// Leaves a database that nobody has open as one file, with nothing in the log beside it.
pub(crate) fn settle(path: &Path) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        match connection.pragma_update(None, "journal_mode", "delete") {
            Ok(()) => break,
            // The threads of a store of ours that was just closed may not have let go yet.
            Err(error) if busy(&error) && began.elapsed() < LAST_CLOSED => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
    }
    sync(path).map_err(StoreError::unavailable)
}

/// A database that is about to be replaced, opened to be read.
pub(crate) struct Predecessor(Connection);

impl Predecessor {
    /// Opens it if it is of this program's schema.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare_connection(&connection)?;
        if schema(&connection)? != migrations::known() {
            return Err(corrupt("the schema", "it is not this program's"));
        }
        Ok(Self(connection))
    }

    pub(crate) fn users(&self, after: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        users::list(&self.0, after, limit)
    }

    pub(crate) fn clients(&self, after: &str, limit: u32) -> Result<Vec<Client>, StoreError> {
        clients::list(&self.0, after, limit)
    }

    pub(crate) fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError> {
        Ok((keys::signing(&self.0)?, keys::mac(&self.0)?))
    }

    pub(crate) fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
        revocations::live(&self.0, now)
    }

    /// The longest life of an access token that was ever announced.
    pub(crate) fn longest_access_life(&self) -> Result<Duration, StoreError> {
        let life: Option<i64> =
            self.0
                .query_row("SELECT max(life) FROM access_lives", [], |row| row.get(0))?;
        Ok(Duration::from_secs(life.unwrap_or_default().unsigned_abs()))
    }
}

impl SqliteStore {
    /// Takes over what must be remembered of the database before this one, and forgets that this
    /// one was a backup.
    pub(crate) async fn succeed(
        &self,
        revocations: Vec<Revocation>,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        self.writer
            .write(move |db| {
                for revocation in &revocations {
                    revocations::publish(db, revocation, now)?;
                }
                db.execute("DELETE FROM facts WHERE name = ?1", [MADE_AT])?;
                Ok(())
            })
            .await
    }
}

/// A file that only its owner can read: a copy holds password hashes as its original does.
fn create_new(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// A database in use has a log beside it, to which a reader adds its mark; a backup has none and
/// may lie where nothing can be written.
fn source_flags(from: &Path) -> OpenFlags {
    let in_use = crate::place::beside(from, "-wal").exists();
    if in_use {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    }
}

fn schema(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn corrupt(place: &'static str, detail: &str) -> StoreError {
    StoreError::Corrupt {
        place,
        detail: detail.to_owned(),
    }
}

fn busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
