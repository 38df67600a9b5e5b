//! A file for a secret: made before the secret is, so that none is lost to a folder that cannot be
//! written, and never over another.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use countersign_issuer::ClientSecret;
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// Room for a secret, nameless until it is kept; for its owner alone from the first moment.
pub(super) struct SecretFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl SecretFile {
    pub(super) fn new(path: PathBuf) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() {
            return Err(taken(&path));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let file = file.map_err(|error| {
            Failure::failed(format!("{} cannot be written: {error}", path.display()))
        })?;
        Ok(Self { path, file })
    }

    /// Writes the secret of this client; where it is from now on.
    pub(super) fn keep(self, secret: &ClientSecret, id: &str) -> Result<PathBuf, Failure> {
        let Self { path, mut file } = self;
        let written =
            writeln!(file, "{}", secret.expose()).and_then(|()| file.as_file().sync_all());
        let kept = written.and_then(|()| {
            let kept = file.persist_noclobber(&path);
            kept.map(drop).map_err(|error| error.error)
        });
        match kept {
            Ok(()) => Ok(path),
            Err(error) => Err(lost(&path, id, &error)),
        }
    }
}

fn taken(path: &Path) -> Failure {
    Failure::failed(format!(
        "{} is there already, and a secret is not written over anything: name another file",
        path.display()
    ))
}

fn lost(path: &Path, id: &str, error: &io::Error) -> Failure {
    Failure::failed(format!(
        "{} cannot be written: {error}. The secret that was made is lost; for another one: \
         countersign client rotate-secret {id}",
        path.display()
    ))
}
