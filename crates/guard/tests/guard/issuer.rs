//! An issuer without a server: a key, a name, and tokens of every sort.

use std::time::Duration;

use countersign::{Algorithm, KeySet, Signer, SigningKey, UnixTime};
use countersign_guard::{Guard, GuardBuilder};
use countersign_witness::{Kind, note};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

pub(crate) const NAME: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "orders";
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) key: SigningKey,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self::named(NAME)
    }

    pub(crate) fn named(name: &str) -> Self {
        countersign_witness::listen();
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        Self {
            name: name.to_owned(),
            key,
        }
    }

    pub(crate) fn key_set(&self) -> KeySet {
        KeySet::new([self.key.verifying_key()]).expect("one key")
    }

    pub(crate) fn builder(&self) -> GuardBuilder {
        Guard::builder(&self.name, AUDIENCE).key(self.key.verifying_key())
    }

    pub(crate) fn guard(&self) -> Guard {
        self.builder().build().expect("a guard")
    }

    /// The claims of a good token, issued at `now` and good for ten minutes.
    pub(crate) fn claims(&self, now: UnixTime) -> Value {
        json!({
            "iss": self.name,
            "sub": "u-1",
            "aud": AUDIENCE,
            "iat": now.as_secs(),
            "exp": now.as_secs() + 600,
            "jti": "t-1",
            "client_id": "web",
            "scope": "orders:read orders:write",
            "sid": "s-1",
            "roles": ["clerk"],
            "preferred_username": "ada",
        })
    }

    /// A good token at [`NOW`].
    pub(crate) fn token(&self) -> String {
        self.sign(&self.claims(NOW))
    }

    /// A good token at [`NOW`], but for one claim; `null` takes it away.
    pub(crate) fn token_with(&self, claim: &str, value: Value) -> String {
        self.sign(&with(self.claims(NOW), claim, value))
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_typ("at+jwt", claims)
    }

    pub(crate) fn sign_typ(&self, typ: &str, claims: &impl serde::Serialize) -> String {
        let signer = Signer::new(self.key.clone()).typ(typ);
        let token = signer.sign(claims).expect("a token");
        note(Kind::AccessToken, &token);
        token
    }
}

/// The claims with one of them changed, or taken away by `null`.
pub(crate) fn with(mut claims: Value, claim: &str, value: Value) -> Value {
    let members = claims.as_object_mut().expect("claims are an object");
    match value {
        Value::Null => drop(members.remove(claim)),
        value => drop(members.insert(claim.to_owned(), value)),
    }
    claims
}

/// The headers of a request with these values of `Authorization`.
pub(crate) fn authorization<const N: usize>(values: [&str; N]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = value.parse().expect("a header value");
        headers.append(AUTHORIZATION, value);
    }
    headers
}

pub(crate) fn bearer(token: &str) -> HeaderMap {
    authorization([&format!("Bearer {token}")])
}

/// The token with one character of its signature changed.
pub(crate) fn tampered(token: &str) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let place = bytes.len() - 10;
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("still ASCII")
}
