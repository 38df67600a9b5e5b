//! Programs, started so that what they say is kept.
//!
//! A test starts a program by [`Keep`] and in no other way: `clippy.toml` refuses what the standard library
//! has for it, so that nobody forgets. Its stderr goes among the logs, whoever else reads it, and what
//! it is told in secret is noted. Its stdout does not: handing out tokens there is what commands are for.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use crate::{Kind, keeps, log, note};

/// What a test does with a program instead of `output`, `status` and `spawn`.
pub trait Keep {
    /// As talkative as it can be, where logs are kept; for whoever does not look at each of its words.
    fn talkative(&mut self) -> &mut Self;

    /// Runs it to its end.
    ///
    /// # Errors
    /// If it does not start.
    fn run(&mut self) -> io::Result<Output>;

    /// The same, with this on its standard input.
    ///
    /// # Errors
    /// If it does not start.
    fn run_with(&mut self, input: &[u8]) -> io::Result<Output>;

    /// Starts it. Its stderr is not for the test.
    ///
    /// # Errors
    /// If it does not start.
    fn start(&mut self) -> io::Result<Started>;

    /// Starts it, with its stderr piped to the test.
    ///
    /// # Errors
    /// If it does not start.
    fn start_heard(&mut self) -> io::Result<Started>;
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts programs"
)]
impl Keep for Command {
    fn talkative(&mut self) -> &mut Self {
        if keeps() {
            self.env("COUNTERSIGN_LOG", "trace");
        }
        self
    }

    fn run(&mut self) -> io::Result<Output> {
        note_environment(self);
        // Wherever it was to go: what nobody reads is searched as well.
        let output = self.stderr(Stdio::piped()).output()?;
        keep(self, &output);
        Ok(output)
    }

    fn run_with(&mut self, input: &[u8]) -> io::Result<Output> {
        note_environment(self);
        if self.get_args().any(|word| word == "--password-stdin") {
            note(Kind::Password, &String::from_utf8_lossy(input));
        }
        let piped = self.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // Who refuses at once does not read; that is for the test to notice.
            let _ = stdin.write_all(input);
        }
        let output = child.wait_with_output()?;
        keep(self, &output);
        Ok(output)
    }

    fn start(&mut self) -> io::Result<Started> {
        note_environment(self);
        if let Some(log) = log(name(self)) {
            self.stderr(log);
        }
        let (child, keeper) = (self.spawn()?, None);
        Ok(Started { child, keeper })
    }

    fn start_heard(&mut self) -> io::Result<Started> {
        note_environment(self);
        let mut child = self.stderr(Stdio::piped()).spawn()?;
        let mut keeper = None;
        if let Some(mut log) = log(name(self))
            && let Some(mut said) = child.stderr.take()
        {
            let (heard, mut tell) = io::pipe()?;
            child.stderr = Some(ChildStderr::from(std::os::fd::OwnedFd::from(heard)));
            keeper = Some(thread::spawn(move || {
                let mut part = [0; 4096];
                while let Ok(length @ 1..) = said.read(&mut part) {
                    log.write_all(&part[..length]).expect("its words are kept");
                    // The test may have heard enough.
                    let _ = tell.write_all(&part[..length]);
                }
            }));
        }
        Ok(Started { child, keeper })
    }
}

/// A program that runs; dropped, it is ended, and all it said is kept.
#[derive(Debug)]
pub struct Started {
    child: Child,
    keeper: Option<JoinHandle<()>>,
}

impl Started {
    /// Waits for its end; what it wrote to what of it is still piped.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.child.stdin.take());
        let stderr = self.child.stderr.take();
        let said = thread::spawn(move || all(stderr));
        let stdout = all(self.child.stdout.take())?;
        let stderr = said.join().unwrap_or_else(|_| Ok(Vec::new()))?;
        let status = self.child.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }
}

impl Deref for Started {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Started {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself, and nobody may hear it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.child.stderr.take());
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

fn all(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut all)?;
    }
    Ok(all)
}

fn keep(command: &Command, output: &Output) {
    if output.stdout.starts_with(b"csc_") {
        note(Kind::ClientSecret, &String::from_utf8_lossy(&output.stdout));
    }
    // A word about wrong usage repeats what was typed, to whoever typed it.
    if output.status.code() != Some(2)
        && let Some(mut log) = log(name(command))
    {
        log.write_all(&output.stderr).expect("its words are kept");
    }
}

/// The program's own name.
fn name(command: &Command) -> &str {
    let program = Path::new(command.get_program());
    let name = program.file_stem().and_then(OsStr::to_str);
    name.unwrap_or("program")
}

fn note_environment(command: &Command) {
    for (name, value) in command.get_envs() {
        let name = name.to_string_lossy();
        if let (Some(kind), Some(value)) = (Kind::of_variable(&name), value) {
            note(kind, &value.to_string_lossy());
        }
    }
}
