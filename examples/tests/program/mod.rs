//! A program under test: started with an environment of its own, ended with the test.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use countersign_witness::{Keep, Started};

/// A running program; dropped, it is ended.
pub(crate) struct Program {
    _running: Started,
    /// The address it said it listens on.
    pub(crate) url: String,
}

impl Program {
    /// Starts a program that prints the address it listens on, and waits for it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .start()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let url = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()))
            .expect("the program listens");
        Self {
            _running: child,
            url,
        }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}
