//! Where the master key comes from: the environment, or a file that only its owner can read.
//!
//! The file is made on first start beside an embedded database. It is never part of a backup: a
//! stolen database file without it gives no keys away.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use countersign_issuer::{IssuerError, MasterKey};

use crate::config::{Config, Database};
use crate::place::{Draft, folder_of, may_change, named, open_private, sync_folder};

/// Why there is no master key to work with.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or made.
    #[error("cannot use the master-key file {source}")]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the system says, with the file and what to do.
        source: io::Error,
    },
    /// The database is to be made in a folder that is not there.
    #[error("there is no folder {}; make it, or name the database elsewhere", .0.display())]
    NoFolder(PathBuf),
    /// Others than the owner can read the file.
    #[error(
        "the master-key file {} can be read by others (mode {mode:03o}); run: chmod 600 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// The file in question.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a database but its key file is gone.
    #[error(
        "the database exists but its master-key file {} does not; restore that file or set \
         COUNTERSIGN_MASTER_KEY: without the key nothing that is sealed can be opened",
        path.display()
    )]
    Missing {
        /// Where the file was looked for.
        path: PathBuf,
    },
    /// A shared database has no file beside it that every server process could read.
    #[error(
        "a PostgreSQL database needs its master key in COUNTERSIGN_MASTER_KEY, the same for every \
         server process; make one with: openssl rand -hex 32"
    )]
    Unset,
    /// The key's text is not a key.
    #[error("the master key {origin} is not usable: {detail}")]
    Malformed {
        /// Where the text came from.
        origin: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The system gives no randomness.
    #[error("cannot make a master key: {0}")]
    Random(#[from] IssuerError),
}

impl MasterKeyError {
    fn file(path: &Path, error: &io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source: named(path, error),
        }
    }
}

/// The master key of an installation: the text it was given, or the file beside its database.
pub(crate) fn of(config: &Config) -> Result<MasterKey, MasterKeyError> {
    match (&config.master_key, &config.database) {
        (Some(text), _) => from_text(text.expose(), "in COUNTERSIGN_MASTER_KEY"),
        (None, Database::Sqlite(path)) => beside(path),
        (None, Database::Postgres(_)) => Err(MasterKeyError::Unset),
    }
}

/// Reads the key file beside `database`, or makes it if `database` is not there yet.
fn beside(database: &Path) -> Result<MasterKey, MasterKeyError> {
    let path = file_beside(database);
    match read(&path) {
        Err(MasterKeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            if database.exists() {
                return Err(MasterKeyError::Missing { path });
            }
            create(&path)
        }
        outcome => outcome,
    }
}

/// The same, without making anything: none where a first start would make the file.
pub(crate) fn look(config: &Config) -> Result<Option<MasterKey>, MasterKeyError> {
    let (None, Database::Sqlite(database)) = (&config.master_key, &config.database) else {
        return of(config).map(Some);
    };
    let path = file_beside(database);
    match read(&path) {
        Err(MasterKeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            if database.exists() {
                return Err(MasterKeyError::Missing { path });
            }
            let folder = folder_of(&path);
            if !folder.is_dir() {
                return Err(MasterKeyError::NoFolder(folder.to_owned()));
            }
            may_change(&path).map_err(|source| MasterKeyError::File { path, source })?;
            Ok(None)
        }
        outcome => outcome.map(Some),
    }
}

/// Where the key of an embedded database lies: beside it, named after it.
pub fn file_beside(database: &Path) -> PathBuf {
    database.with_extension("key")
}

/// Where the next key of an embedded database waits while everything is sealed under it anew.
pub(crate) fn next_beside(database: &Path) -> PathBuf {
    database.with_extension("new.key")
}

/// Reads the key that waits beside `database`, if a change of the key was begun.
pub(crate) fn waiting(database: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    match read(&next_beside(database)) {
        Err(MasterKeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        outcome => outcome.map(Some),
    }
}

/// Writes a key down as the next one of `database`, whole and on the disk.
pub(crate) fn announce(database: &Path, key: &MasterKey) -> Result<(), MasterKeyError> {
    let path = next_beside(database);
    let failed = |error| MasterKeyError::file(&path, &error);
    let draft = Draft::of(&path).map_err(failed)?;
    write_private(draft.path(), key.to_text().expose())
        .and_then(|()| draft.hand_over(&file_beside(database)))
        .and_then(|()| draft.place_over(&path))
        .map_err(failed)
}

/// The next key of `database` becomes its key, in one step.
pub(crate) fn promote(database: &Path) -> Result<(), MasterKeyError> {
    let path = file_beside(database);
    let failed = |error| MasterKeyError::file(&path, &error);
    fs::rename(next_beside(database), &path)
        .and_then(|()| sync_folder(&path))
        .map_err(failed)
}

/// Nothing is sealed under the next key of `database`: it is given up.
pub(crate) fn give_up(database: &Path) -> Result<(), MasterKeyError> {
    let path = next_beside(database);
    fs::remove_file(&path).map_err(|error| MasterKeyError::file(&path, &error))
}

/// Reads a key that was handed over as the new one.
pub(crate) fn new_from_text(text: &str) -> Result<MasterKey, MasterKeyError> {
    from_text(text, "in COUNTERSIGN_NEW_MASTER_KEY")
}

fn from_text(text: &str, origin: &str) -> Result<MasterKey, MasterKeyError> {
    MasterKey::from_text(text).map_err(|error| MasterKeyError::Malformed {
        origin: origin.to_owned(),
        detail: error.to_string(),
    })
}

fn read(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let failed = |error| MasterKeyError::file(path, &error);
    let text = zeroize::Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    refuse_exposed(path)?;
    from_text(&text, &format!("in {}", path.display()))
}

fn create(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let failed = |error| MasterKeyError::file(path, &error);
    if !folder_of(path).is_dir() {
        return Err(MasterKeyError::NoFolder(folder_of(path).to_owned()));
    }
    let key = MasterKey::generate()?;
    // Written whole under another name first: a crash must not leave half a key under this one.
    let draft = Draft::of(path).map_err(failed)?;
    let written = write_private(draft.path(), key.to_text().expose());
    match written.and_then(|()| draft.place_new(path)) {
        Ok(()) => {}
        // Another process was first; its key is the one that counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return read(path),
        Err(error) => return Err(failed(error)),
    }
    Ok(key)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = open_private(path)?;
    writeln!(file, "{text}")?;
    // A database whose key did not survive a power cut would be lost.
    file.sync_all()
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error| MasterKeyError::file(path, &error);
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}
