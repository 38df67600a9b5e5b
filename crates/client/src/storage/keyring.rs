//! A login in the system's keyring: Secret Service, Keychain, Credential Manager.
//!
//! It fails closed. A keyring that is locked, or that is not there, is an error and never a reason to
//! write the login anywhere else.

use std::path::PathBuf;

use keyring::{Entry, Error};
use zeroize::Zeroizing;

use super::{Storage, StorageError, StorageLock, lock_file};

/// Keeps a login in the system's keyring, under the name of a service and an account.
///
/// Keyrings have no locks, so an empty file stands beside it: whoever shares the login names the same one.
#[derive(Clone, Debug)]
pub struct KeyringStorage {
    service: String,
    account: String,
    lock: PathBuf,
}

impl KeyringStorage {
    /// The login of `account` at `service`; `lock` is the file that is locked while it is changed.
    pub fn new(
        service: impl Into<String>,
        account: impl Into<String>,
        lock: impl Into<PathBuf>,
    ) -> Self {
        Self {
            service: service.into(),
            account: account.into(),
            lock: lock.into(),
        }
    }

    fn entry(&self) -> Result<Entry, StorageError> {
        if let Err(error) = Entry::store_status() {
            return Err(self.failed(error));
        }
        Entry::new(&self.service, &self.account).map_err(|error| self.failed(&error))
    }

    /// Only what the error says is kept: some of its forms carry the secret itself.
    fn failed(&self, error: &Error) -> StorageError {
        StorageError::Keyring {
            place: self.place(),
            message: error.to_string(),
        }
    }
}

impl Storage for KeyringStorage {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        match self.entry()?.get_secret() {
            Ok(login) => Ok(Some(Zeroizing::new(login))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn save(&self, login: &[u8]) -> Result<(), StorageError> {
        let saved = self.entry()?.set_secret(login);
        saved.map_err(|error| self.failed(&error))
    }

    fn remove(&self) -> Result<(), StorageError> {
        match self.entry()?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn try_lock(&self) -> Result<Option<StorageLock>, StorageError> {
        lock_file::try_lock(&self.lock)
    }

    fn place(&self) -> String {
        format!("the system's keyring ({} / {})", self.service, self.account)
    }
}
