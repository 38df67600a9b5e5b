//! What no check of a token can leave out, done by hand on the same route: the signature, and the
//! claims read by serde_json. Nothing is looked at: no header, no date, no issuer, no repeated name.

use std::future::{Future, ready};
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::{StatusCode, request::Parts};
use axum::routing::get;
use countersign::{Algorithm, VerifyingKey, base64url};
use countersign_benches::Failure;
use countersign_benches::token::Owned;

/// The route, with a key that is prepared once.
pub(crate) fn route(
    key: &VerifyingKey,
    secret: &str,
    with_claims: bool,
    answer: &'static str,
) -> Result<Router, Failure> {
    let parsed = |by: &'static dyn VerificationAlgorithm| -> Result<Key, Failure> {
        let key = ParsedPublicKey::new(by, key.to_spki_der()?)?;
        Ok(Key::Public(Arc::new(key)))
    };
    let key = match key.algorithm() {
        Algorithm::HS256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            Key::Shared(Arc::new(key))
        }
        Algorithm::ES256 => parsed(&ECDSA_P256_SHA256_FIXED)?,
        _ => parsed(&RSA_PKCS1_2048_8192_SHA256)?,
    };
    let router = Router::new();
    let router = if with_claims {
        router.route("/", get(async move |_: Signed<Owned>| answer))
    } else {
        router.route("/", get(async move |_: Signed<()>| answer))
    };
    Ok(router.with_state(key))
}

#[derive(Clone)]
enum Key {
    Shared(Arc<hmac::Key>),
    Public(Arc<ParsedPublicKey>),
}

/// What was read of a token whose signature holds.
struct Signed<T>(T);

trait Read: Sized + Send {
    fn read(payload: &str) -> Option<Self>;
}

/// Nothing at all.
impl Read for () {
    fn read(_: &str) -> Option<Self> {
        Some(())
    }
}

impl Read for Owned {
    fn read(payload: &str) -> Option<Self> {
        let payload = base64url::decode(payload).ok()?;
        serde_json::from_slice(&payload).ok()
    }
}

impl<T: Read> FromRequestParts<Key> for Signed<T> {
    type Rejection = StatusCode;

    fn from_request_parts(
        parts: &mut Parts,
        key: &Key,
    ) -> impl Future<Output = Result<Self, StatusCode>> + Send {
        ready(signed(parts, key).ok_or(StatusCode::UNAUTHORIZED))
    }
}

fn signed<T: Read>(parts: &Parts, key: &Key) -> Option<Signed<T>> {
    let token = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (message, signature) = token.strip_prefix("Bearer ")?.rsplit_once('.')?;
    let signature = base64url::decode(signature).ok()?;
    match key {
        Key::Shared(key) => hmac::verify(key, message.as_bytes(), &signature).ok()?,
        Key::Public(key) => key.verify_sig(message.as_bytes(), &signature).ok()?,
    }
    let (_, payload) = message.split_once('.')?;
    T::read(payload).map(Signed)
}
