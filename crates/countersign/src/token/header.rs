//! The protected header (RFC 7515 §4): strict JSON, of which `alg`, `kid` and `typ` are used.
//!
//! `jku`, `jwk`, `x5u`, `x5c`, `x5t` never choose or bring a key; they are passed over. `crit` is
//! refused as a whole, since no extension is understood, and so is `b64: false` (RFC 7797).

use alloc::borrow::Cow;
use core::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, Visitor};

use crate::algorithm::Algorithm;
use crate::error::{Reason, TokenError};
use crate::json::{self, JsonError};

/// The longest header, in bytes of JSON.
const MAX_HEADER: usize = 2048;

/// The longest `kid`, in bytes.
const MAX_KEY_ID: usize = 256;

/// What a header says that matters here.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, TokenError> {
        if json.len() > MAX_HEADER {
            return Err(TokenError::new(
                Reason::TooLarge,
                "the token's header is longer than 2 KiB",
            ));
        }
        let members: Members<'a> = json::object(json).map_err(|error| {
            TokenError::new(
                Reason::Malformed,
                match error {
                    JsonError::RepeatedName => "the token's header repeats a name",
                    JsonError::TooDeep => "the token's header is nested too deep",
                    JsonError::Expected(_) | JsonError::Unfit => {
                        "a member of the token's header has the wrong type"
                    }
                    _ => "the token's header is not a well-formed JSON object",
                },
            )
        })?;
        if members.crit.is_some() {
            return Err(TokenError::new(
                Reason::UnsupportedHeader,
                "the token's header has `crit`, and no critical extension is supported",
            ));
        }
        if members.b64 == Some(false) {
            return Err(TokenError::new(
                Reason::UnsupportedHeader,
                "the token's payload is not base64url-encoded (`b64` is false), which is not supported",
            ));
        }
        let Text(name) = members.alg.ok_or(TokenError::new(
            Reason::Malformed,
            "the token's header does not say its algorithm",
        ))?;
        let algorithm = Algorithm::from_name(&name).ok_or(TokenError::new(
            Reason::UnsupportedAlgorithm,
            "the token's algorithm is not one that is supported",
        ))?;
        let key_id = members.kid.map(|Text(key_id)| key_id);
        if key_id
            .as_ref()
            .is_some_and(|key_id| key_id.len() > MAX_KEY_ID)
        {
            return Err(TokenError::new(
                Reason::Malformed,
                "the token's key id is longer than 256 bytes",
            ));
        }
        Ok(Self {
            algorithm,
            key_id,
            typ: members.typ.map(|Text(typ)| typ),
        })
    }
}

#[derive(serde::Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    alg: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    kid: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    typ: Option<Text<'a>>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    b64: Option<bool>,
}

/// A member that is there has a value: `null` is not the same as absence.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Text, borrowed where the JSON has no escapes in it.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.into()))
    }
}
