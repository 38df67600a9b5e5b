//! Where the master key comes from: the environment, or a file that only its owner can read.
//!
//! The file is made on first start beside an embedded database. It is never part of a backup: a
//! stolen database file without it gives no keys away.
//!
//! No two databases of a folder have a key file of the same name: `shop.db` has `shop.key`, one of any
//! other name has that name with `-key` after it. A key file that has the older name, which leaves out
//! whatever the ending is, is still read; but none is made or changed that another database uses too.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use countersign_issuer::record::{MacKeyRecord, SigningKeyRecord};
use countersign_issuer::{IssuerError, MasterKey};

use crate::config::{Config, Database};
use crate::place::{
    Draft, beside as with_end, folder_of, may_replace, named, open_private, sync_folder,
};
use crate::store::sqlite::survey::survey;

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
    /// A folder is named as the database.
    #[error("{} is a folder; name a file in it, for example sqlite:{}/countersign.db", .0.display(), .0.display())]
    IsFolder(PathBuf),
    /// The file is to be made where nothing can be.
    #[error("cannot make the master-key file {}: {source}", path.display())]
    Unmade {
        /// The file in question.
        path: PathBuf,
        /// What the system says, with the folder and what to do.
        source: io::Error,
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
    /// Another database beside this one opens with the same file.
    #[error(
        "the master-key file {} is that of the database {} as well; first give each its own, run: {mend}",
        path.display(), other.display()
    )]
    Shared {
        /// The file in question.
        path: PathBuf,
        /// The other database.
        other: PathBuf,
        /// What to run.
        mend: String,
    },
    /// Nobody can see whether another database beside this one opens with the same file.
    #[error(
        "cannot see whether another database uses the master-key file {} as well: the folder {} \
         cannot be listed: {source}",
        path.display(), folder.display()
    )]
    Unseen {
        /// The file in question.
        path: PathBuf,
        /// The folder it lies in.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
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
    let path = to_start_with(database)?;
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
    let path = to_start_with(database)?;
    match read(&path) {
        Err(MasterKeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            if database.exists() {
                return Err(MasterKeyError::Missing { path });
            }
            let folder = folder_of(&path);
            if !folder.is_dir() {
                return Err(MasterKeyError::NoFolder(folder.to_owned()));
            }
            may_replace(&path).map_err(|source| MasterKeyError::Unmade { path, source })?;
            Ok(None)
        }
        outcome => outcome.map(Some),
    }
}

/// Where the key of an embedded database lies: beside it, named after it.
pub fn file_beside(database: &Path) -> PathBuf {
    let own = own_file(database);
    let older = older_file(database);
    // A database that is not there yet leaves the key of another one alone.
    let is_there = |path: &Path| path != database && path.exists();
    let is_free =
        || database.exists() || other_users_of(&older, database).is_ok_and(|it| it.is_empty());
    if own != older && !own.exists() && is_there(&older) && is_free() {
        older
    } else {
        own
    }
}

/// The name that no other database's key has: those of `NAME.db` end in `.key`, all others in `-key`.
fn own_file(database: &Path) -> PathBuf {
    if database.extension() == Some(OsStr::new("db")) {
        database.with_extension("key")
    } else {
        with_end(database, "-key")
    }
}

/// The name it had before, which `shop.db` and `shop.sqlite` share.
fn older_file(database: &Path) -> PathBuf {
    database.with_extension("key")
}

/// The key file of a start, refused where a first start would take over that of another database.
fn to_start_with(database: &Path) -> Result<PathBuf, MasterKeyError> {
    if database.is_dir() {
        return Err(MasterKeyError::IsFolder(database.to_owned()));
    }
    let path = file_beside(database);
    if !database.exists() && path.exists() {
        refuse_shared(database, "mv")?;
    }
    Ok(path)
}

/// Refuses to have anything to do with a key file that another database opens with. `how` gives that
/// one its own.
fn refuse_shared(database: &Path, how: &str) -> Result<(), MasterKeyError> {
    let path = file_beside(database);
    let mut others = other_users_of(&path, database)?;
    let Some(other) = others.pop() else {
        return Ok(());
    };
    // A third one would look for its key in vain.
    let how = if others.is_empty() { how } else { "cp -p" };
    // Of two that share a file it has the name that is only one's, at most.
    let own = Some(own_file(database)).filter(|own| *own != path);
    let own = own.unwrap_or_else(|| own_file(&other));
    let mend = format!("{how} {} {}", path.display(), own.display());
    Err(MasterKeyError::Shared { path, other, mend })
}

/// The other databases in the folder whose key is in this file. A database that was ever opened has a
/// lock file; a copy that never was is none.
fn other_users_of(path: &Path, database: &Path) -> Result<Vec<PathBuf>, MasterKeyError> {
    let folder = folder_of(database);
    let unseen = |source| MasterKeyError::Unseen {
        path: path.to_owned(),
        folder: folder.to_owned(),
        source,
    };
    let mut others = Vec::new();
    for entry in fs::read_dir(folder).map_err(unseen)? {
        let name = entry.map_err(unseen)?.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix("-lock")) else {
            continue;
        };
        let other = database.with_file_name(name);
        let is_its_name =
            path == own_file(&other) || (path == older_file(&other) && !own_file(&other).exists());
        if other.file_name() != database.file_name()
            && other.exists()
            && is_its_name
            && may_open(path, &other)
        {
            others.push(other);
        }
    }
    Ok(others)
}

/// Whether the key in this file may be that of the database. It is not, if something in there does
/// not open under it: then that one has its key from the environment, or is changing it.
fn may_open(path: &Path, database: &Path) -> bool {
    if next_beside(database).exists() {
        return true;
    }
    let (Ok(key), Ok(stored)) = (read(path), survey(database)) else {
        return true;
    };
    opens_all(&stored.signing, &stored.macs, &key).is_ok()
}

/// Whether everything that is stored opens under this key.
pub(crate) fn opens_all(
    signing: &[SigningKeyRecord],
    macs: &[MacKeyRecord],
    master: &MasterKey,
) -> Result<(), IssuerError> {
    // What can be sealed anew can be opened.
    for key in signing {
        key.reseal(master, master)?;
    }
    for mac in macs {
        mac.reseal(master, master)?;
    }
    Ok(())
}

/// Where the next key of an embedded database waits while everything is sealed under it anew.
pub(crate) fn next_beside(database: &Path) -> PathBuf {
    with_end(database, "-rekey")
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
    refuse_shared(database, "cp -p")?;
    let path = next_beside(database);
    let failed = |error| MasterKeyError::file(&path, &error);
    let draft = Draft::of(&path).map_err(failed)?;
    write_private(draft.path(), key.to_text().expose())
        .and_then(|()| draft.hand_over(&file_beside(database)))
        .and_then(|()| draft.place_new(&path))
        .map_err(failed)
}

/// The next key of `database` becomes its key, in one step. The old one is gone.
pub(crate) fn promote(database: &Path) -> Result<(), MasterKeyError> {
    let path = file_beside(database);
    let failed = |error| MasterKeyError::file(&path, &error);
    fs::rename(next_beside(database), &path)
        .and_then(|()| sync_folder(&path))
        .map_err(failed)
}

/// Nothing is sealed under the next key of `database`: it is put aside, and the answer is where. It is
/// not removed: the database it was made for may be another one now.
pub(crate) fn give_up(database: &Path) -> Result<PathBuf, MasterKeyError> {
    let path = next_beside(database);
    let failed = |error| MasterKeyError::file(&path, &error);
    let aside = (1..=u16::MAX)
        .map(|number| with_end(database, &format!("-rekey-unused-{number}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.clone());
    fs::rename(&path, &aside)
        .and_then(|()| sync_folder(&path))
        .map_err(failed)?;
    Ok(aside)
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
