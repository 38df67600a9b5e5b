//! The proof of a verification. It stands in this folder so that nothing else can make one.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;

use super::checked::{Checked, Meaning};
use super::header::VerifiedHeader;
use super::seen::Seen;
use crate::algorithm::Algorithm;
use crate::base64url::{self, encoded_len};
use crate::error::{Reason, TokenError};
use crate::json;
use crate::key::VerifyingKey;
use crate::time::UnixTime;
use crate::token::{Audience, Claim, Lent, Registered};

/// The claims of a token that passed every check. Only a [`Verifier`](crate::Verifier) makes one.
///
/// `P` is where the payload and the signature rest: the value's own memory, or the buffer that was
/// handed to [`Verifier::verify_in`](crate::Verifier::verify_in).
///
/// ```compile_fail
/// // No other way leads here: the fields are private and there is no constructor.
/// let forged = countersign::Verified { claims: () };
/// ```
// In this order, so that what is looked at when a token comes again stands close together: a guard that
// remembers many finds each of them far away.
#[derive(Clone)]
#[repr(C)]
pub struct Verified<C, P = Box<[u8]>> {
    seen: Arc<Seen<Meaning>>,
    /// The payload, and the signature behind it. With the header they are the whole token.
    bytes: P,
    payload_len: usize,
    registered: Registered,
    claims: C,
}

impl<C, P: AsRef<[u8]>> Verified<C, P> {
    pub(super) fn new(claims: C, bytes: P, registered: Registered, checked: Checked) -> Self {
        Self {
            seen: checked.seen,
            bytes,
            payload_len: checked.payload_len,
            registered,
            claims,
        }
    }

    /// Whether it was `token`, to the last byte, that was verified.
    ///
    /// The text itself is not kept; it has one spelling only, which is compared piece by piece.
    pub fn is_of(&self, token: impl AsRef<[u8]>) -> bool {
        let rest = token.as_ref().strip_prefix(&*self.seen.header);
        let rest = rest.and_then(|rest| rest.strip_prefix(b"."));
        let bytes = self.bytes.as_ref();
        let (Some(rest), Some((payload, signature))) =
            (rest, bytes.split_at_checked(self.payload_len))
        else {
            return false;
        };
        let (of_payload, of_signature) = (encoded_len(payload.len()), encoded_len(signature.len()));
        rest.len() == of_payload + 1 + of_signature
            && rest.get(of_payload) == Some(&b'.')
            && base64url::spells(&rest[..of_payload], payload)
            && base64url::spells(&rest[of_payload + 1..], signature)
    }

    /// The claims as the caller's type.
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims alone; that they were verified is then for the program to remember.
    pub fn into_claims(self) -> C {
        self.claims
    }

    /// The token's header. It is read when it is asked for first, and then kept for all tokens with the
    /// same text of a header; whoever does not ask pays nothing.
    pub fn header(&self) -> &VerifiedHeader {
        let Seen { header, meaning } = &*self.seen;
        meaning
            .header
            .get_or_init(|| Box::new(VerifiedHeader::read(header, meaning.key.algorithm())))
    }

    /// The algorithm the token was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.key().algorithm()
    }

    /// The key whose signature it is.
    pub fn key(&self) -> &VerifyingKey {
        &self.seen.meaning.key
    }

    /// The claim `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.text(Claim::Issuer)
    }

    /// The claim `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.text(Claim::Subject)
    }

    /// The claim `jti`.
    pub fn jwt_id(&self) -> Option<&str> {
        self.text(Claim::JwtId)
    }

    /// The claim `sid` (OpenID Connect Front-Channel Logout §3), if it is a string.
    pub fn session_id(&self) -> Option<&str> {
        self.text(Claim::SessionId)
    }

    /// The claim `scope` (RFC 8693 §4.2), if it is a string.
    pub fn scope(&self) -> Option<&str> {
        self.text(Claim::Scope)
    }

    /// Whether `scope` has this word.
    pub fn has_scope(&self, word: &str) -> bool {
        self.scope()
            .is_some_and(|scope| super::rules::has_word(scope, word))
    }

    /// The claim `preferred_username` (OpenID Connect Core §5.1), if it is a string.
    pub fn preferred_username(&self) -> Option<&str> {
        self.text(Claim::Username)
    }

    /// The claim `roles` (RFC 9068 §2.2.3.1), if it is an array of strings, or one string, which is
    /// then one role, and none if it is empty; else none.
    pub fn roles(&self) -> Vec<Cow<'_, str>> {
        let Some(roles) = self.registered.roles(self.payload()) else {
            return Vec::new();
        };
        if let Ok(roles) = json::value::<Vec<Lent<'_>>>(roles) {
            return roles.into_iter().map(|Lent(role)| role).collect();
        }
        let one = json::value::<Lent<'_>>(roles).ok();
        let one = one.map(|Lent(role)| role).filter(|role| !role.is_empty());
        one.into_iter().collect()
    }

    /// The claim `aud`; empty if there is none.
    pub fn audience(&self) -> Audience {
        self.registered.audience(self.payload())
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
        json::member(self.payload(), name).map_err(|_| {
            TokenError::of_claims(
                Reason::BadClaim,
                Cow::Borrowed("the claim does not fit the type it was asked for"),
            )
        })
    }

    fn text(&self, claim: Claim) -> Option<&str> {
        self.registered.text(claim, self.payload())
    }

    fn payload(&self) -> &[u8] {
        let bytes = self.bytes.as_ref();
        bytes.get(..self.payload_len).unwrap_or_default()
    }
}

impl<C: fmt::Debug, P> fmt::Debug for Verified<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("claims", &self.claims)
            .field("key", &self.seen.meaning.key)
            .finish_non_exhaustive()
    }
}
