//! The access token that is measured, and its keys.
//!
//! The claims are those of an access token by RFC 9068, about 350 bytes of JSON, the size of the
//! tokens that issuers in the field hand out.

use countersign::{
    Algorithm, KeyError, KeySet, Rules, SignError, Signer, SigningKey, UnixTime, Verifier,
};
use serde::{Deserialize, Serialize};

/// The issuer of the measured token.
pub const ISSUER: &str = "https://login.example.com";
/// The audience of the measured token.
pub const AUDIENCE: &str = "https://api.example.com";

/// Claims that own their texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the claims of RFC 9068")]
pub struct Owned {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: u64,
    pub iat: u64,
    pub nbf: u64,
    pub jti: String,
    pub scope: String,
    pub roles: Vec<String>,
    pub client_id: String,
    pub sid: String,
}

/// The same claims, borrowed from the buffer they were decoded into.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the claims of RFC 9068")]
pub struct Borrowed<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    pub exp: u64,
    pub iat: u64,
    pub nbf: u64,
    pub jti: &'a str,
    pub scope: &'a str,
    #[serde(borrow)]
    pub roles: [&'a str; 3],
    pub client_id: &'a str,
    pub sid: &'a str,
}

/// What the measured token says.
pub fn claims(now: UnixTime) -> Owned {
    Owned {
        iss: ISSUER.into(),
        sub: "7d4a1c52-9c0e-4f2b-8a36-5d1f0e9b7c44".into(),
        aud: AUDIENCE.into(),
        exp: now.as_secs() + 3600,
        iat: now.as_secs(),
        nbf: now.as_secs(),
        jti: "e2b9a7f0-53cd-4e61-9b1a-0c8d7f6e5a43".into(),
        scope: "orders:read orders:write profile".into(),
        roles: vec!["admin".into(), "editor".into(), "viewer".into()],
        client_id: "web-console".into(),
        sid: "0f6c2d8a4b1e4c7f".into(),
    }
}

/// A signer of access tokens with a new key.
///
/// # Errors
/// When the system has no randomness.
pub fn signer(algorithm: Algorithm) -> Result<Signer, KeyError> {
    Ok(Signer::new(SigningKey::generate(algorithm)?.with_key_id("2026-11-access")).typ("at+jwt"))
}

/// The rules an access token is checked by.
pub fn rules(algorithm: Algorithm) -> Rules {
    Rules::new(ISSUER, AUDIENCE, algorithm).typ("at+jwt")
}

/// A verifier with the signer's key alone.
///
/// # Errors
/// Never with one key.
pub fn verifier(signer: &Signer) -> Result<Verifier, KeyError> {
    let algorithm = signer.key().algorithm();
    Ok(Verifier::new(
        rules(algorithm),
        KeySet::new([signer.key().verifying_key()])?,
    ))
}

/// The measured token.
///
/// # Errors
/// When the backend fails.
pub fn token(signer: &Signer) -> Result<String, SignError> {
    signer.sign(&claims(UnixTime::now()))
}
