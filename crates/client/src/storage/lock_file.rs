//! A lock among processes: the operating system's, on a file that is empty and stays.
//!
//! The system takes the lock away from a process that ends, however it ends, so that nobody ever finds
//! a dead one's. The file is never removed: whoever had it open would hold a lock that nobody sees.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{StorageError, StorageLock};

/// Takes the lock, unless another holds it.
pub(super) fn try_lock(path: &Path) -> Result<Option<StorageLock>, StorageError> {
    let failed = |error: io::Error| StorageError::Io {
        what: "lock",
        place: path.display().to_string(),
        source: Arc::new(error),
    };
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(failed)?;
    }
    let file = open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(StorageLock::held_by(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Makes the folder, if it is missing, for the user alone.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(not_a_link());
    }
    options.open(path)
}

/// The flag with which a link is not followed.
#[cfg(unix)]
pub(super) fn not_a_link() -> i32 {
    // A pipe in the file's place must not make us wait for its writer either.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    i32::try_from(flags.bits()).unwrap_or(0)
}
