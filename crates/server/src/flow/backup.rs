//! A copy of the whole database, made beside the running server.
//!
//! It holds what the database holds at one moment: password hashes, and keys sealed under the
//! master key. It never holds the master key itself.

use std::io;
use std::path::{Path, PathBuf};

use countersign::UnixTime;

use crate::config::{Config, Database};
use crate::master_key;
use crate::place::{Draft, beside, may_replace};
use crate::store::StoreError;
use crate::store::sqlite::copy;
use crate::store::sqlite::lock::DatabaseLock;

/// What to do when the file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave it.
    Refuse,
    /// Put the new backup in its place, once that is whole.
    Replace,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The moment whose state it holds.
    pub made_at: UnixTime,
}

/// Why there is no new backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The database has a server of its own.
    #[error("a PostgreSQL database is backed up by its own tools: use pg_dump")]
    NotEmbedded,
    /// There is nothing to copy.
    #[error("there is no database at {}", .0.display())]
    NoDatabase(PathBuf),
    /// There is a file of that name.
    #[error("{} is there already; --force puts the new backup in its place", .0.display())]
    Exists(PathBuf),
    /// A device, a pipe or a folder: the backup would be put in its place, and that be gone.
    #[error("{} is there already and is no file, so nothing is put in its place: choose another name", .0.display())]
    NoFile(PathBuf),
    /// The file is the database, or one it needs.
    #[error("{} is part of the installation itself: choose another name", .0.display())]
    Installation(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database cannot be read, or the copy is not as it should be.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the database of the installation that `config` describes into the file `to`, which only
/// its owner can read. `progress` hears how many bytes of how many are copied.
///
/// # Errors
/// [`BackupError`]; then there is no new file, and an older one of that name is as it was.
pub fn backup(
    config: &Config,
    to: &Path,
    overwrite: Overwrite,
    mut progress: impl FnMut(u64, u64),
) -> Result<Backup, BackupError> {
    let Database::Sqlite(database) = &config.database else {
        return Err(BackupError::NotEmbedded);
    };
    if !database.exists() {
        return Err(BackupError::NoDatabase(database.clone()));
    }
    refuse_own_files(database, to)?;
    if to.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(BackupError::NoFile(to.to_owned()));
    }
    if overwrite == Overwrite::Refuse && to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let file = |source| BackupError::File {
        path: to.to_owned(),
        source,
    };
    // Or what is wrong with its folder would be said of the database.
    may_replace(to).map_err(file)?;
    let _lock = DatabaseLock::shared(database)?;
    let draft = Draft::of(to).map_err(file)?;
    let made_at = UnixTime::now();
    copy::copy(database, draft.path(), &mut progress)?;
    copy::mark(draft.path(), made_at)?;
    // A backup that cannot be restored should be known for what it is today.
    copy::inspect(draft.path())?;
    let bytes = draft.path().metadata().map_err(file)?.len();
    match overwrite {
        Overwrite::Replace => draft.place_over(to).map_err(file)?,
        Overwrite::Refuse => match draft.place_new(to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(to.to_owned()));
            }
            outcome => outcome.map_err(file)?,
        },
    }
    Ok(Backup {
        path: to.to_owned(),
        bytes,
        made_at,
    })
}

/// A backup written over the database or its master key would be the end of both.
fn refuse_own_files(database: &Path, to: &Path) -> Result<(), BackupError> {
    let own = ["", "-wal", "-shm", "-lock", "-serve", "-rekey"].map(|end| beside(database, end));
    let key = master_key::file_beside(database);
    let Ok(target) = to.canonicalize() else {
        return Ok(());
    };
    let is_target = |file: &PathBuf| file.canonicalize().is_ok_and(|file| file == target);
    if own.iter().chain([&key]).any(is_target) {
        return Err(BackupError::Installation(to.to_owned()));
    }
    Ok(())
}
