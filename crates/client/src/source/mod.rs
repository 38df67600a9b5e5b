//! Where the next token comes from.
//!
//! A source is asked by one flight at a time (see `renew`), so none of them needs a queue of its own.
//! What it hands out has been made safe before: a rotated refresh token is held, or on disk, before the
//! access token that came with it is used.
//!
//! The device flow (RFC 8628) is not among them: the Countersign server has no device endpoint yet.

mod insist;
pub(crate) mod kept;
mod own;
mod pair;
mod service;

use tokio::time::Instant;

pub(crate) use kept::KeptSource;
pub(crate) use own::AnySource;
pub use own::{NewToken, SourceError, TokenSource};
pub(crate) use pair::PairSource;
pub(crate) use service::ServiceSource;

use crate::error::ClientError;
use crate::lease::Lease;
use crate::secret::{AccessToken, RefreshToken};

/// One login's source.
pub(crate) enum Source {
    /// A refresh token, which each renewal replaces.
    Pair(PairSource),
    /// The same in a storage that other processes share.
    Kept(Box<KeptSource>),
    /// A client's own name and secret.
    Service(ServiceSource),
    /// Somebody else's code.
    Own(Box<dyn AnySource>),
    /// Nothing: the one token there is.
    Fixed,
}

impl Source {
    /// A token that is not `held`, which is spent, refused, or soon will be.
    pub(crate) async fn next(
        &self,
        held: Option<&AccessToken>,
        deadline: Instant,
    ) -> Result<Lease, ClientError> {
        match self {
            Self::Pair(source) => source.next(deadline).await,
            Self::Kept(source) => source.next(held, deadline).await,
            Self::Service(source) => source.next(deadline).await,
            Self::Own(source) => own::next(&**source, deadline).await,
            Self::Fixed => Err(ClientError::NotOffered {
                what: "way to renew a fixed token",
            }),
        }
    }

    /// Whether a refused token is a reason to ask for another.
    pub(crate) fn can_renew(&self) -> bool {
        !matches!(self, Self::Fixed)
    }

    /// Ends the session where there is one; the others have nothing to end.
    pub(crate) async fn sign_out(&self, deadline: Instant) -> Result<(), ClientError> {
        match self {
            Self::Pair(source) => source.sign_out().await,
            Self::Kept(source) => source.sign_out(deadline).await,
            Self::Service(_) | Self::Own(_) | Self::Fixed => Ok(()),
        }
    }

    pub(crate) fn refresh_token(&self) -> Option<RefreshToken> {
        match self {
            Self::Pair(source) => Some(source.refresh_token()),
            _ => None,
        }
    }

    pub(crate) fn kept(&self) -> Option<&KeptSource> {
        match self {
            Self::Kept(source) => Some(source),
            _ => None,
        }
    }
}
