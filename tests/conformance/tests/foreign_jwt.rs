//! Tokens exchanged with jose (JavaScript) and PyJWT (Python), in both directions, for each
//! algorithm that both sides know, and a changed signature refused by both.
//!
//! `cargo xtask test` installs both into `target/foreign`. jose knows no ES256K.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::{Algorithm, Jwk, KeySet, Reason, Rules, SigningKey, UnixTime, Verifier};
use countersign_conformance::foreign;
use countersign_witness::Keep;
use serde_json::{Value, json};

const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "https://api.example";

#[test]
fn jose_verifies_what_the_library_signs_and_the_other_way_round() {
    exchange(&Partner::jose());
}

#[test]
fn pyjwt_verifies_what_the_library_signs_and_the_other_way_round() {
    exchange(&Partner::pyjwt());
}

fn exchange(partner: &Partner) {
    let keys: Vec<(Algorithm, SigningKey)> = Algorithm::all()
        .filter(|algorithm| !partner.lacks.contains(algorithm))
        .map(|algorithm| (algorithm, SigningKey::generate(algorithm).expect("a key")))
        .collect();
    let mut questions = Vec::new();
    for (algorithm, key) in &keys {
        let token = key.sign(&claims()).expect("a token");
        let changed = with_another_signature(&token);
        let jwk = public(key);
        questions.push(json!({ "task": "verify", "alg": algorithm, "jwk": jwk, "token": token }));
        questions.push(json!({ "task": "verify", "alg": algorithm, "jwk": jwk, "token": changed }));
        let jwk = private(key);
        questions.push(json!({ "task": "sign", "alg": algorithm, "jwk": jwk, "claims": claims() }));
    }
    let answers = partner.ask(&questions);
    for ((algorithm, key), answers) in keys.iter().zip(answers.chunks(3)) {
        let [read, changed, theirs] = answers else {
            panic!("{algorithm}: an answer is missing");
        };
        assert_eq!(read["ok"], claims(), "{algorithm}: {read}");
        assert!(changed["refused"].is_string(), "{algorithm}: {changed}");

        let token = theirs["ok"].as_str();
        let token = token.unwrap_or_else(|| panic!("{algorithm}: {theirs}"));
        let known = KeySet::new([key.verifying_key()]).expect("a set of one");
        let verifier = Verifier::new(Rules::new(ISSUER, AUDIENCE, *algorithm), known);
        let now = UnixTime::now();
        let verdict = verifier.verify::<Value>(token, now);
        let proof = verdict.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(proof.claims(), &claims(), "{algorithm}");
        let refused = verifier.verify::<Value>(&with_another_signature(token), now);
        assert_eq!(
            refused.expect_err("a refusal").reason(),
            Reason::BadSignature,
            "{algorithm}"
        );
    }
}

/// The token with another first character of its signature, which carries six bits of the first byte.
fn with_another_signature(token: &str) -> String {
    let mut changed = token.to_owned();
    let place = changed.rfind('.').expect("a dot") + 1;
    let other = if changed.as_bytes()[place] == b'A' {
        "B"
    } else {
        "A"
    };
    changed.replace_range(place..=place, other);
    changed
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ad\u{e9}", "exp": 4_000_000_000_u64, "n": [1, -2.5] })
}

fn public(key: &SigningKey) -> Value {
    if key.algorithm().is_symmetric() {
        return private(key);
    }
    let jwk: Jwk = key.verifying_key().to_jwk();
    serde_json::to_value(jwk).expect("a public JWK")
}

fn private(key: &SigningKey) -> Value {
    serde_json::from_str(key.to_jwk().to_json().expose()).expect("a JWK")
}

/// Another implementation, behind a script that reads questions and writes answers as JSON.
struct Partner {
    interpreter: PathBuf,
    script: PathBuf,
    /// What it does not know.
    lacks: &'static [Algorithm],
}

impl Partner {
    fn jose() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/exchange.mjs");
        // Beside the packages, where node looks for them.
        let script = foreign::node_packages().join("exchange.mjs");
        std::fs::copy(source, &script).expect("a copy of the script");
        Self {
            interpreter: "node".into(),
            script,
            lacks: &[Algorithm::ES256K],
        }
    }

    fn pyjwt() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            interpreter: foreign::python(),
            script: here.join("python/every_algorithm.py"),
            lacks: &[],
        }
    }

    /// Has all questions answered by one process.
    fn ask(&self, questions: &[Value]) -> Vec<Value> {
        let name = self.interpreter.display();
        let text = Value::from(questions).to_string();
        let output = Command::new(&self.interpreter)
            .arg(&self.script)
            .run_with(text.as_bytes())
            .unwrap_or_else(|error| {
                panic!("{name}: {error}; `cargo xtask test foreign` installs what is needed")
            });
        assert!(
            output.status.success(),
            "{name} ended with {}",
            output.status
        );
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(answers.len(), questions.len());
        answers
    }
}
