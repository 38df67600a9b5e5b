//! How a command ends. All exit codes are here: 0 done, 1 failed, 2 wrong usage, 3 refused.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use crate::output;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong on the way.
    Failed(Message),
    /// The command was not used as it is meant to be.
    Usage(Message),
    /// The answer is no: bad credentials, a bad token. The code is the stable reason code.
    Refused {
        code: &'static str,
        message: Message,
    },
    /// Whoever read the output has had enough, which is no error.
    ReaderGone,
}

pub(crate) type Message = Box<dyn Error + Send + Sync>;

impl Failure {
    pub(crate) fn failed(error: impl Into<Message>) -> Self {
        Self::Failed(error.into())
    }

    pub(crate) fn usage(error: impl Into<Message>) -> Self {
        Self::Usage(error.into())
    }

    pub(crate) fn refused(code: &'static str, error: impl Into<Message>) -> Self {
        let message = error.into();
        Self::Refused { code, message }
    }
}

/// Output that cannot be written is a failure, except to a pipe that was closed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::failed(error)
        }
    }
}

/// Says what went wrong, if anything did, and chooses the code.
pub(crate) fn code(outcome: Result<(), Failure>) -> ExitCode {
    let code = match outcome {
        Ok(()) | Err(Failure::ReaderGone) => 0,
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
