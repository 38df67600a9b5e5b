//! RFC 7515, Appendix A and E: the examples of the standard itself.

use countersign::{
    Algorithm, AlgorithmRule, AudienceRule, IssuerRule, Jwk, KeySet, Reason, Rules, UnixTime,
    Verifier, VerifyingKey,
};
use serde_json::Value;

const BEFORE_EXPIRY: UnixTime = UnixTime::from_secs(1_300_819_379);

fn examples() -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/rfc/rfc7515.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn verifier(key: &Value, algorithm: Algorithm) -> Verifier {
    let jwk = Jwk::from_json(key.to_string())
        .unwrap()
        .for_algorithm(algorithm)
        .unwrap();
    let keys = KeySet::new([VerifyingKey::from_jwk(&jwk).unwrap()]).unwrap();
    let rules = Rules::new(
        IssuerRule::any(),
        AudienceRule::any(),
        AlgorithmRule::of_the_keys(),
    );
    Verifier::new(rules, keys)
}

#[test]
fn the_compact_examples_with_claims_hold() {
    let mut held = 0;
    for example in examples() {
        let Some(algorithm) = example["alg"].as_str().and_then(Algorithm::from_name) else {
            continue;
        };
        let token = example["compact"].as_str().unwrap();
        let verifier = verifier(&example["key"], algorithm);
        if algorithm == Algorithm::ES512 {
            // A.4 signs the word "Payload", which is no set of claims.
            let refused = verifier.verify::<Value>(token, BEFORE_EXPIRY).unwrap_err();
            assert_eq!(refused.reason(), Reason::Malformed);
        } else {
            let verified = verifier.verify::<Value>(token, BEFORE_EXPIRY).unwrap();
            assert_eq!(verified.issuer(), Some("joe"));
            assert_eq!(verified.claims()["http://example.com/is_root"], true);
            let late = verifier.verify::<Value>(token, UnixTime::from_secs(1_300_819_380));
            assert_eq!(late.unwrap_err().reason(), Reason::Expired);
        }
        held += 1;
    }
    assert_eq!(held, 4);
}

#[test]
fn the_unsecured_and_the_critical_one_are_refused() {
    let all = examples();
    let verifier = verifier(&all[0]["key"], Algorithm::HS256);
    for section in ["A.5", "E"] {
        let example = all
            .iter()
            .find(|example| example["section"] == section)
            .unwrap();
        let token = example["compact"].as_str().unwrap();
        let refused = verifier.verify::<Value>(token, BEFORE_EXPIRY).unwrap_err();
        let expected = if section == "E" {
            Reason::UnsupportedHeader
        } else {
            Reason::UnsupportedAlgorithm
        };
        assert_eq!(refused.reason(), expected, "{section}");
    }
}
