//! A look at a token without trust, for logs, tools and error pages.

use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::compact::{self, Compact};
use crate::error::{Reason, TokenError};
use crate::json;
use crate::time::UnixTime;

/// A token as anybody could have written it: parsed, and nothing else. No signature was checked, no
/// date, no issuer. There is no way from here to [`Verified`](crate::Verified).
///
/// ```
/// use countersign::{Algorithm, SigningKey, Unverified};
///
/// let key = SigningKey::generate(Algorithm::HS256)?;
/// let token = key.sign(&serde_json::json!({ "sub": "ada" }))?;
/// let seen = Unverified::parse(&token)?;
/// assert_eq!(seen.algorithm_name(), "HS256");
/// assert_eq!(seen.claims_json()["sub"], "ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Unverified {
    header: Value,
    claims: Value,
}

/// No look is taken at longer texts.
const MAX_BYTES: usize = 256 * 1024;

impl Unverified {
    /// Takes a token apart: three parts, strict base64url, strict JSON objects in the first two.
    ///
    /// # Errors
    /// [`Reason::Malformed`] or [`Reason::TooLarge`] (above 256 KiB).
    pub fn parse(token: impl AsRef<[u8]>) -> Result<Self, TokenError> {
        let parts = Compact::split(token.as_ref(), MAX_BYTES)?;
        let mut signature = Vec::new();
        compact::decode(parts.signature, &mut signature)?;
        Ok(Self {
            header: object(parts.header)?,
            claims: object(parts.payload)?,
        })
    }

    /// The header as it stands.
    pub fn header_json(&self) -> &Value {
        &self.header
    }

    /// The claims as they stand: claims in the everyday sense of the word.
    pub fn claims_json(&self) -> &Value {
        &self.claims
    }

    /// The header's `alg`, known or not; empty if there is none.
    pub fn algorithm_name(&self) -> &str {
        self.header
            .get("alg")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// The header's `typ`.
    pub fn typ(&self) -> Option<&str> {
        self.header.get("typ")?.as_str()
    }

    /// The claim `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// The claim `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.claims.get("sub")?.as_str()
    }

    /// The claim `exp`, if it is a date.
    pub fn expires_at(&self) -> Option<UnixTime> {
        serde_json::from_value(self.claims.get("exp")?.clone()).ok()
    }
}

fn object(part: &[u8]) -> Result<Value, TokenError> {
    let mut bytes = Vec::new();
    compact::decode(part, &mut bytes)?;
    json::object(&bytes).map_err(|_| {
        TokenError::new(
            Reason::Malformed,
            "a part of the token is not a strict JSON object",
        )
    })
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").finish_non_exhaustive()
    }
}
