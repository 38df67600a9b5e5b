//! The proof of a verification. It stands in this folder so that nothing else can make one.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;

use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};
use crate::json;
use crate::key::VerifyingKey;
use crate::time::UnixTime;
use crate::token::{Audience, Registered};

/// The claims of a token that passed every check. Only a [`Verifier`](crate::Verifier) makes one.
///
/// `P` is where the payload rests: the value's own memory, or the buffer that was handed to
/// [`Verifier::verify_in`](crate::Verifier::verify_in).
///
/// ```compile_fail
/// // No other way leads here: the fields are private and there is no constructor.
/// let forged = countersign::Verified { claims: () };
/// ```
#[derive(Clone)]
pub struct Verified<C, P = Vec<u8>> {
    claims: C,
    payload: P,
    registered: Registered,
    key: VerifyingKey,
}

impl<C, P: AsRef<[u8]>> Verified<C, P> {
    pub(super) fn new(claims: C, payload: P, registered: Registered, key: VerifyingKey) -> Self {
        Self {
            claims,
            payload,
            registered,
            key,
        }
    }

    /// The claims as the caller's type.
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims alone; that they were verified is then for the program to remember.
    pub fn into_claims(self) -> C {
        self.claims
    }

    /// The algorithm the token was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The key whose signature it is.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The claim `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.registered.iss.in_payload(self.payload.as_ref())
    }

    /// The claim `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.registered.sub.in_payload(self.payload.as_ref())
    }

    /// The claim `jti`.
    pub fn jwt_id(&self) -> Option<&str> {
        self.registered.jti.in_payload(self.payload.as_ref())
    }

    /// The claim `sid` (OpenID Connect Front-Channel Logout §3), if it is a string.
    pub fn session_id(&self) -> Option<&str> {
        self.registered.sid.in_payload(self.payload.as_ref())
    }

    /// The claim `scope` (RFC 8693 §4.2), if it is a string.
    pub fn scope(&self) -> Option<&str> {
        self.registered.scope.in_payload(self.payload.as_ref())
    }

    /// Whether `scope` has this word.
    pub fn has_scope(&self, word: &str) -> bool {
        self.scope()
            .is_some_and(|scope| super::rules::has_word(scope, word))
    }

    /// The claim `aud`; empty if there is none.
    pub fn audience(&self) -> Audience {
        self.registered.audience(self.payload.as_ref())
    }

    /// The claim `exp`, rounded down.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.registered.exp
    }

    /// The claim `nbf`, rounded up.
    pub fn not_before(&self) -> Option<UnixTime> {
        self.registered.nbf
    }

    /// The claim `iat`, rounded down.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.registered.iat
    }

    /// Any claim by name; `None` if it is absent.
    ///
    /// # Errors
    /// [`Reason::BadClaim`] when it is there and does not fit `T`.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, TokenError> {
        json::member(self.payload.as_ref(), name).map_err(|_| {
            TokenError::of_claims(
                Reason::BadClaim,
                Cow::Borrowed("the claim does not fit the type it was asked for"),
            )
        })
    }
}

impl<C: fmt::Debug, P> fmt::Debug for Verified<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("claims", &self.claims)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
