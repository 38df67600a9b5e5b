//! A PostgreSQL server of our own for the time of a bench: durable as it comes, on a Unix socket in
//! a folder of its own. It refuses to be run by root, so root runs it as `postgres`.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::{Failure, machine};

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    child: Child,
}

impl Cluster {
    /// Makes and starts one with these further settings (`name=value`).
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start(settings: &[&str]) -> Result<Self, Failure> {
        let programs = programs()?;
        // Not beside the build, into which the user who runs it may not look.
        let folder = tempfile::tempdir_in("/var/tmp")?;
        let owner = Owner::when_root()?;
        if let Some(owner) = &owner {
            chown(folder.path(), Some(owner.user), Some(owner.group))?;
        }
        let data = folder.path().join("data");
        let mut initdb = command(owner.as_ref(), &programs.join("initdb"));
        initdb.args(["--auth=trust", "--username=countersign", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "-D"]).arg(&data);
        let made = initdb.current_dir("/").output()?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(format!("initdb: {said}").into());
        }
        let mut postgres = command(owner.as_ref(), &programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(folder.path());
        for setting in ["listen_addresses="].iter().chain(settings) {
            postgres.args(["-c", setting]);
        }
        let log = fs::File::create(folder.path().join("log"))?;
        let child = postgres
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self { folder, child })
    }

    /// The URL of its database, with further parameters.
    pub fn url(&self, parameters: &str) -> String {
        let socket = self.folder.path().display().to_string();
        let socket = socket.replace('/', "%2F");
        format!("postgres://countersign@{socket}:5432/postgres{parameters}")
    }

    /// Whether it still comes up: an error when it has ended.
    ///
    /// # Errors
    /// With its log.
    pub fn alive(&mut self) -> Result<(), Failure> {
        if self.child.try_wait()?.is_none() {
            return Ok(());
        }
        let log = fs::read_to_string(self.folder.path().join("log"))?;
        Err(format!("PostgreSQL ended: {log}").into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // An immediate shutdown: nothing of it is wanted any more.
        if let Ok(pid) = machine::pid(self.child.id()) {
            let _ = kill_process(pid, Signal::QUIT);
        }
        let _ = self.child.wait();
    }
}

/// Who runs the server when root starts it.
struct Owner {
    name: &'static str,
    user: u32,
    group: u32,
}

impl Owner {
    fn when_root() -> Result<Option<Self>, Failure> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let id = |flag: &str, name: &str| -> Option<u32> {
            let output = Command::new("id").args([flag, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        let owner = ["postgres", "nobody"].into_iter().find_map(|name| {
            Some(Self {
                name,
                user: id("-u", name)?,
                group: id("-g", name)?,
            })
        });
        Ok(Some(
            owner.ok_or("nobody to run PostgreSQL as: it refuses root")?,
        ))
    }
}

fn command(owner: Option<&Owner>, program: &Path) -> Command {
    let Some(owner) = owner else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={}", owner.name))
        .arg(format!("--regid={}", owner.group))
        .args(["--clear-groups", "--"])
        .arg(program);
    command
}

/// The folder with `postgres` and `initdb`: on the path, or where Debian keeps them.
fn programs() -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let has = |folder: &PathBuf| {
        ["postgres", "initdb"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    let found = folders.into_iter().find(has);
    found.ok_or_else(|| "PostgreSQL is not installed (Debian: apt-get install postgresql)".into())
}
