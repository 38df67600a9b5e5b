//! The commands of a guide, as its reader types them.
//!
//! `countersign`, `python` and `flask` are the ones under test. The guide's ports are changed for
//! free ones, in commands and files alike, so that guides can be tested side by side.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use countersign_witness::Keep;
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
    said: String,
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
            said: String::new(),
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

    /// The port that stands for the server's.
    pub fn server(&self) -> u16 {
        self.server
    }

    /// Writes the guide's file `from` as `to`.
    ///
    /// # Panics
    /// If there is none.
    pub fn write(&self, guide: &Guide, from: &str, to: &str) {
        let text = self.changed(guide.file(from));
        std::fs::write(self.folder().join(to), text).expect("a file");
    }

    /// Runs a line, or a script of several, to its end; a line of `export` or `unset` holds for those
    /// after it.
    ///
    /// # Panics
    /// If it fails.
    pub fn run(&mut self, line: &str) -> String {
        let is_said = line.starts_with("export ") || line.starts_with("unset ");
        if is_said && !line.contains('\n') {
            // What came of it is what holds: a random value is drawn once.
            self.said = self.run(&format!(":; {line}\nexport -p"));
            return String::new();
        }
        let output = self.output(line);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}` failed: {words}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a line to its end, however it ends.
    ///
    /// # Panics
    /// If there is no shell.
    pub fn output(&self, line: &str) -> Output {
        self.shell(&self.changed(line)).run().expect("a shell")
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

    /// Starts what listens on this port with this line.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn serve_at(&self, port: u16, line: &str) -> Program {
        Program::start_at(port, self.background(line)).await
    }

    fn background(&self, line: &str) -> Command {
        // Without a shell in between, so that what is ended is the program.
        let line = self.changed(line);
        let is_setting = |word: &&str| word.contains('=') && !word.contains(['"', '\'']);
        let settings: Vec<_> = line.split(' ').take_while(is_setting).collect();
        let settings = settings.join(" ");
        let program = &line[settings.len()..];
        let mut command = self.shell(&format!("{settings} exec {program}"));
        command.stdout(Stdio::null()).stdin(Stdio::null());
        command.talkative();
        command
    }

    fn shell(&self, line: &str) -> Command {
        let mut script = self.said.clone();
        script.push('\n');
        script.push_str(line);
        let mut command = Command::new("sh");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command
            .args(["-ec", &script])
            .current_dir(self.folder())
            .env("PATH", &self.path)
            .env("COUNTERSIGN_STATE", self.folder().join(".state"))
            .env("FLASK_RUN_PORT", self.api.to_string())
            .env("LISTEN", format!("127.0.0.1:{}", self.api))
            .env("COUNTERSIGN_LISTEN", format!("127.0.0.1:{}", self.server));
        command
    }

    /// In one pass: what was put in may look like something to be changed itself.
    fn changed(&self, text: &str) -> String {
        let mut changed = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let found = self.changes.iter().find(|(what, _)| rest.starts_with(what));
            let length = found.map_or(next.len_utf8(), |(what, _)| what.len());
            changed.push_str(found.map_or(&rest[..length], |(_, with)| with));
            rest = &rest[length..];
        }
        changed
    }
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}
