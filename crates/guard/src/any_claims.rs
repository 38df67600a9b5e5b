//! The claims type that the tokens of nearly every issuer fit.

use std::fmt::{self, Formatter};

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Claims that say who, and may say anything else: `sub` must be there and not be empty.
///
/// [`AccessClaims`](countersign::AccessClaims), which a guard reads unless told otherwise, asks for
/// what RFC 9068 §2.2 does: `jti`, `client_id` and `iat` too, which many issuers leave out, `scope` as
/// one text and `roles` as an array. This asks for none of it. What the token says is read with the
/// methods of [`Caller`](crate::Caller), which understands more spellings, and with
/// [`Verified::claim`](countersign::Verified::claim).
///
/// An ID token has all that this asks for. With a `typ` that ID tokens have as well (`JWT`, or any), it
/// is told apart by its audience alone, which must be the API's own and no client's id.
///
/// ```
/// # use countersign::{Algorithm, Signer, SigningKey, UnixTime};
/// use countersign_guard::{AnyClaims, Guard};
///
/// # let key = SigningKey::generate(Algorithm::ES256)?;
/// # let now = UnixTime::from_secs(1_700_000_000);
/// let guard = Guard::builder("https://shop.eu.auth0.com/", "https://shop.example")
///     .key(key.verifying_key())
///     .claims::<AnyClaims>()
///     .typ("JWT")
///     .build()?;
///
/// # let token = Signer::new(key).typ("JWT").sign(&serde_json::json!({
/// #     "iss": "https://shop.eu.auth0.com/", "aud": "https://shop.example", "sub": "auth0|1",
/// #     "exp": 1_700_000_600, "scope": "orders:read", "https://shop.example/plan": "gold",
/// # }))?;
/// let caller = guard.check_token(&token, now)?;
/// assert_eq!(caller.subject(), Some("auth0|1"));
/// assert!(caller.has_scope("orders:read"));
/// let plan: Option<String> = caller.verified().claim("https://shop.example/plan")?;
/// assert_eq!(plan.as_deref(), Some("gold"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct AnyClaims {
    #[serde(rename = "sub")]
    _sub: Somebody,
}

/// A name that was there; which one is the caller's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Somebody;

impl<'de> Deserialize<'de> for Somebody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NotEmpty)
    }
}

struct NotEmpty;

impl Visitor<'_> for NotEmpty {
    type Value = Somebody;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a `sub` that is a text and not empty")
    }

    fn visit_str<E: Error>(self, sub: &str) -> Result<Somebody, E> {
        if sub.is_empty() {
            return Err(E::invalid_value(Unexpected::Str(sub), &self));
        }
        Ok(Somebody)
    }
}
