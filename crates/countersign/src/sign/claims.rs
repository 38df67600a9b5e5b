//! Claims put together one by one, where no struct of one's own is worth while.

use alloc::string::String;
use core::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::SignError;
use crate::time::UnixTime;
use crate::token::Audience;

/// A set of claims to sign. Saying a claim again replaces what was said before.
///
/// ```
/// use core::time::Duration;
/// use countersign::{Algorithm, Claims, SigningKey, UnixTime};
///
/// let claims = Claims::new()
///     .issuer("https://login.example")
///     .subject("ada")
///     .audience("https://api.example")
///     .valid_for(UnixTime::from_secs(1_700_000_000), Duration::from_secs(600))
///     .with("plan", "gold")?;
/// let token = SigningKey::generate(Algorithm::EdDSA)?.sign(&claims)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// No claims yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who issues the token: `iss`.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.put("iss", Value::String(issuer.into()))
    }

    /// Whom the token is about: `sub`.
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.put("sub", Value::String(subject.into()))
    }

    /// Whom the token is for: `aud`, a string for one, an array for several.
    pub fn audience(self, audience: impl Into<Audience>) -> Self {
        let audience = audience.into();
        let mut recipients = audience.iter().map(Value::from);
        let value = match (recipients.next(), recipients.next()) {
            (Some(one), None) => one,
            _ => audience.iter().map(Value::from).collect(),
        };
        self.put("aud", value)
    }

    /// `iat` now and `exp` after `lifetime`.
    pub fn valid_for(self, now: UnixTime, lifetime: Duration) -> Self {
        self.issued_at(now).expires_at(now.saturating_add(lifetime))
    }

    /// From when on the token counts no more: `exp`.
    pub fn expires_at(self, at: UnixTime) -> Self {
        self.put("exp", Value::from(at.as_secs()))
    }

    /// Before when the token does not count yet: `nbf`.
    pub fn not_before(self, at: UnixTime) -> Self {
        self.put("nbf", Value::from(at.as_secs()))
    }

    /// When the token was issued: `iat`.
    pub fn issued_at(self, at: UnixTime) -> Self {
        self.put("iat", Value::from(at.as_secs()))
    }

    /// The token's own id: `jti`.
    pub fn jwt_id(self, id: impl Into<String>) -> Self {
        self.put("jti", Value::String(id.into()))
    }

    /// Any other claim.
    ///
    /// # Errors
    /// [`SignError::Serialize`] when the value does not become JSON.
    pub fn with(self, name: impl Into<String>, value: impl Serialize) -> Result<Self, SignError> {
        let value = serde_json::to_value(value).map_err(|_| SignError::Serialize)?;
        Ok(self.put(name, value))
    }

    fn put(mut self, name: impl Into<String>, value: Value) -> Self {
        self.0.insert(name.into(), value);
        self
    }
}
