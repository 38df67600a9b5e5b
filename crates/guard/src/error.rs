//! Why a guard could not be made; why a request is refused is another story (`refusal`).

use countersign::KeyError;
use thiserror::Error;

#[cfg(feature = "remote")]
use crate::remote::error::FollowError;

/// Why there is no guard.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GuardError {
    /// An issuer was given no key.
    #[error(
        "the guard has no key to check tokens with; give it one with key() or keys(), or follow() the issuer"
    )]
    NoKeys,
    /// The keys do not make a set.
    #[error("the guard's keys do not make a set: {0}")]
    Keys(#[from] KeyError),
    /// The issuer could not be followed.
    #[cfg(feature = "remote")]
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl GuardError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKeys => "no_keys",
            Self::Keys(_) => "bad_keys",
            #[cfg(feature = "remote")]
            Self::Follow(error) => error.code(),
        }
    }
}
