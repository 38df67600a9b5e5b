//! A backup takes the place of the database, and nothing of before is accepted any more.
//!
//! ```text
//! file -> copy beside the database -> looked at -> sessions ended, keys withdrawn, new keys made
//!      -> held against the database that is there -> in its place, which is kept
//! ```
//!
//! Everything is done to the copy, and the copy put in place last: a crash at any moment leaves
//! the old database or the finished new one. If a change of the master key was cut short when all but
//! the key file was changed, the new database is sealed under the new key, and that is the key then. What the old database knew and the backup does not,
//! keys made since and revocations still alive, is carried over, so that no token of before or
//! after the backup outlives the restore.

use std::ffi::OsStr;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::keyring::{self, KeyPolicy};
use countersign_issuer::record::{
    AuditEvent, AuditKind, EndReason, KeyState, MacKeyRecord, SigningKeyRecord,
};
use countersign_issuer::revoke::{Revocation, RevocationPolicy};
use countersign_issuer::{IssuerError, MasterKey};

use super::endings;
use super::error::FlowError;
use super::rekey;
use super::reverted::{self, Reverted};
use super::ring::{in_use, replaced_mac_keys, signing_change};
use crate::config::{Config, Database};
use crate::master_key::{self, MasterKeyError};
use crate::place::Draft;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::copy::{self, Predecessor};
use crate::store::sqlite::lock::DatabaseLock;
use crate::store::{Ending, KeyRowChange, SharedStore, StoreError, Which};

/// A restore that was done.
#[derive(Clone, Debug)]
pub struct Restored {
    /// When the backup was made, if it says so: a plain copy of a database does not.
    pub backup_made_at: Option<UnixTime>,
    /// How many sessions of the backup were ended.
    pub sessions_ended: usize,
    /// The ids of the signing keys that were withdrawn.
    pub keys_withdrawn: Vec<String>,
    /// Where the database that was there is now.
    pub replaced: Option<PathBuf>,
    /// What is as it was when the backup was made.
    pub comparison: Comparison,
}

/// What is known about what a restore took back.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// There was no database to compare with.
    NothingThere,
    /// The database that was there could not be read, and why.
    Unreadable(String),
    /// Everything that differs.
    Compared(Vec<Reverted>),
}

/// Why nothing was restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The database has a server of its own.
    #[error(
        "a PostgreSQL database is restored by its own tools; then withdraw every key of it with \
         `countersign key withdraw` and end every session with `countersign session end --everyone`"
    )]
    NotEmbedded,
    /// The file is no backup, is damaged, or was made by a newer program.
    #[error("{} cannot be restored: {why}", path.display())]
    Backup {
        /// The file in question.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be made or moved.
    #[error("cannot put a database at {}: {source}", path.display())]
    File {
        /// The place in question.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no usable master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A key cannot be made.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The database is in use, or the copy cannot be changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts the backup in the file `from` in the place of the database that `config` describes.
/// `progress` hears how many bytes of how many are copied.
///
/// # Errors
/// [`RestoreError`]; then the database is as it was.
pub async fn restore(
    config: &Config,
    from: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Restored, RestoreError> {
    let Database::Sqlite(database) = &config.database else {
        return Err(RestoreError::NotEmbedded);
    };
    let file = |source| RestoreError::File {
        path: database.clone(),
        source,
    };
    let unusable = |error| RestoreError::Backup {
        path: from.to_owned(),
        why: match error {
            StoreError::Unavailable(why) | StoreError::Corrupt { detail: why, .. } => why,
            other => other.to_string(),
        },
    };
    let _alone = DatabaseLock::exclusive(database)?;
    let draft = Draft::of(database).map_err(file)?;
    copy::copy(from, draft.path(), &mut progress).map_err(unusable)?;
    let backup_made_at = copy::inspect(draft.path()).map_err(unusable)?;
    let master = master_key::of(config)?;

    let there = database.exists();
    let before = match Before::read(database, there) {
        Ok(before) => Ok(before),
        Err(error) => Err(error.to_string()),
    };
    let next = match &before {
        Ok(Some(before)) => {
            let keys = (before.signing.as_slice(), before.macs.as_slice());
            rekey::all_but_done(config, database, keys, &master)?
        }
        Ok(None) | Err(_) => None,
    };
    let now = UnixTime::now();
    let store: SharedStore = {
        let store = SqliteStore::open_under(draft.path(), None).map_err(unusable)?;
        let carried = before.as_ref().ok().and_then(Option::as_ref);
        store.succeed(carried_over(carried, now), now).await?;
        Arc::new(store)
    };
    let reset = Reset {
        store: &store,
        master: next.as_ref().unwrap_or(&master),
        before: before.as_ref().ok().and_then(Option::as_ref),
        life: config.access_life,
        now,
    };
    let (sessions_ended, keys_withdrawn) = reset.run(config, backup_made_at).await?;
    if next.is_some() {
        store.audit(rekey::changed()).await?;
    }
    let comparison = match &before {
        Ok(None) => Comparison::NothingThere,
        Err(why) => Comparison::Unreadable(why.clone()),
        Ok(Some(before)) => match reverted::compare(&before.database, &store).await {
            Ok(reverted) => Comparison::Compared(reverted),
            Err(error) => Comparison::Unreadable(error.to_string()),
        },
    };
    store.close().await;
    drop((store, before));

    copy::settle(draft.path())?;
    draft.hand_over(database).map_err(file)?;
    let kept = there.then(|| kept_name(database, now));
    match &kept {
        None => draft.place_over(database).map_err(file)?,
        Some(kept) => {
            // A damaged one keeps its log, under its new name.
            if let Err(error) = copy::settle(database) {
                tracing::warn!(%error, "the log of the replaced database is kept beside it");
            }
            draft.succeed(database, kept).map_err(file)?;
        }
    }
    if next.is_some()
        && let Err(error) = master_key::promote(database)
    {
        tracing::warn!(%error, "the next start finishes the change of the master key");
    }
    Ok(Restored {
        backup_made_at,
        sessions_ended,
        keys_withdrawn,
        replaced: kept,
        comparison,
    })
}

/// The database that is about to be replaced, and what of it matters afterwards.
struct Before {
    database: Predecessor,
    signing: Vec<SigningKeyRecord>,
    macs: Vec<MacKeyRecord>,
    revocations: Vec<Revocation>,
    longest_life: Duration,
}

impl Before {
    /// `None` when there is none.
    fn read(path: &Path, there: bool) -> Result<Option<Self>, StoreError> {
        if !there {
            return Ok(None);
        }
        let database = Predecessor::open(path)?;
        let (signing, macs) = database.keys()?;
        Ok(Some(Self {
            signing,
            macs,
            revocations: database.revocations(UnixTime::now())?,
            longest_life: database.longest_access_life()?,
            database,
        }))
    }
}

/// What guards must go on refusing, and every key they may know that the backup may not.
fn carried_over(before: Option<&Before>, now: UnixTime) -> Vec<Revocation> {
    let Some(before) = before else {
        return Vec::new();
    };
    let published = before.signing.iter().filter(|key| key.state.is_published());
    let withdrawn =
        published.map(|key| Revocation::key(key.kid.clone(), &RevocationPolicy::default(), now));
    before
        .revocations
        .iter()
        .cloned()
        .chain(withdrawn)
        .collect()
}

/// Ends and withdraws everything that a token could lean on.
struct Reset<'a> {
    store: &'a SharedStore,
    master: &'a MasterKey,
    before: Option<&'a Before>,
    life: Duration,
    now: UnixTime,
}

impl Reset<'_> {
    async fn run(
        &self,
        config: &Config,
        made_at: Option<UnixTime>,
    ) -> Result<(usize, Vec<String>), RestoreError> {
        let life = self
            .before
            .map_or(self.life, |before| before.longest_life.max(self.life));
        let longest_life = self.store.longest_access_life(life, self.now).await?;
        let policy = RevocationPolicy {
            longest_life,
            ..RevocationPolicy::default()
        };
        let ending = Ending::new(EndReason::Restored, &policy, self.now);
        let ended = endings::end(self.store, None, Which::Everyone, &ending).await?;
        let mut withdrawn = self.replace_keys(config, &policy).await?;
        for key in self.before.iter().flat_map(|before| &before.signing) {
            if key.state.is_published() && !withdrawn.contains(&key.kid) {
                withdrawn.push(key.kid.clone());
            }
        }
        let of = made_at.map_or_else(
            || "a copy of unknown age".to_owned(),
            |made_at| format!("the backup of {}", date(made_at, "%Y-%m-%dT%H:%M:%SZ")),
        );
        let detail = format!(
            "{of}; sessions ended: {}; keys withdrawn: {}",
            ended.len(),
            withdrawn.len()
        );
        let audit = AuditEvent {
            detail: Some(detail),
            ..AuditEvent::new(self.now, AuditKind::Restored)
        };
        self.store.audit(audit).await?;
        Ok((ended.len(), withdrawn))
    }

    /// Withdraws every signing key and deletes every MAC key, and makes new ones. The answer is the
    /// ids of those withdrawn.
    async fn replace_keys(
        &self,
        config: &Config,
        policy: &RevocationPolicy,
    ) -> Result<Vec<String>, RestoreError> {
        let (mut records, macs) = self.store.keys().await?;
        let mut algorithms = in_use(&records);
        if algorithms.is_empty() {
            algorithms.push(config.algorithm);
        }
        let mut changes = Vec::new();
        let mut withdrawn = Vec::new();
        for record in records.iter_mut().filter(|key| key.state.is_published()) {
            let from = record.state;
            record.enter(KeyState::Withdrawn, self.now);
            withdrawn.push(record.kid.clone());
            changes.push(KeyRowChange::Signing {
                record: record.clone(),
                from: Some(from),
                revocation: Some(Revocation::key(record.kid.clone(), policy, self.now)),
                audit: AuditEvent {
                    detail: Some(record.kid.clone()),
                    ..AuditEvent::new(self.now, AuditKind::KeyWithdrawn)
                },
            });
        }
        let ring = KeyPolicy {
            algorithms,
            ..KeyPolicy::default()
        };
        for change in keyring::plan(&records, &ring, self.now) {
            let change = signing_change(change, &records, self.master, self.now);
            changes.push(change.map_err(restoring)?);
        }
        let before = self.before.iter().flat_map(|before| &before.macs);
        let replaced = replaced_mac_keys(&macs, before, self.master, self.now);
        changes.extend(replaced.map_err(restoring)?);
        if !self.store.change_keys(changes).await? {
            // Nobody else knows of this database.
            return Err(StoreError::Corrupt {
                place: "the keys",
                detail: "they do not change as asked".into(),
            }
            .into());
        }
        Ok(withdrawn)
    }
}

/// `countersign.db` becomes `countersign.replaced-20261121T060433Z.db`, with a number to it if there
/// is one of that name.
fn kept_name(database: &Path, now: UnixTime) -> PathBuf {
    let stem = database.file_stem().unwrap_or_default();
    let extension = database.extension().unwrap_or_else(|| OsStr::new("db"));
    let date = date(now, "%Y%m%dT%H%M%SZ");
    let name = |number: String| {
        let mut name = stem.to_owned();
        name.push(format!(".replaced-{date}{number}."));
        name.push(extension);
        database.with_file_name(name)
    };
    let numbered = (2..).map(|number: u64| name(format!("-{number}")));
    // Whoever replaces the database has it alone: a name that is free stays free.
    iter::once(name(String::new()))
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| name(String::new()))
}

/// A time in UTC; a clock that is beyond all dates is shown as it is.
fn date(time: UnixTime, format: &str) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| time.to_string(),
        |timestamp| timestamp.strftime(format).to_string(),
    )
}

fn restoring(error: FlowError) -> RestoreError {
    match error {
        FlowError::Store(error) => RestoreError::Store(error),
        FlowError::Issuer(error) => RestoreError::Issuer(error),
        // Nobody asked for anything that could be refused.
        _ => RestoreError::Store(StoreError::Overloaded),
    }
}
