//! The header of a verified token, for those who ask for it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;

use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};
use crate::json;
use crate::token::{Header, decode};

/// The header (JOSE header, RFC 7515 §4) of a token that passed every check; see
/// [`Verified::header`](crate::Verified::header).
///
/// It stood under the signature, so it is the signer's word. None of it chose the key but `kid`, among
/// the keys that were known already; a `jku`, `jwk`, `x5u` or `x5c` in it is a parameter like any other.
///
/// ```
/// # use countersign::{Algorithm, AudienceRule, IssuerRule, KeySet, Rules, Signer, SigningKey, UnixTime, Verifier};
/// # use serde_json::{Value, json};
/// # let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("2026-11");
/// # let rules = Rules::new(IssuerRule::any(), AudienceRule::any(), Algorithm::ES256);
/// # let verifier = Verifier::new(rules, KeySet::new([key.verifying_key()])?);
/// # let token = Signer::new(key).header("cty", "example")?.sign(&json!({ "exp": 9 }))?;
/// # let now = UnixTime::EPOCH;
/// let verified = verifier.verify::<Value>(&token, now)?;
/// let header = verified.header();
/// assert_eq!(header.algorithm(), Algorithm::ES256);
/// assert_eq!(header.key_id(), Some("2026-11"));
/// assert_eq!(header.typ(), Some("JWT"));
/// assert_eq!(header.parameter::<String>("cty")?.as_deref(), Some("example"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VerifiedHeader {
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    typ: Option<Box<str>>,
    json: Vec<u8>,
}

impl VerifiedHeader {
    /// Reads the header of a verified token, as it stands in it. It was read before, so there is
    /// nothing wrong with it; if there were, its members would be absent.
    pub(super) fn read(part: &[u8], algorithm: Algorithm) -> Self {
        let mut json = Vec::new();
        let decoded = decode(part, &mut json);
        let header = decoded.and_then(|()| Header::parse(&json)).ok();
        let (key_id, typ) = header.map_or((None, None), |header| (header.key_id, header.typ));
        Self {
            algorithm,
            key_id: key_id.as_deref().map(Box::from),
            typ: typ.as_deref().map(Box::from),
            json,
        }
    }

    /// The parameter `alg`: what the token was signed with, which is what its key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The parameter `kid`, as the token has it; the key that was found may have a name where the token
    /// says none: [`Verified::key`](crate::Verified::key).
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The parameter `typ`, as the token has it: in whatever case, with or without `application/`.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Any parameter by name; `None` if it is absent. The header is read anew each time.
    ///
    /// # Errors
    /// [`Reason::Malformed`] when it is there and does not fit `T`.
    pub fn parameter<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, TokenError> {
        json::member(&self.json, name).map_err(|_| {
            TokenError::new(
                Reason::Malformed,
                "the header's parameter does not fit the type it was asked for",
            )
        })
    }
}

impl fmt::Debug for VerifiedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedHeader")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .field("typ", &self.typ)
            .finish_non_exhaustive()
    }
}
