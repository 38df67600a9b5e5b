//! Calling other programs: the line is shown, a failure names it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::failure::Failure;
use crate::tally::Tally;

/// A program about to be called.
pub(crate) struct Call {
    command: Command,
}

impl Call {
    pub(crate) fn new<S: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        Self { command }
    }

    /// Without this environment variable of ours.
    pub(crate) fn without(mut self, variable: &OsStr) -> Self {
        self.command.env_remove(variable);
        self
    }

    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn arguments<S: AsRef<OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with its output shown; anything but success is a failure.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        self.show();
        let status = self
            .command
            .status()
            .map_err(|error| self.not_started(&error))?;
        self.demand(status)
    }

    /// Runs it with its output shown, and counts the tests that it says it ran.
    pub(crate) fn run_counting(mut self, tally: &mut Tally) -> Result<(), Failure> {
        self.show();
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let out = child
            .stdout
            .take()
            .map(|pipe| thread::spawn(|| relay(pipe, std::io::stdout())));
        let err = child
            .stderr
            .take()
            .map(|pipe| thread::spawn(|| relay(pipe, std::io::stderr())));
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        for counted in [out, err].into_iter().flatten() {
            tally.add(counted.join().unwrap_or_default());
        }
        self.demand(status)
    }

    /// Runs it, shows what it writes to stderr, and hands over what it wrote to stdout.
    pub(crate) fn run_reading(mut self) -> Result<String, Failure> {
        self.show();
        self.command.stderr(Stdio::inherit());
        let output = self
            .command
            .output()
            .map_err(|error| self.not_started(&error))?;
        self.demand(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it silently and hands over what it wrote to stdout.
    pub(crate) fn read(mut self) -> Result<String, Failure> {
        let output = self
            .command
            .output()
            .map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        self.demand(output.status)
            .map_err(|why| Failure::new(format!("{complaint}{why}")))?;
        Ok(String::new())
    }

    /// Whether it can be run and succeeds; nothing is shown.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.command.status().is_ok_and(|status| status.success())
    }

    fn show(&self) {
        println!("$ {}", self.line());
    }

    fn line(&self) -> String {
        let program = Path::new(self.command.get_program());
        let mut line = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for argument in self.command.get_args() {
            line.push(' ');
            line.push_str(&argument.to_string_lossy());
        }
        line
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("cannot run `{}`: {error}", self.line()))
    }

    fn demand(&self, status: ExitStatus) -> Result<(), Failure> {
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "`{}` ended with {status}",
            self.line()
        )))
    }
}

/// Passes lines on as they come and counts the results among them.
fn relay(from: impl Read, mut to: impl Write) -> Tally {
    let mut tally = Tally::default();
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|length| length > 0)
    {
        // A closed terminal must not end the tests.
        let _ = to.write_all(&line);
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let _ = to.flush();
    tally
}
