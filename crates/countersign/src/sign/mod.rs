//! From claims to text.

mod claims;

pub use claims::Claims;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::base64url;
use crate::crypto::CryptoError;
use crate::key::SigningKey;

/// A signing key and the header its tokens carry, encoded once. Cloning it copies that header.
///
/// ```
/// use countersign::{Algorithm, Signer, SigningKey, Unverified};
///
/// let signer = Signer::new(SigningKey::generate(Algorithm::EdDSA)?).typ("at+jwt");
/// let token = signer.sign(&serde_json::json!({ "sub": "ada" }))?;
/// assert_eq!(Unverified::parse(&token)?.typ(), Some("at+jwt"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    typ: String,
    extra: Vec<(String, String)>,
    /// The header in base64url with the dot behind it.
    header: String,
}

impl Signer {
    /// Tokens of type `JWT` with the key's algorithm and, where it has one, its id.
    pub fn new(key: SigningKey) -> Self {
        Self {
            key,
            typ: "JWT".into(),
            extra: Vec::new(),
            header: String::new(),
        }
        .encoded()
    }

    /// Another `typ`; RFC 9068 asks for `at+jwt` in access tokens.
    pub fn typ(mut self, typ: &str) -> Self {
        self.typ = typ.into();
        self.encoded()
    }

    /// One more member of the header.
    ///
    /// # Errors
    /// [`SignError::ReservedHeader`] for `alg`, `kid` and `typ`, which have their own places, for
    /// `crit` and `b64`, which are not offered, and for a name used before;
    /// [`SignError::Serialize`] when the value does not become JSON.
    pub fn header(
        mut self,
        name: impl Into<String>,
        value: impl Serialize,
    ) -> Result<Self, SignError> {
        let name = name.into();
        let taken = self.extra.iter().any(|(used, _)| *used == name);
        if taken || ["alg", "kid", "typ", "crit", "b64"].contains(&name.as_str()) {
            return Err(SignError::ReservedHeader);
        }
        let value = serde_json::to_string(&value).map_err(|_| SignError::Serialize)?;
        self.extra.push((name, value));
        Ok(self.encoded())
    }

    fn encoded(mut self) -> Self {
        let mut json = alloc::format!(
            r#"{{"alg":"{}","typ":{}"#,
            self.key.algorithm(),
            quoted(&self.typ)
        );
        if let Some(key_id) = self.key.key_id() {
            json.push_str(r#","kid":"#);
            json.push_str(&quoted(key_id));
        }
        for (name, value) in &self.extra {
            json.push(',');
            json.push_str(&quoted(name));
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        self.header.clear();
        base64url::encode_into(json.as_bytes(), &mut self.header);
        self.header.push('.');
        self
    }

    /// Signs claims: any type that serde writes as a JSON object.
    ///
    /// # Errors
    /// [`SignError::Serialize`] or [`SignError::NotAnObject`] for what is no set of claims,
    /// [`SignError::Crypto`] when the backend fails.
    pub fn sign<T: Serialize + ?Sized>(&self, claims: &T) -> Result<String, SignError> {
        let claims = written(claims)?;
        if claims.first() != Some(&b'{') {
            return Err(SignError::NotAnObject);
        }
        self.sign_payload(&claims)
    }

    /// Signs bytes as a JWS: any payload, claims or not.
    ///
    /// # Errors
    /// [`SignError::Crypto`] when the backend fails.
    pub fn sign_payload(&self, payload: &[u8]) -> Result<String, SignError> {
        let length = self.header.len() + base64url::encoded_len(payload.len()) + SIGNATURE_ROOM;
        let mut token = String::with_capacity(length);
        token.push_str(&self.header);
        base64url::encode_into(payload, &mut token);
        self.key.sign_and_append(&mut token, |signature, token| {
            token.push('.');
            base64url::encode_into(signature, token);
        })?;
        Ok(token)
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
}

/// Claims as JSON, in a buffer that most fit into at once.
fn written<T: Serialize + ?Sized>(claims: &T) -> Result<Vec<u8>, SignError> {
    #[cfg(feature = "std")]
    {
        let mut json = Vec::with_capacity(512);
        serde_json::to_writer(&mut json, claims).map_err(|_| SignError::Serialize)?;
        Ok(json)
    }
    #[cfg(not(feature = "std"))]
    serde_json::to_vec(claims).map_err(|_| SignError::Serialize)
}

/// A dot and the signature of an RSA key of 2048 bits.
const SIGNATURE_ROOM: usize = 1 + 342;

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

impl SigningKey {
    /// Signs claims as a token of type `JWT`; [`Signer`] offers more and is faster for many.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign<T: Serialize + ?Sized>(&self, claims: &T) -> Result<String, SignError> {
        Signer::new(self.clone()).sign(claims)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key", &self.key)
            .field("typ", &self.typ)
            .finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The claims or a header's value do not become JSON.
    #[error("the value cannot be written as JSON")]
    Serialize,
    /// Claims are a JSON object, and these became something else.
    #[error("claims must be a JSON object: a struct or a map with string keys")]
    NotAnObject,
    /// The header's member is set in another way, is not offered, or was set before.
    #[error("this member of the header is set elsewhere, not supported, or already there")]
    ReservedHeader,
    /// The backend failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl SignError {
    /// The stable code: `cannot_serialize`, `not_an_object`, …
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Serialize => "cannot_serialize",
            Self::NotAnObject => "not_an_object",
            Self::ReservedHeader => "reserved_header",
            Self::Crypto(error) => error.code(),
        }
    }
}
