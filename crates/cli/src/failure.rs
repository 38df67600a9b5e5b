//! Why a command did not do what it was asked to.

use std::error::Error;
use std::io;

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
    /// What was looked for is there, and has been printed.
    Found,
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
