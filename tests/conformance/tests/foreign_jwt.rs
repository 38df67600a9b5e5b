//! Tokens exchanged with jose, the library of the JavaScript world, in both directions for each
//! algorithm that both know.
//!
//! The first run installs jose from npm into `target/foreign/node`; without Node or npm the tests
//! fail and say so. `cargo xtask test --skip-foreign` leaves them out. jose knows no ES256K; PyJWT,
//! in `pyjwt.rs`, does.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use countersign::{Algorithm, Jwk, KeySet, Rules, SigningKey, UnixTime, Verifier};
use serde_json::{Value, json};

const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "https://api.example";

#[test]
fn jose_verifies_what_the_library_signs_and_refuses_it_when_changed() {
    let keys = keys();
    let mut questions = Vec::new();
    for (algorithm, key) in &keys {
        let token = key.sign(&claims()).expect("a token");
        let mut changed = token.clone();
        // The first character of the signature carries six bits of its first byte.
        let place = changed.rfind('.').expect("a dot") + 1;
        let other = if changed.as_bytes()[place] == b'A' {
            "B"
        } else {
            "A"
        };
        changed.replace_range(place..=place, other);
        for token in [token, changed] {
            questions.push(
                json!({ "task": "verify", "alg": algorithm, "jwk": public(key), "token": token }),
            );
        }
    }
    let answers = ask(&questions);
    for ((algorithm, _), pair) in keys.iter().zip(answers.chunks(2)) {
        assert_eq!(pair[0]["ok"], claims(), "{algorithm}: {}", pair[0]);
        assert!(pair[1]["refused"].is_string(), "{algorithm}: {}", pair[1]);
    }
}

#[test]
fn the_library_verifies_what_jose_signs() {
    let keys = keys();
    let questions: Vec<Value> = keys
        .iter()
        .map(|(algorithm, key)| {
            json!({ "task": "sign", "alg": algorithm, "jwk": private(key), "claims": claims() })
        })
        .collect();
    for ((algorithm, key), answer) in keys.iter().zip(ask(&questions)) {
        let token = answer["ok"]
            .as_str()
            .unwrap_or_else(|| panic!("{algorithm}: {answer}"));
        let rules = Rules::new(ISSUER, AUDIENCE, *algorithm);
        let known = KeySet::new([key.verifying_key()]).expect("a set of one");
        let verified = Verifier::new(rules, known)
            .verify::<Value>(token, UnixTime::now())
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(verified.claims(), &claims(), "{algorithm}");
    }
}

fn keys() -> Vec<(Algorithm, SigningKey)> {
    Algorithm::all()
        .filter(|algorithm| *algorithm != Algorithm::ES256K)
        .map(|algorithm| {
            let key = SigningKey::generate(algorithm).expect("a key");
            (algorithm, key)
        })
        .collect()
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

/// Has jose answer all questions in one process.
fn ask(questions: &[Value]) -> Vec<Value> {
    let mut node = Command::new("node")
        .arg(FOLDER.join("exchange.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need Node.js (command `node`), or --skip-foreign");
    let text = Value::from(questions).to_string();
    node.stdin
        .take()
        .expect("a pipe")
        .write_all(text.as_bytes())
        .expect("questions");
    let output = node.wait_with_output().expect("answers");
    assert!(output.status.success(), "node ended with {}", output.status);
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("answers as JSON");
    assert_eq!(answers.len(), questions.len());
    answers
}

/// Where jose is installed, with the script beside it.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../foreign/node");
    std::fs::create_dir_all(&folder).expect("a folder below target");
    for file in ["package.json", "exchange.mjs"] {
        std::fs::copy(source.join(file), folder.join(file)).expect("a copy of the script");
    }
    let status = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .stdout(Stdio::null())
        .status()
        .expect("these tests need npm, or --skip-foreign");
    assert!(status.success(), "npm could not install jose: {status}");
    folder
});
