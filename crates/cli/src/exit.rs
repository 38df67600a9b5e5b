//! How a command ends. All exit codes are here: 0 done, 1 failed (or `scan` found something),
//! 2 wrong usage, 3 refused.

use std::error::Error;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;
use crate::output;

/// Says what went wrong, if anything did, and chooses the code.
pub(crate) fn code(outcome: Result<(), Failure>) -> ExitCode {
    let code = match outcome {
        Ok(()) | Err(Failure::ReaderGone) => 0,
        Err(Failure::Found) => 1,
        Err(Failure::Failed(error)) => {
            output::failure("error", &chain(&*error));
            1
        }
        Err(Failure::Usage(error)) => {
            output::failure("error", &chain(&*error));
            2
        }
        Err(Failure::Refused { code, message }) => {
            output::failure("refused", &format!("{} ({code})", chain(&*message)));
            3
        }
    };
    ExitCode::from(code)
}

/// What was typed is no command: help that was asked for, or what is wrong with it, is printed.
pub(crate) fn told(told: &clap::Error) -> ExitCode {
    if is_password(told) {
        output::failure("error", NO_PASSWORD);
        return ExitCode::from(2);
    }
    // There is nobody left to tell if that fails.
    let _ = told.print();
    ExitCode::from(if told.use_stderr() { 2 } else { 0 })
}

/// Whether somebody wrote the option that other programs have; the nearest of ours is about hashing.
fn is_password(told: &clap::Error) -> bool {
    let unknown = told.get(ContextKind::InvalidArg);
    let is_it = |it: &ContextValue| matches!(it, ContextValue::String(it) if it == "--password");
    told.kind() == ErrorKind::UnknownArgument && unknown.is_some_and(is_it)
}

const NO_PASSWORD: &str = "there is no --password: what stands on a command line can be read by everybody \
                           on the machine. Leave it out and the password is asked for, or pipe it in with \
                           --password-stdin; one that was typed here is in the shell's history now";

/// The error and its causes, unless the error has told them already.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}
