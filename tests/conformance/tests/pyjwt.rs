//! Tokens exchanged with PyJWT: what one side signs, the other verifies, and both refuse the same.
//!
//! `cargo xtask test` installs PyJWT into `target/foreign/python` and switches this file on.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign::{Algorithm, Jwk, KeySet, Rules, SigningKey, UnixTime, Verified, Verifier};
use countersign_conformance::{Countersign, Server};
use countersign_witness::Keep;
use serde_json::{Value, json};
use tempfile::TempDir;

const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "https://api.example";
const SECRET: &[u8] = b"a shared secret of more than thirty-two bytes";

#[test]
fn pyjwt_verifies_what_the_library_signs() {
    for key in keys() {
        let claims = claims();
        let token = key.signing.sign(&claims).expect("a token");
        let read = python(["verify", key.algorithm(), &key.private()], &token);
        assert_eq!(json_of(&read), claims, "{}", key.algorithm());
    }
}

#[test]
fn the_library_verifies_what_pyjwt_signs() {
    for key in keys() {
        let claims = claims();
        let token = text_of(&python(
            ["sign", key.algorithm(), &key.private()],
            &claims.to_string(),
        ));
        let verified = key.verify(&token).expect("PyJWT's token");
        assert_eq!(verified.into_claims(), claims, "{}", key.algorithm());
    }
}

#[test]
fn pyjwt_verifies_what_the_command_signs() {
    for key in keys() {
        let claims = claims();
        let token = Countersign::new(["jwt", "sign", "--claims", "-", "--alg", key.algorithm()])
            .and(key.option(&key.private()))
            .input(claims.to_string())
            .succeed();
        let read = python(["verify", key.algorithm(), &key.public()], &token);
        assert_eq!(json_of(&read), claims, "{}", key.algorithm());
    }
}

#[test]
fn the_command_verifies_what_pyjwt_signs() {
    for key in keys() {
        let claims = claims();
        let token = text_of(&python(
            ["sign", key.algorithm(), &key.private()],
            &claims.to_string(),
        ));
        let read = key.verify_by_command(&token, AUDIENCE);
        assert_eq!(json_of(&read), claims, "{}", key.algorithm());
    }
}

/// Keys of each other's making: PEM is how they travel.
#[test]
fn keys_made_by_either_side_serve_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let pem = text_of(&python(["keys"], ""));
    let (private, public) = pem
        .split_once("-----BEGIN PUBLIC KEY-----")
        .map(|(private, rest)| {
            (
                private.to_owned(),
                format!("-----BEGIN PUBLIC KEY-----{rest}"),
            )
        })
        .expect("two PEM texts");
    let claims = claims();

    let theirs = SigningKey::from_pem(Algorithm::ES256, &private).expect("their private key");
    let token = theirs.sign(&claims).expect("a token");
    let file = write(&folder, "theirs.pem", public.as_bytes());
    assert_eq!(json_of(&python(["verify", "ES256", &file], &token)), claims);

    let ours = SigningKey::generate(Algorithm::ES256).expect("a key");
    let pem = ours.to_pem().expect("PEM");
    let file = write(&folder, "ours.pem", pem.expose().as_bytes());
    let token = text_of(&python(["sign", "ES256", &file], &claims.to_string()));
    let keys = KeySet::new([ours.verifying_key()]).expect("a key set");
    // PyJWT names no key; there is only one it can be.
    let verified: Verified<Value> = Verifier::new(rules(Algorithm::ES256), keys)
        .verify(&token, UnixTime::now())
        .expect("PyJWT's token");
    assert_eq!(verified.into_claims(), claims);
}

#[test]
fn both_refuse_an_expired_token_one_for_others_and_one_altered() {
    for key in keys() {
        let mut expired = claims();
        expired["exp"] = json!(UnixTime::now().as_secs() - 60);
        let mut for_others = claims();
        for_others["aud"] = json!("https://other.example");
        let altered = altered(&key.signing.sign(&claims()).expect("a token"));
        let sign = |claims: &Value| key.signing.sign(claims).expect("a token");

        for (token, ours, theirs) in [
            (sign(&expired), "expired", "ExpiredSignatureError"),
            (sign(&for_others), "wrong_audience", "InvalidAudienceError"),
            (altered, "bad_signature", "InvalidSignatureError"),
        ] {
            let refusal = key.verify(&token).expect_err("a refusal");
            assert_eq!(refusal.reason().code(), ours);
            let command = key.verify_by_command(&token, AUDIENCE);
            assert_eq!(command.status.code(), Some(3), "{command:?}");
            let words = String::from_utf8_lossy(&command.stderr).into_owned();
            assert!(words.contains(ours), "{words}");
            let python = python(["verify", key.algorithm(), &key.public()], &token);
            assert_eq!(python.status.code(), Some(3), "{python:?}");
            assert_eq!(String::from_utf8_lossy(&python.stderr).trim(), theirs);
        }
    }
}

/// As the guides for Flask and FastAPI do it: keys by URL, the key by the token's `kid`.
#[tokio::test]
async fn pyjwt_guards_an_api_with_the_servers_published_keys() {
    let mut server = Server::new();
    server.add_user("ada", "correct horse battery staple");
    server.start().await;
    let answer = server
        .http()
        .login("ada", "correct horse battery staple")
        .await;
    let token = answer.expect("an answer").field("access_token");

    let jwks = format!("{}/.well-known/jwks.json", server.url());
    let read = python(["fetch", "ES256", &jwks], &token);
    assert_eq!(json_of(&read)["preferred_username"], "ada");

    let refused = python(["fetch", "ES256", &jwks], &altered(&token));
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
}

/// A key in every form the two sides and the command read.
struct Key {
    folder: TempDir,
    signing: SigningKey,
}

fn keys() -> [Key; 2] {
    let shared = SigningKey::from_secret(Algorithm::HS256, SECRET).expect("a long secret");
    let pair = SigningKey::generate(Algorithm::ES256).expect("a key");
    [shared, pair].map(|signing| {
        let folder = tempfile::tempdir().expect("a folder");
        if signing.algorithm().is_symmetric() {
            write(&folder, "private", SECRET);
            write(&folder, "public", SECRET);
        } else {
            write(
                &folder,
                "private",
                signing.to_jwk().to_json().expose().as_bytes(),
            );
            let public = Jwk::to_public_json(&signing.to_jwk()).expect("a public half");
            write(&folder, "public", public.as_bytes());
        }
        Key { folder, signing }
    })
}

impl Key {
    fn algorithm(&self) -> &'static str {
        self.signing.algorithm().name()
    }

    fn private(&self) -> String {
        self.folder.path().join("private").display().to_string()
    }

    fn public(&self) -> String {
        self.folder.path().join("public").display().to_string()
    }

    fn option(&self, file: &str) -> [String; 2] {
        let symmetric = self.signing.algorithm().is_symmetric();
        let name = if symmetric { "--secret-file" } else { "--key" };
        [name.to_owned(), file.to_owned()]
    }

    fn verify(&self, token: &str) -> Result<Verified<Value>, countersign::TokenError> {
        // PyJWT writes no `kid`: the key goes into the set without one as well.
        let keys = KeySet::new([self.signing.verifying_key()]).expect("a key set");
        Verifier::new(rules(self.signing.algorithm()), keys).verify(token, UnixTime::now())
    }

    fn verify_by_command(&self, token: &str, audience: &str) -> Output {
        Countersign::new(["jwt", "verify", "--issuer", ISSUER, "--audience", audience])
            .and(["--alg", self.algorithm()])
            .and(self.option(&self.public()))
            .input(token)
            .output()
    }
}

fn rules(algorithm: Algorithm) -> Rules {
    Rules::new(ISSUER, AUDIENCE, algorithm).any_typ()
}

fn claims() -> Value {
    let now = UnixTime::now().as_secs();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600,
        "name": "Zoë – „Ada“", "roles": ["reader", "writer"], "nested": {"depth": [1, 2.5, null]},
    })
}

/// The token with another signature.
fn altered(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{head}.{other}{}", &signature[1..])
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).expect("a file");
    file.display().to_string()
}

/// Calls `python/exchange.py`.
fn python<const N: usize>(arguments: [&str; N], input: &str) -> Output {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let interpreter = std::env::var_os("COUNTERSIGN_TEST_PYTHON").map_or_else(
        || tests.join("../../target/foreign/python/bin/python"),
        PathBuf::from,
    );
    Command::new(&interpreter)
        .arg(tests.join("python/exchange.py"))
        .args(arguments)
        .run_with(input.as_bytes())
        .unwrap_or_else(|error| {
            let path = interpreter.display();
            panic!("{path}: {error}; `cargo xtask test foreign` installs it")
        })
}

fn text_of(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&text_of(output)).expect("JSON")
}
