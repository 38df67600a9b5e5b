//! Any text as a token: no key of ours signed it, so nothing may let it in.

#![no_main]

use std::sync::LazyLock;

use countersign::{
    Algorithm, AlgorithmRule, AudienceRule, IssuerRule, KeySet, Rules, SigningKey, UnixTime,
    Unverified, Verifier, VerifyingKey, base64url,
};
use libfuzzer_sys::fuzz_target;

static KNOWN: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA].map(|algorithm| {
        let key: VerifyingKey = SigningKey::generate(algorithm).unwrap().verifying_key();
        key.with_key_id("k")
    });
    let rules = Rules::new(IssuerRule::any(), AudienceRule::any(), AlgorithmRule::of_the_keys());
    Verifier::new(rules.any_typ().without_expiry(), KeySet::new(keys).unwrap())
});

fuzz_target!(|text: &str| {
    assert!(KNOWN.verify::<serde_json::Value>(text, UnixTime::EPOCH).is_err());
    assert!(KNOWN.verify_payload(text).is_err());
    if let Ok(seen) = Unverified::parse(text) {
        assert!(seen.header_json().is_object() && seen.claims_json().is_object());
    }
    if let Ok(bytes) = base64url::decode(text) {
        assert_eq!(base64url::encode(&bytes), text);
    }
});
