//! Why a flow did not do what it was asked.

use countersign::crypto;
use countersign_issuer::token::TokenRefused;
use countersign_issuer::{IssuerError, Refused};

use super::lanes::Unhashed;
use crate::store::StoreError;

/// Why a flow did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlowError {
    /// It is not granted.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many passwords wait to be hashed.
    #[error("too many sign-ins are under way")]
    Busy,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The issuer could not do its part.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl From<Unhashed> for FlowError {
    fn from(why: Unhashed) -> Self {
        match why {
            Unhashed::Busy => Self::Busy,
            Unhashed::Failed => Self::Issuer(IssuerError::Hashing {
                why: "the hash function panicked".to_owned(),
            }),
        }
    }
}

impl From<TokenRefused> for FlowError {
    fn from(error: TokenRefused) -> Self {
        match error {
            TokenRefused::Refused(refused) => Self::Refused(refused),
            TokenRefused::Issuer(error) => Self::Issuer(error),
        }
    }
}

impl From<crypto::CryptoError> for FlowError {
    fn from(error: crypto::CryptoError) -> Self {
        Self::Issuer(error.into())
    }
}
