//! From text to [`Verified`], in seven steps, cheap and certain ones first.
//!
//! ```text
//! size -> three parts -> base64url -> header -> key of ours -> signature -> claims
//! ```
//!
//! The payload is not looked at before the signature holds.

mod checked;
mod header;
mod rules;
mod seen;
mod verified;

use alloc::borrow::Cow;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use once_cell::race::OnceBox;
use serde::de::{Deserialize, DeserializeOwned, IgnoredAny};

pub use header::VerifiedHeader;
pub use rules::{AlgorithmRule, AudienceRule, IssuerRule, Rules};
pub use verified::Verified;

use checked::{Checked, Meaning};
use seen::{Seen, SeenHeaders};

use crate::base64url::decoded_len;
use crate::error::{Reason, TokenError};
use crate::json::{self, JsonError};
use crate::key::{KeySet, Unselected, VerifyingKey};
use crate::time::UnixTime;
use crate::token::{Compact, Header, Notes, Registered, decode};

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
pub struct Verifier(Arc<Inner>);

struct Inner {
    rules: Rules,
    /// The first ring is that of the rules' own issuers.
    rings: Vec<Ring>,
    seen: SeenHeaders<Meaning>,
}

/// Keys, and the issuers whose word they are.
#[derive(Clone)]
struct Ring {
    issuer: IssuerRule,
    keys: KeySet,
}

impl Verifier {
    /// Puts rules and keys together.
    pub fn new(rules: Rules, keys: KeySet) -> Self {
        let ring = Ring {
            issuer: rules.issuer.clone(),
            keys,
        };
        Self::of(rules, vec![ring])
    }

    /// Trusts one more issuer, with keys of its own: they count for tokens of this issuer only.
    ///
    /// The keys that were there before count for those they counted for. So no other key counts for
    /// this issuer's tokens as long as no other rule names it: neither the rules' own, which may be
    /// [`IssuerRule::any`], nor one that was added.
    ///
    /// ```
    /// # use countersign::{Algorithm, KeySet, Reason, Rules, SigningKey, UnixTime, Verifier};
    /// # use serde_json::{Value, json};
    /// # let [a, b] = [SigningKey::generate(Algorithm::EdDSA)?, SigningKey::generate(Algorithm::EdDSA)?];
    /// let rules = Rules::new("https://a.example", "api", Algorithm::EdDSA);
    /// let verifier = Verifier::new(rules, KeySet::new([a.verifying_key()])?)
    ///     .with_issuer("https://b.example", KeySet::new([b.verifying_key()])?);
    ///
    /// let says_b = json!({ "iss": "https://b.example", "aud": "api", "exp": 9 });
    /// assert!(verifier.verify::<Value>(&b.sign(&says_b)?, UnixTime::EPOCH).is_ok());
    /// let refused = verifier.verify::<Value>(&a.sign(&says_b)?, UnixTime::EPOCH).unwrap_err();
    /// assert_eq!(refused.reason(), Reason::WrongIssuer);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_issuer(self, issuer: impl Into<IssuerRule>, keys: KeySet) -> Self {
        let mut rings = self.0.rings.clone();
        rings.push(Ring {
            issuer: issuer.into(),
            keys,
        });
        Self::of(self.0.rules.clone(), rings)
    }

    fn of(rules: Rules, rings: Vec<Ring>) -> Self {
        let seen = SeenHeaders::for_keys(rings.iter().map(|ring| ring.keys.len()).sum());
        Self(Arc::new(Inner { rules, rings, seen }))
    }

    /// The keys of the rules' own issuers.
    pub fn keys(&self) -> &KeySet {
        &self.0.rings[0].keys
    }

    /// The rules tokens are checked by.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// The payload of a JWS whose size, header, `typ`, algorithm and signature are as the rules and
    /// keys say: bytes, whatever they mean. No claim was looked at, no date, no issuer.
    ///
    /// # Errors
    /// [`TokenError`] with the first [`Reason`] that was met.
    pub fn verify_payload(&self, token: impl AsRef<[u8]>) -> Result<Vec<u8>, TokenError> {
        let mut bytes = Vec::new();
        let checked = self.check_signature(token.as_ref(), &mut bytes)?;
        checked.seen.meaning.check_typ()?;
        bytes.truncate(checked.payload_len);
        Ok(bytes)
    }

    /// Verifies a token, as text or as the bytes of a header, as of `now`, and gives its claims as the
    /// caller's own type.
    ///
    /// # Errors
    /// [`TokenError`] with the first [`Reason`] that was met.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: impl AsRef<[u8]>,
        now: UnixTime,
    ) -> Result<Verified<C>, TokenError> {
        let mut bytes = Vec::new();
        let checked = self.check_signature(token.as_ref(), &mut bytes)?;
        let (claims, registered) = self.read(&bytes, &checked, now)?;
        // The buffer has just the size of what is in it, so nothing is copied.
        let bytes = bytes.into_boxed_slice();
        Ok(Verified::new(claims, bytes, registered, checked))
    }

    /// Verifies a token as [`verify`](Self::verify) does, with claims that may borrow from
    /// `buffer`, which holds the decoded payload and then the signature. A buffer used again saves an allocation, too.
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
        token: impl AsRef<[u8]>,
        now: UnixTime,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Verified<C, &'b [u8]>, TokenError> {
        let checked = self.check_signature(token.as_ref(), buffer)?;
        let bytes: &'b [u8] = buffer;
        let (claims, registered) = self.read(bytes, &checked, now)?;
        Ok(Verified::new(claims, bytes, registered, checked))
    }

    /// The first six steps: on success `bytes` holds the decoded payload, and the signature behind
    /// it.
    fn check_signature(&self, token: &[u8], bytes: &mut Vec<u8>) -> Result<Checked, TokenError> {
        let Inner { rules, rings, seen } = &*self.0;
        let parts = Compact::split(token, rules.max_token_bytes)?;
        let known = seen.get(parts.header);
        let header = if known.is_none() {
            decoded(parts.header)?
        } else {
            Vec::new()
        };

        bytes.clear();
        bytes.reserve_exact(decoded_len(parts.payload.len()) + decoded_len(parts.signature.len()));
        decode(parts.payload, bytes)?;
        let payload_len = bytes.len();
        decode(parts.signature, bytes)?;

        let signature = bytes.get(payload_len..).unwrap_or_default();
        let holds = |key: &VerifyingKey| key.verifies(parts.signed, signature);
        let seen = match known {
            Some(known) if holds(&known.meaning.key) => Arc::clone(known),
            Some(_) if rings.len() == 1 => return Err(BAD_SIGNATURE),
            // The key id may be that of another issuer's key, too.
            _ => {
                let header = if known.is_some() {
                    decoded(parts.header)?
                } else {
                    header
                };
                let new = Arc::new(Seen {
                    meaning: self.find_key(&Header::parse(&header)?, holds)?,
                    header: parts.header.into(),
                });
                seen.keep(&new);
                new
            }
        };
        Ok(Checked { seen, payload_len })
    }

    /// The key that the header means and whose signature it is.
    fn find_key(
        &self,
        header: &Header<'_>,
        holds: impl Fn(&VerifyingKey) -> bool,
    ) -> Result<Meaning, TokenError> {
        /// How many issuers that use the same key id are tried.
        const MAX_TRIES: usize = 4;
        let Inner { rules, rings, .. } = &*self.0;
        if !rules.algorithms.allows(header.algorithm) {
            return Err(TokenError::new(
                Reason::UnsupportedAlgorithm,
                "the token's algorithm is not among those that are accepted here",
            ));
        }
        let mut refusal = Unselected::NoneFits;
        let mut tries = 0;
        for (ring, Ring { keys, .. }) in rings.iter().enumerate() {
            match keys.select(header.key_id.as_deref(), header.algorithm) {
                Ok(key) if tries < MAX_TRIES => {
                    tries += 1;
                    if holds(key) {
                        let typ_allowed = rules.typ.allows(header.typ.as_deref());
                        return Ok(Meaning {
                            key: key.clone(),
                            ring,
                            typ_allowed,
                            header: OnceBox::new(),
                        });
                    }
                }
                Ok(_) => {}
                Err(unselected) => refusal = refusal.or(unselected),
            }
        }
        if tries == 0 {
            return Err(no_key(refusal));
        }
        Err(BAD_SIGNATURE)
    }

    /// The last step: the claims, read once for the caller and for the rules.
    fn read<'p, C: Deserialize<'p>>(
        &self,
        bytes: &'p [u8],
        checked: &Checked,
        now: UnixTime,
    ) -> Result<(C, Registered), TokenError> {
        let meaning = &checked.seen.meaning;
        meaning.check_typ()?;
        let payload = bytes.get(..checked.payload_len).unwrap_or_default();
        let mut notes = Notes::default();
        match json::watched_object::<C, _>(payload, &mut notes) {
            Ok(claims) => {
                let registered = self.registered(payload, notes, meaning, now)?;
                Ok((claims, registered))
            }
            Err(unfit) => {
                // A refusal by the rules says more than that the caller's type does not fit.
                let mut notes = Notes::default();
                json::watched_object::<IgnoredAny, _>(payload, &mut notes)
                    .map_err(|error| not_json(&error))?;
                self.registered(payload, notes, meaning, now)?;
                Err(not_fit(unfit))
            }
        }
    }

    fn registered(
        &self,
        payload: &[u8],
        notes: Notes,
        meaning: &Meaning,
        now: UnixTime,
    ) -> Result<Registered, TokenError> {
        let claims = notes.claims(payload)?;
        let issuer = &self.0.rings[meaning.ring].issuer;
        self.0.rules.check(payload, &claims, issuer, now)?;
        Ok(claims)
    }
}

const BAD_SIGNATURE: TokenError =
    TokenError::new(Reason::BadSignature, "the token's signature does not hold");

fn decoded(part: &[u8]) -> Result<Vec<u8>, TokenError> {
    let mut bytes = Vec::new();
    decode(part, &mut bytes)?;
    Ok(bytes)
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
            .field("rules", self.rules())
            .field("keys", self.keys())
            .finish_non_exhaustive()
    }
}
