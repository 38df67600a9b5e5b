//! A login in a file that only its owner can read.
//!
//! It is written beside its place, made durable, and moved there in one step, so that a reader finds the
//! old login or the new one and never half of either, even after a power cut. On systems without modes
//! the folder of the user's profile is what keeps others out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Storage, StorageError, StorageLock, lock_file};

/// A login is far smaller than this.
const MAX_LOGIN: u64 = 64 * 1024;

/// Keeps a login in a file of mode 0600, with a lock file beside it.
///
/// The folder is made if it is missing. A file that others can read, that is not the user's own, or that
/// is a link is refused, and so is a folder in which others can write.
#[derive(Clone, Debug)]
pub struct FileStorage {
    path: PathBuf,
}

impl FileStorage {
    /// The login in the file `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(extension);
        name.into()
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn make_folder(&self) -> Result<(), StorageError> {
        let folder = self.folder();
        lock_file::make_folder(folder).map_err(|error| failed("make the folder", folder, error))?;
        private::folder(folder)
    }

    fn write(&self, path: &Path, login: &[u8]) -> io::Result<()> {
        // Left behind by a process that was killed. Whoever is here holds the lock.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(login)?;
        file.sync_all()?;
        fs::rename(path, &self.path)?;
        sync_folder(self.folder())
    }
}

impl Storage for FileStorage {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        let Some(file) = private::open(&self.path)? else {
            return Ok(None);
        };
        private::folder(self.folder())?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        // With room from the start the buffer does not move and leave copies behind.
        let room = usize::try_from(length.min(MAX_LOGIN)).unwrap_or(0);
        let mut login = Zeroizing::new(Vec::with_capacity(room + 1));
        file.take(MAX_LOGIN + 1)
            .read_to_end(&mut login)
            .map_err(|error| failed("read", &self.path, error))?;
        if login.len() as u64 > MAX_LOGIN {
            return Err(StorageError::NotALogin {
                place: self.place(),
            });
        }
        Ok(Some(login))
    }

    fn save(&self, login: &[u8]) -> Result<(), StorageError> {
        self.make_folder()?;
        self.write(&self.beside(".new"), login)
            .map_err(|error| failed("write", &self.path, error))
    }

    fn remove(&self) -> Result<(), StorageError> {
        match fs::remove_file(&self.path).and_then(|()| sync_folder(self.folder())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &self.path, error))
            }
            _ => Ok(()),
        }
    }

    fn try_lock(&self) -> Result<Option<StorageLock>, StorageError> {
        self.make_folder()?;
        lock_file::try_lock(&self.beside(".lock"))
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

/// The renaming itself is durable only when the folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn failed(what: &'static str, path: &Path, error: io::Error) -> StorageError {
    StorageError::Io {
        what,
        place: path.display().to_string(),
        source: Arc::new(error),
    }
}

#[cfg(unix)]
mod private {
    //! What is checked is what was opened, so that nothing can be exchanged in between.

    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::path::Path;

    use super::super::lock_file::not_a_link;
    use super::{StorageError, failed};

    pub(super) fn open(path: &Path) -> Result<Option<File>, StorageError> {
        let place = || path.display().to_string();
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(not_a_link());
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(StorageError::NotAPlainFile { place: place() });
            }
            Err(error) => return Err(failed("read", path, error)),
        };
        let metadata = file
            .metadata()
            .map_err(|error| failed("read", path, error))?;
        // A second name is somebody else's way to it. None at all is well: a renewal has put the next
        // login in its place since it was opened, and this one is whole.
        if !metadata.is_file() || metadata.nlink() > 1 {
            return Err(StorageError::NotAPlainFile { place: place() });
        }
        match open_to_others(&metadata, 0o077) {
            Some(why) => Err(StorageError::NotPrivate {
                place: place(),
                why,
            }),
            None => Ok(Some(file)),
        }
    }

    pub(super) fn folder(path: &Path) -> Result<(), StorageError> {
        let metadata =
            std::fs::metadata(path).map_err(|error| failed("look at the folder", path, error))?;
        match open_to_others(&metadata, 0o022) {
            Some(why) => Err(StorageError::FolderNotPrivate {
                place: path.display().to_string(),
                why,
            }),
            None => Ok(()),
        }
    }

    fn open_to_others(metadata: &Metadata, forbidden: u32) -> Option<String> {
        let mode = metadata.mode() & 0o7777;
        if mode & forbidden != 0 {
            return Some(format!("mode {mode:04o}"));
        }
        let owner = metadata.uid();
        (owner != rustix::process::geteuid().as_raw()).then(|| format!("user {owner} owns it"))
    }
}

#[cfg(not(unix))]
mod private {
    use std::fs::{self, File};
    use std::io;
    use std::path::Path;

    use super::{StorageError, failed};

    pub(super) fn open(path: &Path) -> Result<Option<File>, StorageError> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(StorageError::NotAPlainFile {
                    place: path.display().to_string(),
                });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", path, error)),
        }
        File::open(path)
            .map(Some)
            .map_err(|error| failed("read", path, error))
    }

    pub(super) fn folder(_: &Path) -> Result<(), StorageError> {
        Ok(())
    }
}
