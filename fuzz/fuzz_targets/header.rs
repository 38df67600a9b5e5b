//! Any bytes as a header over claims and a signature that are in order.

#![no_main]

use std::sync::LazyLock;

use countersign::{
    Algorithm, AlgorithmRule, AudienceRule, IssuerRule, KeySet, Reason, Rules, SigningKey,
    UnixTime, Verifier, base64url,
};
use libfuzzer_sys::fuzz_target;

static KNOWN: LazyLock<Verifier> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::HS256).unwrap().verifying_key();
    let rules = Rules::new(IssuerRule::any(), AudienceRule::any(), AlgorithmRule::of_the_keys());
    Verifier::new(rules.any_typ().without_expiry(), KeySet::new([key]).unwrap())
});

fuzz_target!(|header: &[u8]| {
    let token = format!("{}.e30.AAAA", base64url::encode(header));
    let reason = KNOWN.verify::<serde_json::Value>(&token, UnixTime::EPOCH).unwrap_err().reason();
    if reason == Reason::BadSignature {
        // So far only a header gets that serde_json, too, takes for one of HS256.
        let header: serde_json::Value = serde_json::from_slice(header).unwrap();
        assert_eq!(header["alg"], "HS256");
        assert!(header.get("crit").is_none() && header["b64"] != false);
    }
});
