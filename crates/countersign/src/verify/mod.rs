//! From text to [`Verified`], in seven steps, cheap and certain ones first.
//!
//! ```text
//! size -> three parts -> base64url -> header -> key of ours -> signature -> claims
//! ```
//!
//! The payload is not looked at before the signature holds.

mod rules;
mod verified;

use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, DeserializeOwned, IgnoredAny};

pub use rules::{AlgorithmRule, AudienceRule, IssuerRule, Rules};
pub use verified::Verified;

use crate::error::{Reason, TokenError};
use crate::json::{self, JsonError};
use crate::key::{KeySet, Unselected, VerifyingKey};
use crate::time::UnixTime;
use crate::token::{Compact, Header, Registered, Spans, decode};

/// Rules and keys, put together to verify tokens. Cloning it is cheap.
///
/// ```
/// use countersign::{Algorithm, KeySet, Reason, Rules, SigningKey, UnixTime, Verifier};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Claims {
///     iss: String,
///     aud: String,
///     exp: u64,
///     plan: String,
/// }
///
/// let key = SigningKey::generate(Algorithm::ES256)?;
/// let token = key.sign(&Claims {
///     iss: "https://login.example".into(),
///     aud: "https://api.example".into(),
///     exp: 1_700_000_600,
///     plan: "gold".into(),
/// })?;
///
/// let rules = Rules::new("https://login.example", "https://api.example", Algorithm::ES256);
/// let verifier = Verifier::new(rules, KeySet::new([key.verifying_key()])?);
///
/// let verified = verifier.verify::<Claims>(&token, UnixTime::from_secs(1_700_000_000))?;
/// assert_eq!(verified.claims().plan, "gold");
///
/// let late = verifier.verify::<Claims>(&token, UnixTime::from_secs(1_700_000_600)).unwrap_err();
/// assert_eq!(late.reason(), Reason::Expired);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    rules: Arc<Rules>,
    keys: KeySet,
}

impl Verifier {
    /// Puts rules and keys together.
    pub fn new(rules: Rules, keys: KeySet) -> Self {
        Self {
            rules: Arc::new(rules),
            keys,
        }
    }

    /// The keys tokens are checked with.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The rules tokens are checked by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Verifies a token as of `now` and gives its claims as the caller's own type.
    ///
    /// # Errors
    /// [`TokenError`] with the first [`Reason`] that was met.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<Verified<C>, TokenError> {
        let mut payload = Vec::new();
        let (header, key) = self.check_signature(token, &mut payload)?;
        let (claims, registered) = self.read(&payload, &header, now)?;
        Ok(Verified::new(claims, payload, registered, key))
    }

    /// Verifies a token as [`verify`](Self::verify) does, with claims that may borrow from
    /// `buffer`, which holds the decoded payload. A buffer used again saves an allocation, too.
    ///
    /// ```
    /// # use countersign::{Algorithm, AudienceRule, IssuerRule, KeySet, Rules, SigningKey, UnixTime, Verifier};
    /// #[derive(serde::Deserialize)]
    /// struct Claims<'a> {
    ///     sub: &'a str,
    /// }
    ///
    /// # let key = SigningKey::generate(Algorithm::HS256)?;
    /// # let token = key.sign(&serde_json::json!({ "sub": "ada", "exp": 9 }))?;
    /// # let rules = Rules::new(IssuerRule::any(), AudienceRule::any(), Algorithm::HS256);
    /// # let verifier = Verifier::new(rules, KeySet::new([key.verifying_key()])?);
    /// let mut buffer = Vec::new();
    /// let verified = verifier.verify_in::<Claims>(&token, UnixTime::EPOCH, &mut buffer)?;
    /// assert_eq!(verified.claims().sub, "ada");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_in<'b, C: Deserialize<'b>>(
        &self,
        token: &str,
        now: UnixTime,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Verified<C, &'b [u8]>, TokenError> {
        let (header, key) = self.check_signature(token, buffer)?;
        let payload: &'b [u8] = buffer;
        let (claims, registered) = self.read(payload, &header, now)?;
        Ok(Verified::new(claims, payload, registered, key))
    }

    /// The first six steps: on success `payload` holds the decoded payload.
    fn check_signature(
        &self,
        token: &str,
        payload: &mut Vec<u8>,
    ) -> Result<(TypeOfToken, VerifyingKey), TokenError> {
        let parts = Compact::split(token, self.rules.max_token_bytes)?;
        let mut bytes = Vec::with_capacity(parts.header.len());
        decode(parts.header, &mut bytes)?;
        payload.clear();
        decode(parts.payload, payload)?;
        let mut signature = Vec::with_capacity(parts.signature.len());
        decode(parts.signature, &mut signature)?;

        let header = Header::parse(&bytes)?;
        if !self.rules.algorithms.allows(header.algorithm) {
            return Err(TokenError::new(
                Reason::UnsupportedAlgorithm,
                "the token's algorithm is not among those that are accepted here",
            ));
        }
        let key = self
            .keys
            .select(header.key_id.as_deref(), header.algorithm)
            .map_err(no_key)?;
        if !key.verifies(parts.signed.as_bytes(), &signature) {
            return Err(TokenError::new(
                Reason::BadSignature,
                "the token's signature does not hold",
            ));
        }
        Ok((
            TypeOfToken {
                allowed: self.rules.typ.allows(header.typ.as_deref()),
            },
            key.clone(),
        ))
    }

    /// The last step: the claims, read once for the caller and for the rules.
    fn read<'p, C: Deserialize<'p>>(
        &self,
        payload: &'p [u8],
        typ: &TypeOfToken,
        now: UnixTime,
    ) -> Result<(C, Registered), TokenError> {
        if !typ.allowed {
            return Err(TokenError::new(
                Reason::WrongType,
                "the token's `typ` is not the one that is expected here",
            ));
        }
        let mut spans = Spans::default();
        match json::watched_object::<C, _>(payload, &mut spans) {
            Ok(claims) => {
                let registered = Registered::read(payload, &spans)?;
                self.rules.check(payload, &registered, now)?;
                Ok((claims, registered))
            }
            Err(unfit) => {
                // A refusal by the rules says more than that the caller's type does not fit.
                let mut spans = Spans::default();
                json::watched_object::<IgnoredAny, _>(payload, &mut spans)
                    .map_err(|error| not_json(&error))?;
                let registered = Registered::read(payload, &spans)?;
                self.rules.check(payload, &registered, now)?;
                Err(not_fit(unfit))
            }
        }
    }
}

/// What the header's `typ` comes to under the rules; said only once the signature holds.
struct TypeOfToken {
    allowed: bool,
}

fn no_key(unselected: Unselected) -> TokenError {
    match unselected {
        Unselected::NoneFits => {
            TokenError::new(Reason::UnknownKey, "no key here fits the token's header")
        }
        Unselected::SeveralFit => TokenError::new(
            Reason::UnknownKey,
            "more than one key here fits the token's header; it must name one by `kid`",
        ),
        Unselected::OtherAlgorithm => TokenError::new(
            Reason::UnsupportedAlgorithm,
            "the token's algorithm is not the one its key is bound to",
        ),
    }
}

fn not_json(error: &JsonError) -> TokenError {
    TokenError::new(
        Reason::Malformed,
        match error {
            JsonError::RepeatedName => "the token's claims repeat a name",
            JsonError::TooDeep => "the token's claims are nested too deep",
            JsonError::NotAnObject => "the token's claims are not a JSON object",
            _ => "the token's claims are not well-formed JSON",
        },
    )
}

fn not_fit(error: JsonError) -> TokenError {
    match error {
        JsonError::MissingField(claim) => TokenError::of_claim(
            Reason::MissingClaim,
            claim,
            Cow::Owned(format!("the claim `{claim}` is missing")),
        ),
        JsonError::Expected(expected) => TokenError::of_claims(
            Reason::BadClaim,
            Cow::Owned(format!(
                "a claim has the wrong type: {expected} was expected"
            )),
        ),
        _ => TokenError::new(Reason::BadClaim, "the claims do not fit the expected type"),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("rules", &self.rules)
            .field("keys", &self.keys)
            .finish()
    }
}
