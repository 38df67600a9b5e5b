//! The commands of a guide, as its reader types them.
//!
//! `countersign`, `python` and `flask` are the ones under test. The guide's ports are changed for
//! free ones, in commands and files alike, so that guides can be tested side by side.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::command;
use crate::foreign::{self, Program};
use crate::guide::Guide;
use crate::port;

/// Where the guides have the server, and where the API.
const SERVER: &str = "7800";
const API: &str = "5000";

/// A reader's terminal: a folder, and what was exported so far.
#[derive(Debug)]
pub struct Shell {
    folder: TempDir,
    path: OsString,
    said: Vec<String>,
    changes: Vec<(String, String)>,
    server: u16,
    api: u16,
}

impl Shell {
    /// An empty folder, the commands found, and ports of its own.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let commands = folder.path().join(".commands");
        std::fs::create_dir(&commands).expect("a folder");
        symlink(command::binary(), commands.join("countersign")).expect("a link");
        let python = foreign::python();
        let packages = python.parent().expect("an interpreter lies in a folder");
        let mut path = commands.into_os_string();
        path.push(":");
        path.push(packages);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let (server, api) = (port::free(), port::free());
        Self {
            folder,
            path,
            said: Vec::new(),
            changes: vec![
                (SERVER.to_owned(), server.to_string()),
                (API.to_owned(), api.to_string()),
            ],
            server,
            api,
        }
    }

    /// From now on `what` of the guide is `with`.
    #[must_use]
    pub fn changing(mut self, what: &str, with: &str) -> Self {
        self.changes.push((what.to_owned(), with.to_owned()));
        self
    }

    /// Where everything is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port that stands for the API's.
    pub fn api(&self) -> u16 {
        self.api
    }

    /// Writes the guide's file `from` as `to`.
    ///
    /// # Panics
    /// If there is none.
    pub fn write(&self, guide: &Guide, from: &str, to: &str) {
        let text = self.changed(guide.file(from));
        std::fs::write(self.folder().join(to), text).expect("a file");
    }

    /// Runs a line to its end; `export` and `unset` hold for the lines after it.
    ///
    /// # Panics
    /// If it fails.
    pub fn run(&mut self, line: &str) -> String {
        let output = self.output(line);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}` failed: {words}");
        if line.starts_with("export ") || line.starts_with("unset ") {
            self.said.push(self.changed(line));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a line to its end, however it ends.
    ///
    /// # Panics
    /// If there is no shell.
    pub fn output(&self, line: &str) -> Output {
        self.shell(&self.changed(line)).output().expect("a shell")
    }

    /// Starts the server with this line.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn serve(&self, line: &str) -> Program {
        Program::start_at(self.server, self.background(line)).await
    }

    /// Starts the API with this line.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn serve_api(&self, line: &str) -> Program {
        Program::start_at(self.api, self.background(line)).await
    }

    fn background(&self, line: &str) -> Command {
        // Without a shell in between, so that what is ended is the program.
        let mut command = self.shell(&format!("exec {}", self.changed(line)));
        command.stdout(Stdio::null()).stdin(Stdio::null());
        command
    }

    fn shell(&self, line: &str) -> Command {
        let mut script = self.said.join("\n");
        script.push('\n');
        script.push_str(line);
        let mut command = Command::new("sh");
        command
            .args(["-ec", &script])
            .current_dir(self.folder())
            .env("PATH", &self.path)
            .env("COUNTERSIGN_STATE", self.folder().join(".state"))
            .env_remove("COUNTERSIGN_PROFILE")
            .env("FLASK_RUN_PORT", self.api.to_string())
            .env("LISTEN", format!("127.0.0.1:{}", self.api))
            .env("COUNTERSIGN_LISTEN", format!("127.0.0.1:{}", self.server));
        command
    }

    fn changed(&self, text: &str) -> String {
        let mut changed = text.to_owned();
        for (what, with) in &self.changes {
            changed = changed.replace(what, with);
        }
        changed
    }
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}
