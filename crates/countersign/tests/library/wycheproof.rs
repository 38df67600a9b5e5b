//! Project Wycheproof's JOSE sets (`tests/vectors/SOURCE.md` says which labels are not followed).

use serde_json::Value;

use crate::ground::{vectors, verifier};

/// Labelled valid, and refused here: a `?` inside a segment; a key whose `alg` is another.
const REFUSED_HERE: [u64; 6] = [372, 373, 346, 347, 350, 351];
/// Byte for byte the token of a valid case, labelled invalid.
const MISLABELLED: [u64; 2] = [367, 370];

#[test]
fn signatures_are_judged_as_labelled() {
    let judged = judge(
        "wycheproof/json_web_signature_test.json",
        |id, label| match id {
            _ if MISLABELLED.contains(&id) => true,
            _ if REFUSED_HERE.contains(&id) => false,
            _ => label,
        },
    );
    assert_eq!(judged, 401);
}

#[test]
fn keys_are_judged_as_labelled() {
    assert_eq!(
        judge("wycheproof/json_web_key_test.json", |_, label| label),
        26
    );
}

#[test]
fn the_signatures_of_the_mixed_set_are_judged_as_labelled() {
    let judged = judge("wycheproof/json_web_crypto_test.json", |_, label| label);
    assert!(judged > 40, "{judged}");
}

/// Judges every case with a compact JWS; gives how many there were.
fn judge(file: &str, expected: impl Fn(u64, bool) -> bool) -> usize {
    let mut judged = 0;
    let mut wrong = Vec::new();
    for group in vectors(file)["testGroups"].as_array().unwrap() {
        let keys = group.get("public").or(group.get("private")).unwrap();
        let verifier = verifier(keys);
        for case in group["tests"].as_array().unwrap() {
            let Some(token) = case.get("jws").and_then(Value::as_str) else {
                continue;
            };
            judged += 1;
            let id = case["tcId"].as_u64().unwrap();
            let holds = verifier
                .as_ref()
                .is_ok_and(|one| one.verify_payload(token).is_ok());
            let label = case["result"] == "valid";
            if holds != expected(id, label) {
                wrong.push(format!(
                    "{id} {}: {holds}, {:?}",
                    case["comment"],
                    verifier.as_ref().err()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    judged
}
