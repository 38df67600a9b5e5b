//! Any bytes as the payload of a token that is signed: what is taken is what serde_json reads.

#![no_main]

use std::sync::LazyLock;

use countersign::{
    AccessClaims, Algorithm, AlgorithmRule, AudienceRule, IssuerRule, KeySet, Rules, Signer,
    SigningKey, UnixTime, Verifier,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static BENCH: LazyLock<(Signer, Verifier)> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::HS256).unwrap();
    let rules = Rules::new(IssuerRule::any(), AudienceRule::any(), AlgorithmRule::of_the_keys());
    let keys = KeySet::new([key.verifying_key()]).unwrap();
    (Signer::new(key), Verifier::new(rules.without_expiry().max_token_bytes(1 << 20), keys))
});

fuzz_target!(|payload: &[u8]| {
    let (signer, known) = &*BENCH;
    let token = signer.sign_payload(payload).unwrap();
    let _ = known.verify::<AccessClaims>(&token, UnixTime::EPOCH);
    if let Ok(verified) = known.verify::<Value>(&token, UnixTime::EPOCH) {
        let theirs: Value = serde_json::from_slice(payload).unwrap();
        assert!(alike(verified.claims(), &theirs));
        for name in ["iss", "sub", "jti"] {
            assert_eq!(verified.claim::<String>(name).unwrap().as_deref(), theirs.get(name).and_then(Value::as_str));
        }
        assert_eq!(verified.subject(), theirs.get("sub").and_then(Value::as_str));
    }
});

/// Equal but for the last digits of floats, which serde_json does not round to the nearest.
fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| alike(a, b))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, a)| theirs.get(name).is_some_and(|b| alike(a, b)))
        }
        (Value::Number(a), Value::Number(b)) if a != b => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-14,
            _ => false,
        },
        _ => ours == theirs,
    }
}
