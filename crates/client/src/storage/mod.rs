//! Where a login rests between two runs of a program, and among programs that share it.
//!
//! A storage holds one login, as bytes that it does not look into, and a lock that every process on
//! the machine respects. [`FileStorage`] is a file of the user's own; `KeyringStorage` (feature
//! `keyring`) is the system's keyring; yours is an implementation of [`Storage`].

mod file;
#[cfg(feature = "keyring")]
mod keyring;
mod lock_file;

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::Arc;

/// Bytes that are wiped when they are dropped.
pub use zeroize::Zeroizing;

pub use file::FileStorage;
#[cfg(feature = "keyring")]
pub use keyring::KeyringStorage;

/// Keeps one login. The calls may block; the client makes them on threads made for that.
pub trait Storage: Send + Sync + 'static {
    /// What is kept, if anything is.
    ///
    /// # Errors
    ///
    /// What keeps it from being read, also if it is not safe to: a secret that others may have read
    /// is no secret.
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError>;

    /// Puts `login` in the place of what is kept: all of it or nothing, whatever happens meanwhile.
    ///
    /// # Errors
    ///
    /// What keeps it from being written; then what was kept is still there.
    fn save(&self, login: &[u8]) -> Result<(), StorageError>;

    /// Removes what is kept; it may be gone already.
    ///
    /// # Errors
    ///
    /// What keeps it from being removed.
    fn remove(&self) -> Result<(), StorageError>;

    /// Takes the lock, or says that another holds it. The lock must end with the process that holds
    /// it, however that ends. A storage that no other process shares returns
    /// [`StorageLock::not_needed`].
    ///
    /// # Errors
    ///
    /// What keeps it from being taken at all.
    fn try_lock(&self) -> Result<Option<StorageLock>, StorageError>;

    /// Where it is, for people.
    fn place(&self) -> String;
}

impl<S: Storage + ?Sized> Storage for Arc<S> {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        (**self).load()
    }

    fn save(&self, login: &[u8]) -> Result<(), StorageError> {
        (**self).save(login)
    }

    fn remove(&self) -> Result<(), StorageError> {
        (**self).remove()
    }

    fn try_lock(&self) -> Result<Option<StorageLock>, StorageError> {
        (**self).try_lock()
    }

    fn place(&self) -> String {
        (**self).place()
    }
}

/// The right to change a storage; it ends when the value is dropped.
pub struct StorageLock(
    #[expect(dead_code, reason = "held until it is dropped")] Box<dyn Any + Send + Sync>,
);

impl StorageLock {
    /// A lock that is held as long as `holder` lives.
    pub fn held_by(holder: impl Any + Send + Sync) -> Self {
        Self(Box::new(holder))
    }

    /// No lock, for a storage that only this process has.
    pub fn not_needed() -> Self {
        Self::held_by(())
    }
}

impl Debug for StorageLock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("StorageLock")
    }
}

/// Why a login cannot be kept, or cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A link, a folder or a pipe stands where the file should be.
    #[error("{place} is a link, or no plain file; a login is read from a file of its own only")]
    NotAPlainFile {
        /// The file.
        place: String,
    },

    /// Others can read the file, or it is not ours.
    #[error(
        "{place} can be read by others ({why}); it may have been: sign out, remove it, and sign in again"
    )]
    NotPrivate {
        /// The file.
        place: String,
        /// Its mode or its owner.
        why: String,
    },

    /// Others can put files into the folder.
    #[error("others can change files in {place} ({why}); take that right away: chmod go-w {place}")]
    FolderNotPrivate {
        /// The folder.
        place: String,
        /// Its mode or its owner.
        why: String,
    },

    /// What is there is no login that this version understands.
    #[error("what is kept in {place} is no login that this version understands; sign in again")]
    NotALogin {
        /// The storage.
        place: String,
    },

    /// Another process holds the lock, and goes on holding it.
    #[error("another process has been changing the login in {place} for too long")]
    Busy {
        /// The storage.
        place: String,
    },

    /// The file system refuses.
    #[error("cannot {what} {place}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        place: String,
        /// What it says.
        source: Arc<io::Error>,
    },

    /// The system's keyring refuses, is locked, or is not there.
    #[error("cannot use {place}: {message}")]
    Keyring {
        /// The keyring.
        place: String,
        /// What it says.
        message: String,
    },

    /// Your own storage failed.
    #[error("cannot use {place}")]
    Own {
        /// The storage.
        place: String,
        /// What it says.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl StorageError {
    /// What a storage of your own says.
    pub fn own(place: impl Into<String>, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Own {
            place: place.into(),
            source: error.into().into(),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAPlainFile { .. } => "storage_not_a_plain_file",
            Self::NotPrivate { .. } | Self::FolderNotPrivate { .. } => "storage_not_private",
            Self::NotALogin { .. } => "storage_not_a_login",
            Self::Busy { .. } => "storage_busy",
            Self::Io { .. } | Self::Own { .. } => "storage_failed",
            Self::Keyring { .. } => "keyring_failed",
        }
    }
}
