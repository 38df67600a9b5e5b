//! A refresh's end, as it is counted. Whatever can be refused is named: what is new must be as well.

use countersign_issuer::Refused;

use super::error::FlowError;
use crate::metrics::Refreshed;

impl From<&FlowError> for Refreshed {
    fn from(error: &FlowError) -> Self {
        match error {
            FlowError::Refused(refused) => of(refused),
            FlowError::Busy | FlowError::Store(_) => Self::Unavailable,
            FlowError::Issuer(_) => Self::Failed,
        }
    }
}

const fn of(refused: &Refused) -> Refreshed {
    match refused {
        Refused::UnknownRefreshToken => Refreshed::UnknownRefreshToken,
        Refused::UnknownSession => Refreshed::UnknownSession,
        Refused::SessionEnded => Refreshed::SessionEnded,
        Refused::SessionExpired => Refreshed::SessionExpired,
        Refused::WrongClient => Refreshed::WrongClient,
        Refused::RefreshReused => Refreshed::Reused,
        Refused::RollbackOrForgery => Refreshed::RollbackOrForgery,
        Refused::UnauthorizedClient => Refreshed::UnauthorizedClient,
        Refused::WrongScope | Refused::InvalidScope => Refreshed::InvalidScope,
        Refused::InvalidTarget => Refreshed::InvalidTarget,
        // Of other requests than this one.
        Refused::InvalidCredentials
        | Refused::TooManyAttempts { .. }
        | Refused::InvalidClient
        | Refused::BadAssertion(_)
        | Refused::UnsupportedTokenType
        | Refused::TooManyRevocations { .. }
        | Refused::PasswordEmpty
        | Refused::PasswordTooLong { .. }
        | Refused::PasswordTooShort { .. }
        | Refused::PasswordIsName => Refreshed::Failed,
    }
}
