//! Every stored key is sealed anew under another master key.
//!
//! ```text
//! new key into a file of its own -> everything sealed anew, one transaction -> the file becomes the key file
//! ```
//!
//! A crash before the transaction leaves a database that opens under the old key, after it one that
//! opens under the new key; both are on the disk then, and the next start looks which one it is and
//! finishes. Keys handed over in the environment are the operator's to exchange: the same command
//! run again says how far it has come.
//!
//! The embedded database must be had alone: a server that runs would go on with the old key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::UnixTime;
use countersign::secret::SecretString;
use countersign_issuer::record::{AuditEvent, AuditKind, MacKeyRecord, SigningKeyRecord};
use countersign_issuer::{IssuerError, MasterKey};

use crate::config::{Config, Database};
use crate::installation::{OpenError, open_store};
use crate::master_key::{self, MasterKeyError, opens_all};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::lock::DatabaseLock;
use crate::store::{KeyName, KeyRowChange, SharedStore, StoreError};

/// How often it is begun again because a key was changed meanwhile.
const ATTEMPTS: usize = 5;

/// A change of the master key that was done.
#[derive(Clone, Debug)]
pub struct Rekeyed {
    /// How many signing keys were sealed anew.
    pub signing_keys: usize,
    /// How many MAC keys were.
    pub mac_keys: usize,
    /// The file that holds the new key; `None` when it is handed over in the environment.
    pub key_file: Option<PathBuf>,
}

/// Why the master key was not changed. The database opens as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RekeyError {
    /// The old key comes from the environment, so the new one must too.
    #[error(
        "the master key is handed over in COUNTERSIGN_MASTER_KEY, so the new one must be in \
         COUNTERSIGN_NEW_MASTER_KEY; make one with: openssl rand -hex 32"
    )]
    NewKeyUnset,
    /// There is nothing to seal.
    #[error("there is no database at {}", .0.display())]
    NoDatabase(PathBuf),
    /// Other processes kept changing the keys.
    #[error("the keys were changed by another process meanwhile: stop every server and try again")]
    Contended,
    /// A key cannot be read or written.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The stored keys do not open under the old key.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A change that was cut short before could not be finished.
    #[error(transparent)]
    Unfinished(#[from] OpenError),
}

/// Seals every key of the installation that `config` describes under `new`, or, where the old key
/// is in a file, under a random one if none is given.
///
/// # Errors
/// [`RekeyError`]; then nothing has changed. A crash on the way may leave the new key in charge:
/// the next start finds out.
pub async fn rekey(config: &Config, new: Option<&SecretString>) -> Result<Rekeyed, RekeyError> {
    let new = new
        .map(|text| master_key::new_from_text(text.expose()))
        .transpose()?;
    match (&config.database, &config.master_key) {
        (Database::Sqlite(path), None) => in_file(config, path, new).await,
        (Database::Sqlite(path), Some(_)) => {
            let new = new.ok_or(RekeyError::NewKeyUnset)?;
            let store = alone(path)?;
            in_environment(config, &store, &new).await
        }
        (Database::Postgres(_), _) => {
            let new = new.ok_or(RekeyError::NewKeyUnset)?;
            let store = open_store(&config.database, Arc::default()).await?;
            in_environment(config, &store, &new).await
        }
    }
}

/// Before anything is opened with `master`: if a change of the key file was cut short, finishes it
/// or gives it up. The answer is the key that opens the database.
pub(crate) async fn settle_master_key(
    config: &Config,
    store: &SharedStore,
    master: MasterKey,
) -> Result<MasterKey, OpenError> {
    let (Database::Sqlite(path), None) = (&config.database, &config.master_key) else {
        return Ok(master);
    };
    let Some(next) = master_key::waiting(path)? else {
        return Ok(master);
    };
    let (signing, macs) = store.keys().await?;
    if opens_all(&signing, &macs, &master).is_ok() {
        let aside = master_key::give_up(path)?;
        tracing::warn!(
            unused = %aside.display(),
            "a change of the master key was cut short before anything was sealed anew: the old \
             key stays"
        );
        return Ok(master);
    }
    if opens_all(&signing, &macs, &next).is_ok() {
        finish(store, path).await?;
        tracing::warn!(
            "a change of the master key that was cut short is finished: the new key holds"
        );
        return Ok(next);
    }
    // Neither opens it: the caller's own attempt says so.
    Ok(master)
}

/// The key that waits beside the database at `path`, if everything in it is sealed under that one and
/// not under `master`: a change of the key file was cut short before its last step.
pub(super) fn all_but_done(
    config: &Config,
    path: &Path,
    (signing, macs): (&[SigningKeyRecord], &[MacKeyRecord]),
    master: &MasterKey,
) -> Result<Option<MasterKey>, MasterKeyError> {
    if config.master_key.is_some() {
        return Ok(None);
    }
    let next = master_key::waiting(path)?;
    Ok(next.filter(|next| {
        opens_all(signing, macs, master).is_err() && opens_all(signing, macs, next).is_ok()
    }))
}

/// The line in the audit log about a change of the master key.
pub(super) fn changed() -> AuditEvent {
    AuditEvent::new(UnixTime::now(), AuditKind::MasterKeyChanged)
}

async fn in_file(
    config: &Config,
    path: &Path,
    new: Option<MasterKey>,
) -> Result<Rekeyed, RekeyError> {
    let store = alone(path)?;
    let master = master_key::of(config)?;
    let old = settle_master_key(config, &store, master).await?;
    let new = new.map_or_else(MasterKey::generate, Ok)?;
    // Looked at before the new key is written down: a wrong old key must leave no trace.
    let (signing, macs) = store.keys().await?;
    opens_all(&signing, &macs, &old)?;
    master_key::announce(path, &new)?;
    let (signing_keys, mac_keys) = seal_all(&store, &old, &new).await?;
    finish(&store, path).await?;
    store.close().await;
    Ok(Rekeyed {
        signing_keys,
        mac_keys,
        key_file: Some(master_key::file_beside(path)),
    })
}

async fn in_environment(
    config: &Config,
    store: &SharedStore,
    new: &MasterKey,
) -> Result<Rekeyed, RekeyError> {
    let old = master_key::of(config)?;
    let (signing_keys, mac_keys) = seal_all(store, &old, new).await?;
    store.audit(changed()).await?;
    store.close().await;
    Ok(Rekeyed {
        signing_keys,
        mac_keys,
        key_file: None,
    })
}

/// Opens the database so that nobody else has it open, or can open it, until the store is dropped.
fn alone(path: &Path) -> Result<SharedStore, RekeyError> {
    if !path.exists() {
        return Err(RekeyError::NoDatabase(path.to_owned()));
    }
    let lock = DatabaseLock::exclusive(path)?;
    Ok(Arc::new(SqliteStore::open_under(path, Some(lock))?))
}

/// Seals everything anew in one transaction. Done already is done, key by key: a server that went on
/// may have sealed one under the old key while the others were sealed under the new one.
async fn seal_all(
    store: &SharedStore,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<(usize, usize), RekeyError> {
    for _ in 0..ATTEMPTS {
        let (signing, macs) = store.keys().await?;
        let changes = reseal(&signing, &macs, old, new)?;
        let of_macs = changes.iter().filter(|change| is_mac(change)).count();
        let of_signing = changes.len() - of_macs;
        if changes.is_empty() || store.change_keys(changes).await? {
            return Ok((of_signing, of_macs));
        }
    }
    Err(RekeyError::Contended)
}

/// What there is to change: what does not open under the new key and does under the old one.
fn reseal(
    signing: &[SigningKeyRecord],
    macs: &[MacKeyRecord],
    old: &MasterKey,
    new: &MasterKey,
) -> Result<Vec<KeyRowChange>, IssuerError> {
    let mut changes = Vec::new();
    for key in signing {
        if key.reseal(new, new).is_ok() {
            continue;
        }
        let sealed = key.reseal(old, new)?.sealed;
        // One whose private half is destroyed has nothing to seal.
        if let Some((from, to)) = key.sealed.clone().zip(sealed) {
            let key = KeyName::Signing(key.kid.clone());
            changes.push(KeyRowChange::Resealed { key, from, to });
        }
    }
    for mac in macs {
        if mac.reseal(new, new).is_ok() {
            continue;
        }
        changes.push(KeyRowChange::Resealed {
            key: KeyName::Mac(mac.id),
            from: mac.sealed.clone(),
            to: mac.reseal(old, new)?.sealed,
        });
    }
    Ok(changes)
}

fn is_mac(change: &KeyRowChange) -> bool {
    let KeyRowChange::Resealed { key, .. } = change else {
        return false;
    };
    matches!(key, KeyName::Mac(_))
}

/// The line in the audit log, then the file: cut short in between, the line is written twice rather
/// than never.
async fn finish(store: &SharedStore, path: &Path) -> Result<(), OpenError> {
    store.audit(changed()).await?;
    Ok(master_key::promote(path)?)
}

#[cfg(test)]
mod tests {
    use countersign_issuer::record::KeyState;

    use super::*;

    async fn keep(store: &SharedStore, record: SigningKeyRecord) {
        let change = KeyRowChange::Signing {
            record,
            from: None,
            revocation: None,
            audit: changed(),
        };
        assert!(store.change_keys(vec![change]).await.expect("works"));
    }

    /// A server on a shared database that planned its next key just before, and stored it just after.
    #[tokio::test]
    async fn a_key_that_slipped_in_under_the_old_key_is_sealed_anew_by_the_next_call() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(&folder.path().join("test.db")).expect("a database");
        let store: SharedStore = Arc::new(store);
        let (old, new) = (
            MasterKey::generate().expect("a key"),
            MasterKey::generate().expect("a key"),
        );
        let key = |state| {
            let algorithm = countersign::Algorithm::ES256;
            SigningKeyRecord::generate(algorithm, state, "", &old, UnixTime::now()).expect("a key")
        };
        let late = key(KeyState::Pending);
        keep(&store, key(KeyState::Signing)).await;
        assert_eq!(seal_all(&store, &old, &new).await.ok(), Some((1, 0)));
        keep(&store, late).await;
        let (signing, macs) = store.keys().await.expect("works");
        assert!(opens_all(&signing, &macs, &new).is_err());
        assert_eq!(seal_all(&store, &old, &new).await.ok(), Some((1, 0)));
        assert_eq!(seal_all(&store, &old, &new).await.ok(), Some((0, 0)));
        let (signing, macs) = store.keys().await.expect("works");
        assert!(opens_all(&signing, &macs, &new).is_ok());
    }
}
