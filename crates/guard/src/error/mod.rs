//! Why a guard could not be made; why a request is refused is another story (`refusal`).

#[cfg(feature = "remote")]
pub(crate) mod follow;

use std::time::Duration;

use countersign::KeyError;
use thiserror::Error;

#[cfg(feature = "remote")]
use follow::FollowError;

/// The most leeway there is. A revocation outlives the last token it concerns by this and a margin
/// (`RevocationPolicy::leeway` of the issuer).
pub(crate) const LEEWAY_MAX: Duration = Duration::from_secs(60);

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
    /// A leeway is asked for that is longer than an issuer remembers what it took back.
    #[error(
        "a leeway of {} s is more than {} s, after which an issuer forgets what it has taken back; give less",
        .0.as_secs(),
        LEEWAY_MAX.as_secs()
    )]
    LeewayTooLong(Duration),
    /// One issuer is described twice.
    #[error(
        "the issuer '{0}' is given twice, and only the first of the two would judge its tokens; give it once, \
         with all its audiences and keys"
    )]
    IssuerTwice(String),
    /// Tokens of an older system are to be accepted, and read into claims that none of them has.
    #[error(
        "legacy_secret would let nobody in: the claims are read into AccessClaims, which asks for `client_id`, \
         `jti` and all else of RFC 9068, and the tokens of an older system say less; name a type that holds \
         both kinds, with .claims::<YourClaims>()"
    )]
    LegacyClaims,
    /// What was given for an origin whose pages may use the cookie is none: they would be refused.
    #[error(
        "'{0}' is not an origin as browsers write it, such as https://shop.example: in lower case, without \
         a path or a slash at its end, without :443 or :80, and neither '*' nor 'null'"
    )]
    BadOrigin(String),
    /// What should hold an authority's certificate holds none.
    #[cfg(feature = "remote")]
    #[error("there is no certificate (PEM) of an authority in it")]
    NoCertificate,
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
            Self::LeewayTooLong(_) => "leeway_too_long",
            Self::IssuerTwice(_) => "issuer_twice",
            Self::LegacyClaims => "legacy_claims",
            Self::BadOrigin(_) => "bad_origin",
            #[cfg(feature = "remote")]
            Self::NoCertificate => "no_certificate",
            #[cfg(feature = "remote")]
            Self::Follow(error) => error.code(),
        }
    }
}
