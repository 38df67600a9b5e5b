//! Keys: every written form there and back, what is honoured, what is refused, what never leaks.

use countersign::{
    Algorithm, Jwk, KeyError, KeySet, Rules, Signer, SigningKey, Verifier, VerifyingKey, base64url,
};
use serde_json::{Value, json};

use crate::ground::{any_rules, vectors};

fn holds(signing: &SigningKey, verifying: VerifyingKey) -> bool {
    let token = Signer::new(signing.clone()).sign_payload(b"{}").unwrap();
    let known = Verifier::new(any_rules(), KeySet::new([verifying]).unwrap());
    known.verify_payload(&token).is_ok()
}

#[test]
fn every_algorithm_signs_and_its_key_travels_in_every_form() {
    for algorithm in Algorithm::all() {
        let key = SigningKey::generate(algorithm).unwrap();
        let public = key.verifying_key();
        assert!(holds(&key, public.clone()), "{algorithm}");

        let jwk = Jwk::from_json(key.to_jwk().to_json().expose()).unwrap();
        let from_jwk = SigningKey::from_jwk(&jwk).unwrap();
        assert!(holds(&from_jwk, public.clone()), "{algorithm} JWK");
        if algorithm.is_symmetric() {
            assert_eq!(key.to_pkcs8_der().unwrap_err(), KeyError::Symmetric);
            assert_eq!(public.to_pem().unwrap_err(), KeyError::Symmetric);
            assert_eq!(public.to_jwk().to_public_json(), None);
            assert_eq!(key.key_id(), None);
            continue;
        }
        assert_eq!(
            key.key_id(),
            Some(base64url::encode(public.thumbprint()).as_str())
        );
        let der = key.to_pkcs8_der().unwrap();
        let from_der = SigningKey::from_pkcs8_der(algorithm, der.expose()).unwrap();
        assert!(holds(&from_der, public.clone()), "{algorithm} PKCS#8");
        let pem = key.to_pem().unwrap();
        let from_pem = SigningKey::from_pem(algorithm, pem.expose()).unwrap();
        let spki = VerifyingKey::from_spki_der(algorithm, &public.to_spki_der().unwrap()).unwrap();
        assert!(holds(&from_pem, spki), "{algorithm} PEM and SPKI");
        let public_jwk = Jwk::from_json(public.to_jwk().to_public_json().unwrap()).unwrap();
        assert!(!public_jwk.is_private());
        assert_eq!(
            SigningKey::from_jwk(&public_jwk).unwrap_err(),
            KeyError::NotPrivate
        );
        assert!(
            holds(&key, VerifyingKey::from_jwk(&public_jwk).unwrap()),
            "{algorithm}"
        );
    }
}

/// Made by OpenSSL 3: `tests/vectors/openssl/make.sh` says how.
#[test]
fn keys_as_openssl_writes_them_load() {
    let all = vectors("openssl/keys.json");
    let all = all.as_array().unwrap();
    assert!(all.len() >= 10, "{}", all.len());
    for key in all {
        let algorithm: Algorithm = key["alg"].as_str().unwrap().parse().unwrap();
        let name = &key["form"];
        let pem = |which: &str| key[which].as_str().unwrap();
        let signing = SigningKey::from_pem(algorithm, pem("private"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let verifying = VerifyingKey::from_pem(algorithm, pem("public")).unwrap();
        assert!(holds(&signing, verifying), "{name}");
    }
}

#[test]
fn private_members_leave_by_no_public_path() {
    for algorithm in Algorithm::all().filter(|algorithm| !algorithm.is_symmetric()) {
        let key = SigningKey::generate(algorithm).unwrap();
        let private: Value = serde_json::from_str(key.to_jwk().to_json().expose()).unwrap();
        let secrets: Vec<&str> = ["d", "p", "q", "dp", "dq", "qi", "priv"]
            .iter()
            .filter_map(|name| private.get(name).and_then(Value::as_str))
            .collect();
        assert!(!secrets.is_empty());
        let set = KeySet::new([key.verifying_key()]).unwrap();
        let public_paths = [
            set.to_json(),
            serde_json::to_string(&key.to_jwk()).unwrap(),
            key.to_jwk().to_public_json().unwrap(),
            key.verifying_key().to_jwk().to_json().expose().to_owned(),
            format!(
                "{key:?} {:?} {:?} {set:?}",
                key.to_jwk(),
                key.verifying_key()
            ),
            format!(
                "{:?} {:?}",
                key.to_pkcs8_der().unwrap(),
                key.to_pem().unwrap()
            ),
        ];
        for text in public_paths {
            assert!(
                secrets.iter().all(|secret| !text.contains(secret)),
                "{algorithm}: {text}"
            );
        }
    }
    let shared = SigningKey::generate(Algorithm::HS256).unwrap();
    assert!(serde_json::to_string(&shared.to_jwk()).is_err());
    let set = KeySet::new([shared.verifying_key()]).unwrap();
    assert_eq!(set.to_json(), r#"{"keys":[]}"#);
}

#[test]
fn use_key_ops_and_alg_are_honoured() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwk = |more: Value| {
        let mut jwk: Value = serde_json::from_str(key.to_jwk().to_json().expose()).unwrap();
        for (name, value) in more.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        Jwk::from_json(jwk.to_string())
    };
    for (more, may_sign, may_verify) in [
        (json!({}), true, true),
        (json!({ "use": "sig" }), true, true),
        (json!({ "use": "enc" }), false, false),
        (json!({ "key_ops": ["sign"] }), true, true),
        (json!({ "key_ops": ["verify"] }), false, true),
        (json!({ "key_ops": ["deriveKey"] }), false, false),
        (json!({ "key_ops": [] }), false, false),
        (json!({ "alg": "ES384" }), false, false),
    ] {
        let jwk = jwk(more.clone()).unwrap();
        let signs = SigningKey::from_jwk(&jwk).is_ok();
        let verifies = VerifyingKey::from_jwk(&jwk).is_ok();
        assert_eq!((signs, verifies), (may_sign, may_verify), "{more}");
    }
    for more in [
        json!({ "alg": "RSA-OAEP" }),
        json!({ "alg": 1 }),
        json!({ "key_ops": ["sign", "sign"] }),
        json!({ "key_ops": "sign" }),
        json!({ "kid": "k".repeat(257) }),
        json!({ "x": "AA" }),
        json!({ "d": "AA" }),
        json!({ "crv": "P-192" }),
        json!({ "kty": "ec" }),
    ] {
        assert!(jwk(more.clone()).is_err(), "{more}");
    }
    // Another key's private half.
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let other: Value = serde_json::from_str(other.to_jwk().to_json().expose()).unwrap();
    let mixed = jwk(json!({ "d": other["d"] })).unwrap();
    assert_eq!(SigningKey::from_jwk(&mixed).unwrap_err(), KeyError::Invalid);
}

#[test]
fn a_point_off_its_curve_is_no_key() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::ES256K,
    ] {
        let key = SigningKey::generate(algorithm)
            .unwrap()
            .verifying_key()
            .to_jwk();
        let mut jwk: Value = serde_json::from_str(&key.to_public_json().unwrap()).unwrap();
        let mut y = base64url::decode(jwk["y"].as_str().unwrap()).unwrap();
        let last = y.len() - 1;
        y[last] ^= 1;
        jwk["y"] = json!(base64url::encode(&y));
        let loaded = VerifyingKey::from_jwk(&Jwk::from_json(jwk.to_string()).unwrap());
        assert_eq!(loaded.unwrap_err(), KeyError::Invalid, "{algorithm}");
    }
}

#[test]
fn a_set_passes_over_what_it_does_not_know_and_selects_one_key() {
    let one = SigningKey::generate(Algorithm::ES256)
        .unwrap()
        .with_key_id("one");
    let two = SigningKey::generate(Algorithm::EdDSA)
        .unwrap()
        .with_key_id("two");
    let public = |key: &SigningKey| -> Value {
        serde_json::from_str(&key.verifying_key().to_jwk().to_public_json().unwrap()).unwrap()
    };
    let set = json!({ "keys": [
        public(&one), { "kty": "new" }, 7, { "kty": "EC", "crv": "P-256", "x": "AA" },
        { "kty": "oct", "alg": "HS256", "k": base64url::encode(&[7; 32]) }, public(&two),
    ], "more": true });
    let set = KeySet::from_json(set.to_string()).unwrap();
    assert_eq!(set.len(), 2);
    assert!(set.contains(&one.verifying_key().with_key_id("another name")));
    assert_eq!(set.get("two").unwrap().algorithm(), Algorithm::EdDSA);
    assert!(set.get("three").is_none());

    let again = KeySet::from_json(set.to_json()).unwrap();
    assert_eq!(again.to_json(), set.to_json());
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[]}x"#,
    ] {
        assert!(KeySet::from_json(bad).is_err(), "{bad}");
    }
    let twice = [one.verifying_key(), two.verifying_key().with_key_id("one")];
    assert!(KeySet::new(twice).is_ok()); // the algorithm tells them apart
    let twin = SigningKey::generate(Algorithm::ES256)
        .unwrap()
        .with_key_id("one");
    let twins = KeySet::new([one.verifying_key(), twin.verifying_key()]);
    assert_eq!(twins.unwrap_err(), KeyError::DuplicateKeyId);
}

/// Large issuers publish RSA keys that do not say their algorithm.
#[test]
fn an_rsa_key_of_a_published_set_is_for_rs256() {
    let key = SigningKey::generate(Algorithm::RS256).unwrap();
    let mut jwk: Value =
        serde_json::from_str(&key.verifying_key().to_jwk().to_public_json().unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    let alone = Jwk::from_json(jwk.to_string()).unwrap();
    assert_eq!(
        VerifyingKey::from_jwk(&alone).unwrap_err(),
        KeyError::NoAlgorithm
    );
    let set = KeySet::from_json(json!({ "keys": [jwk] }).to_string()).unwrap();
    assert_eq!(set.iter().next().unwrap().algorithm(), Algorithm::RS256);
}

#[test]
fn broken_documents_are_refused_wherever_they_are_cut() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let key = SigningKey::generate(algorithm).unwrap();
        let private = key.to_pkcs8_der().unwrap();
        let public = key.verifying_key().to_spki_der().unwrap();
        for cut in 0..private.expose().len() {
            assert!(SigningKey::from_pkcs8_der(algorithm, &private.expose()[..cut]).is_err());
        }
        for cut in 0..public.len() {
            assert!(VerifyingKey::from_spki_der(algorithm, &public[..cut]).is_err());
        }
        let longer = [&public[..], &[0]].concat();
        assert!(VerifyingKey::from_spki_der(algorithm, &longer).is_err());
        let pem = key.verifying_key().to_pem().unwrap();
        for bad in [
            pem.replace("PUBLIC KEY", "CERTIFICATE"),
            pem.replacen("PUBLIC", "PRIVATE", 1),
            pem.replace("-----END", "----END"),
            format!("{pem}{pem}"),
            format!("x{pem}"),
            String::new(),
        ] {
            assert!(VerifyingKey::from_pem(algorithm, &bad).is_err(), "{bad}");
        }
    }
}

#[test]
fn a_key_id_can_be_any_text_and_is_quoted() {
    let key = SigningKey::generate(Algorithm::HS256)
        .unwrap()
        .with_key_id("a \"b\"\n\u{e9}");
    assert!(holds(&key, key.verifying_key()));
    let long = key.with_key_id("\u{e9}".repeat(200));
    assert_eq!(long.key_id().unwrap().len(), 256);
    let rules = Rules::new("i", "a", Algorithm::HS256);
    assert!(format!("{:?}", Verifier::new(rules, KeySet::default())).contains("Verifier"));
}
