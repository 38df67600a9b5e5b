//! Root may read and write every file, so it is somebody else who asks where a mode is to count.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_conformance::command;
use countersign_witness::Keep;
use tempfile::TempDir;

/// Somebody, and a `countersign` that they may run.
pub(crate) struct Somebody {
    binary: PathBuf,
    is_root: bool,
    _folder: TempDir,
}

impl Somebody {
    const ID: u32 = 7_801;

    /// To whom this folder belongs from now on, and all in it.
    pub(crate) fn with(folder: &Path) -> Self {
        let own = tempfile::tempdir().expect("a folder");
        mode(own.path(), 0o755);
        let binary = own.path().join("countersign");
        fs::copy(command::binary(), &binary).expect("where anybody may read it");
        let somebody = Self {
            binary,
            is_root: chown(folder, Some(Self::ID), None).is_ok(),
            _folder: own,
        };
        for file in fs::read_dir(folder).expect("a folder") {
            somebody.owns(&file.expect("a file").path());
        }
        somebody
    }

    pub(crate) fn owns(&self, path: &Path) {
        if self.is_root {
            chown(path, Some(Self::ID), None).expect("root may");
        }
    }

    pub(crate) fn run(&self, within: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(within);
        command.env_remove("COUNTERSIGN_DATABASE");
        if self.is_root {
            command.uid(Self::ID);
        }
        command.run().expect("countersign starts")
    }
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}
