//! Where a key is written: to standard output, or into a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct OutArgs {
    /// The file to write, `-` for standard output; a private key in it is for its owner alone
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over the file if it is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// Who may read what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sensitivity {
    Public,
    Private,
}

impl OutArgs {
    /// The file named, unless that is standard output.
    pub(super) fn path(&self) -> Option<&Path> {
        self.out.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Writes a key that is whole, its line end included.
    pub(super) fn write(&self, text: &str, sensitivity: Sensitivity) -> Result<(), Failure> {
        let Some(path) = self.path() else {
            if sensitivity == Sensitivity::Private && self.out.is_none() {
                return Err(Failure::usage(
                    "this is a private key: name a file for it with --out FILE, or print it with \
                     --out -",
                ));
            }
            return output::line(text.trim_end());
        };
        match sensitivity {
            Sensitivity::Private => self.for_the_owner(path, text),
            Sensitivity::Public => self.for_all(path, text),
        }
        .map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Failure::failed(format!(
                    "{} is there already; --force writes over it",
                    path.display()
                ))
            } else {
                Failure::failed(format!("{} cannot be written: {error}", path.display()))
            }
        })
    }

    /// Whole or not at all, and never readable by others, not even for a moment.
    fn for_the_owner(&self, path: &Path, text: &str) -> io::Result<()> {
        // A device or a pipe would be gone afterwards, and the key a file in its place.
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::other("it is there already and is no file"));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        let kept = if self.force {
            file.persist(path)
        } else {
            file.persist_noclobber(path)
        };
        kept.map(drop).map_err(|error| error.error)
    }

    fn for_all(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).truncate(self.force);
        if self.force {
            options.create(true);
        } else {
            options.create_new(true);
        }
        options.open(path)?.write_all(text.as_bytes())
    }
}
