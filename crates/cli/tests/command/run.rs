//! Runs the command with an environment of the test's choosing.

use std::process::Command;

use countersign_witness::Keep;

/// How it ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) data: String,
    pub(crate) words: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.data
    }

    #[track_caller]
    pub(crate) fn refused(self, reason: &str) {
        assert_eq!(self.code, 3, "{self:?}");
        assert!(self.words.contains(&format!("({reason})")), "{self:?}");
        assert!(self.data.is_empty(), "{self:?}");
    }
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(arguments)
        .env_remove("COUNTERSIGN_SECRET")
        .env_remove("COUNTERSIGN_CACERT")
        .env_remove("COUNTERSIGN_LOG")
        .env_remove("COUNTERSIGN_GUARD_ISSUER")
        .env_remove("COUNTERSIGN_GUARD_PROXY")
        .env_remove("COUNTERSIGN_GUARD_RULES")
        .env_remove("COUNTERSIGN_GUARD_CACERT")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

/// The same, in a shell that does something to itself first.
#[cfg(unix)]
pub(crate) fn command_after(script: &str, arguments: &[&str]) -> Command {
    let plain = command(arguments);
    let mut shell = Command::new("sh");
    let script = format!("{script} && exec \"$@\"");
    shell.args(["-c", &script, "sh"]);
    shell.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_with_input(&mut command(arguments), "")
}

pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Ended {
    let output = command.run_with(input.as_bytes());
    let output = output.expect("the command starts");
    Ended {
        code: output.status.code().expect("it ends by itself"),
        data: String::from_utf8(output.stdout).expect("text"),
        words: String::from_utf8(output.stderr).expect("text"),
    }
}
