//! An answer on its way into a file: whole, or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// The file that is being written.
pub(super) enum Download {
    /// Beside the place it will have.
    Beside(NamedTempFile, PathBuf),
    /// Something that is no plain file, a pipe or a device, is written to as it is.
    Straight(File),
}

impl Download {
    pub(super) fn to(path: &Path) -> Result<Self, Failure> {
        let cannot =
            |error: io::Error| Failure::failed(format!("cannot write {}: {error}", path.display()));
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let file = OpenOptions::new().write(true).open(path);
            return file.map(Self::Straight).map_err(cannot);
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".countersign-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What the user's mask leaves of it, as with any file that is saved.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder).map_err(cannot)?;
        Ok(Self::Beside(file, path.to_owned()))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Beside(file, _) => file.write_all(bytes),
            Self::Straight(file) => file.write_all(bytes),
        }
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Straight(_) => Ok(()),
            Self::Beside(file, path) => file.persist(&path).map(|_| ()).map_err(|error| {
                Failure::failed(format!("cannot write {}: {}", path.display(), error.error))
            }),
        }
    }
}
