//! What an error of the database means: for the caller, for the connection it came over, and for
//! whether it is worth another attempt.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// A statement or transaction that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// Whether the connection is of no use any more.
    pub(super) connection_lost: bool,
    pub(super) next: Next,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing was changed, and the same may succeed in a moment.
    TryAgain,
    GiveUp,
}

impl Failure {
    /// The database kept silent for too long. What it was asked may still happen.
    pub(super) fn silent() -> Self {
        Self {
            error: StoreError::unavailable("it keeps silent"),
            connection_lost: true,
            next: Next::GiveUp,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (connection_lost, next) = match error.code() {
            // Without a code it is no answer of the database but the end of the connection, or an
            // answer that makes no sense.
            None => (true, Next::GiveUp),
            Some(code) => judge(code),
        };
        Self {
            error: error.into(),
            connection_lost,
            next,
        }
    }
}

fn judge(code: &SqlState) -> (bool, Next) {
    let in_the_way = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    // The connection no longer knows its prepared statements, or they are out of date: somebody has
    // reset it, or has changed a table. Nothing was done.
    let forgotten = [
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    // What was a primary is a standby now: another host has taken over.
    let demoted = [SqlState::READ_ONLY_SQL_TRANSACTION];
    // Class 08: the connection; class 57P: the server is stopping or starting.
    let gone = code.code().starts_with("08") || code.code().starts_with("57P");
    if in_the_way.contains(code) {
        (false, Next::TryAgain)
    } else if forgotten.contains(code) {
        (true, Next::TryAgain)
    } else {
        (gone || demoted.contains(code), Next::GiveUp)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::unavailable(text_of(&error))
    }
}

/// What the database says, without the details: those repeat values of the row.
pub(super) fn text_of(error: &Error) -> String {
    if let Some(answer) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", answer.message(), answer.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_nothing_is_tried_again() {
        let again = |code| judge(&SqlState::from_code(code)).1 == Next::TryAgain;
        for code in ["40001", "40P01", "26000", "0A000"] {
            assert!(again(code), "{code}");
        }
        // A duplicate, a statement that took too long, a shutdown, an unknown outcome.
        for code in ["23505", "57014", "57P01", "08006", "40003"] {
            assert!(!again(code), "{code}");
        }
    }

    #[test]
    fn a_connection_to_what_is_no_longer_the_primary_is_given_up() {
        let lost = |code| judge(&SqlState::from_code(code)).0;
        for code in ["25006", "57P01", "57P02", "57P03", "08006", "26000"] {
            assert!(lost(code), "{code}");
        }
        for code in ["40001", "23505", "57014"] {
            assert!(!lost(code), "{code}");
        }
    }
}
