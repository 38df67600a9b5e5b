//! What can be wrong with a token, as plain data.
//!
//! A [`Reason`] has a stable `code`, the same in logs, metrics, HTTP answers and the documentation.
//! The sentence beside it never quotes the token: nothing unverified and no secret leaves this way.
//! What can be wrong with a key stands beside the keys, what can go wrong in signing beside the signer.

use alloc::borrow::Cow;
use core::fmt;

/// Why a token was refused.
///
/// ```
/// use countersign::{Reason, Unverified};
///
/// let refused = Unverified::parse("not a token").unwrap_err();
/// assert_eq!(refused.reason(), Reason::Malformed);
/// assert_eq!(refused.reason().code(), "malformed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError {
    reason: Reason,
    claim: Option<&'static str>,
    sentence: Cow<'static, str>,
}

impl TokenError {
    pub(crate) const fn new(reason: Reason, sentence: &'static str) -> Self {
        Self {
            reason,
            claim: None,
            sentence: Cow::Borrowed(sentence),
        }
    }

    pub(crate) const fn of_claim(
        reason: Reason,
        claim: &'static str,
        sentence: Cow<'static, str>,
    ) -> Self {
        Self {
            reason,
            claim: Some(claim),
            sentence,
        }
    }

    pub(crate) const fn of_claims(reason: Reason, sentence: Cow<'static, str>) -> Self {
        Self {
            reason,
            claim: None,
            sentence,
        }
    }

    /// What kind of fault it is, with a stable code.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The claim at fault, where one is.
    pub const fn claim(&self) -> Option<&'static str> {
        self.claim
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl core::error::Error for TokenError {}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not three parts of strict base64url with strict JSON inside.
    Malformed,
    /// Longer than the rules allow.
    TooLarge,
    /// The header asks for something this library does not do (`crit`, `b64`).
    UnsupportedHeader,
    /// The algorithm is unknown, not among the accepted ones, or not the one its key is bound to.
    UnsupportedAlgorithm,
    /// No key of the set fits the header, or more than one does.
    UnknownKey,
    /// The signature does not hold.
    BadSignature,
    /// `typ` says the token is of another kind.
    WrongType,
    /// `exp` has passed.
    Expired,
    /// `nbf` (or `iat`, where it is checked) lies ahead.
    NotYetValid,
    /// A claim that the rules require is absent.
    MissingClaim,
    /// `iss` is not an issuer the rules name.
    WrongIssuer,
    /// `aud` names no audience of the rules.
    WrongAudience,
    /// A claim has another type or range than it must, or the claims do not fit the caller's type.
    BadClaim,
    /// `iat` lies further back than the rules allow.
    TooOld,
    /// More time between `iat` and `exp` than the rules allow.
    LifetimeTooLong,
    /// `scope` lacks a word that the rules require.
    InsufficientScope,
}

impl Reason {
    /// The stable code: `expired`, `bad_signature`, …
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::UnsupportedHeader => "unsupported_header",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::WrongType => "wrong_type",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::MissingClaim => "missing_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::BadClaim => "bad_claim",
            Self::TooOld => "too_old",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
