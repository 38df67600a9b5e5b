//! RFC 7515, Appendix A and E: the examples of the standard itself.

use countersign::{Algorithm, Reason, UnixTime, Verifier};
use serde_json::Value;

use crate::ground::{vectors, verifier_for};

const BEFORE_EXPIRY: UnixTime = UnixTime::from_secs(1_300_819_379);

#[test]
fn the_compact_examples_hold() {
    let mut held = 0;
    for example in vectors("rfc/rfc7515.json").as_array().unwrap() {
        let Some(name) = example["alg"].as_str().filter(|name| *name != "none") else {
            continue;
        };
        let token = example["compact"].as_str().unwrap();
        let known = verifier_for(&example["key"], name);
        if name == "ES512" {
            // A.4 signs the word "Payload", which is no set of claims.
            assert_eq!(known.verify_payload(token).unwrap(), b"Payload");
            assert_eq!(
                reason(&known, token, BEFORE_EXPIRY),
                Some(Reason::Malformed)
            );
        } else {
            let verified = known.verify::<Value>(token, BEFORE_EXPIRY).unwrap();
            assert_eq!(verified.issuer(), Some("joe"));
            assert_eq!(verified.algorithm(), name.parse::<Algorithm>().unwrap());
            assert_eq!(verified.claims()["http://example.com/is_root"], true);
            let late = UnixTime::from_secs(1_300_819_380);
            assert_eq!(reason(&known, token, late), Some(Reason::Expired));
        }
        held += 1;
    }
    assert_eq!(held, 4);
}

#[test]
fn the_unsecured_and_the_critical_one_are_refused() {
    let all = vectors("rfc/rfc7515.json");
    let known = verifier_for(&all[0]["key"], "HS256");
    for (section, expected) in [
        ("A.5", Reason::UnsupportedAlgorithm),
        ("E", Reason::UnsupportedHeader),
    ] {
        let example = all
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["section"] == section);
        let token = example.unwrap()["compact"].as_str().unwrap();
        assert_eq!(
            reason(&known, token, BEFORE_EXPIRY),
            Some(expected),
            "{section}"
        );
    }
}

fn reason(known: &Verifier, token: &str, now: UnixTime) -> Option<Reason> {
    known
        .verify::<Value>(token, now)
        .err()
        .map(|refused| refused.reason())
}
