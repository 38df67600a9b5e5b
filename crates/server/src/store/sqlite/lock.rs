//! Who may have the database open: many who use it, or one who puts another in its place.
//!
//! SQLite's own locks guard its pages, not the file under its name. So whoever opens the database
//! holds a lock on a file beside it for as long as the process lives; the system lets go of it
//! however the process ends. Whoever replaces the database, or the key it is sealed under, must
//! have it alone.
//!
//! A command may use the database beside a running server, but a second server may not: what one
//! counts in memory, the wrong guesses above all, the other does not know. So a server holds a lock
//! of its own, on another file.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::place::{beside, open_private};
use crate::store::StoreError;

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct DatabaseLock {
    _file: File,
}

/// Held by the one server of a database until it is dropped.
#[derive(Debug)]
pub(crate) struct ServerLock {
    _file: File,
}

impl DatabaseLock {
    /// Together with others who use the database at `path`.
    pub(crate) fn shared(path: &Path) -> Result<Self, StoreError> {
        let file = open(path, "-lock")?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::BeingReplaced),
            Err(TryLockError::Error(error)) => Err(StoreError::unavailable(error)),
        }
    }

    /// Alone: nobody has the database open, and nobody can open it.
    pub(crate) fn exclusive(path: &Path) -> Result<Self, StoreError> {
        let file = open(path, "-lock")?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(StoreError::unavailable(error)),
        }
    }
}

impl ServerLock {
    /// As the only server of the database at `path`.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let file = open(path, "-serve")?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Served(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(StoreError::unavailable(error)),
        }
    }
}

/// A lock file is never removed: another process might hold a lock on one that has no name left.
fn open(database: &Path, end: &str) -> Result<File, StoreError> {
    open_private(&beside(database, end)).map_err(StoreError::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_share_and_one_has_it_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let (first, second) = (DatabaseLock::shared(&path), DatabaseLock::shared(&path));
        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(
            DatabaseLock::exclusive(&path),
            Err(StoreError::InUse)
        ));
        drop((first, second));
        let alone = DatabaseLock::exclusive(&path).expect("nobody else");
        assert!(matches!(
            DatabaseLock::shared(&path),
            Err(StoreError::BeingReplaced)
        ));
        drop(alone);
        assert!(DatabaseLock::shared(&path).is_ok());
    }

    #[test]
    fn there_is_one_server_and_commands_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let first = ServerLock::take(&path).expect("nobody else");
        assert!(matches!(
            ServerLock::take(&path),
            Err(StoreError::Served(at)) if at == path
        ));
        assert!(DatabaseLock::shared(&path).is_ok());
        drop(first);
        assert!(ServerLock::take(&path).is_ok());
    }
}
