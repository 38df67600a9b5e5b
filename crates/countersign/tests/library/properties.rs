//! What must hold for any claims, any bit and any text.

use std::sync::LazyLock;

use countersign::{
    Algorithm, Jwk, KeySet, Signer, SigningKey, UnixTime, Unverified, Verifier, VerifyingKey,
    base64url,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

use crate::ground::any_rules;

static KEYS: LazyLock<Vec<(Signer, Verifier)>> = LazyLock::new(|| {
    [
        Algorithm::HS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::RS256,
    ]
    .into_iter()
    .map(|algorithm| {
        let key = SigningKey::generate(algorithm).unwrap().with_key_id("k");
        let keys = KeySet::new([key.verifying_key()]).unwrap();
        (Signer::new(key), Verifier::new(any_rules(), keys))
    })
    .collect()
});

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Floats whose decimal spelling every reader rounds alike.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_claims_come_back(members in btree_map("[a-z\\\\\"\u{e9}]{1,12}", any_json(), 0..24), at in 0usize..4) {
        let claims: Value = members
            .into_iter()
            .filter(|(name, _)| !["iss", "sub", "aud", "exp", "nbf", "iat", "jti"].contains(&name.as_str()))
            .collect();
        let (signer, known) = &KEYS[at];
        let token = signer.sign(&claims).unwrap();
        let verified = known.verify::<Value>(&token, UnixTime::EPOCH).unwrap();
        prop_assert_eq!(verified.claims(), &claims);
    }

    #[test]
    fn any_flipped_bit_is_refused(at in 0usize..4, place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (signer, known) = &KEYS[at];
        let token = signer.sign(&serde_json::json!({ "sub": "ada", "n": [1, 2, 3] })).unwrap();
        prop_assert!(known.verify::<Value>(&token, UnixTime::EPOCH).is_ok());
        let mut bytes = token.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(known.verify::<Value>(&changed, UnixTime::EPOCH).is_err());
        }
    }

    #[test]
    fn no_text_makes_anything_panic(text in "\\PC{0,80}|[A-Za-z0-9_.=-]{0,120}|(ey[A-Za-z0-9_-]{0,40}\\.){2}[A-Za-z0-9_-]{0,20}") {
        for (_, known) in KEYS.iter() {
            let _ = known.verify::<Value>(&text, UnixTime::EPOCH);
        }
        let _ = Unverified::parse(&text);
        let _ = Jwk::from_json(&text);
        let _ = KeySet::from_json(&text);
        let _ = VerifyingKey::from_pem(Algorithm::ES256, &text);
        let _ = base64url::decode(&text);
    }

    #[test]
    fn any_payload_is_read_as_serde_json_reads_it_or_refused(payload in any_json().prop_map(|v| v.to_string()), junk in "[\\[\\]{}:,\"\\\\-]{0,3}", place in any::<prop::sample::Index>()) {
        let (signer, known) = &KEYS[0];
        let mut text = format!(r#"{{"x":{payload}}}"#);
        let mut place = place.index(text.len() + 1);
        while !text.is_char_boundary(place) {
            place -= 1;
        }
        text.insert_str(place, &junk);
        let token = signer.sign_payload(text.as_bytes()).unwrap();
        if let Ok(ours) = known.verify::<Value>(&token, UnixTime::EPOCH) {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(ours.claims(), &theirs);
        }
    }

    #[test]
    fn base64url_has_one_spelling(bytes in vec(any::<u8>(), 0..200), text in "[A-Za-z0-9_-]{0,60}") {
        let spelled = base64url::encode(&bytes);
        prop_assert_eq!(base64url::decode(&spelled).unwrap(), bytes);
        if let Ok(bytes) = base64url::decode(&text) {
            prop_assert_eq!(base64url::encode(&bytes), text);
        }
    }
}
