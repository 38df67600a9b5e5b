//! How a command ends. All exit codes are here: 0 done, 1 failed (or `scan` found something),
//! 2 wrong usage, 3 refused.

use std::error::Error;
use std::process::ExitCode;

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
    // There is nobody left to tell if that fails.
    let _ = told.print();
    ExitCode::from(if told.use_stderr() { 2 } else { 0 })
}

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
