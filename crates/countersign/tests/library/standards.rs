//! The examples of RFC 7519, 7520, 7638, 7797, 8037 and 9964.

use countersign::{Jwk, Reason, Signer, SigningKey, VerifyingKey, base64url};
use serde_json::Value;

use crate::ground::{any_rules, vectors, verifier, verifier_for};

#[test]
fn rfc_7519_the_unsecured_jwt_is_refused_by_any_key() {
    let all = vectors("rfc/rfc7519.json");
    let known = verifier_for(&all[0]["key"], "HS256");
    assert!(
        known
            .verify_payload(all[0]["compact"].as_str().unwrap())
            .is_ok()
    );
    let unsecured = known
        .verify_payload(all[1]["compact"].as_str().unwrap())
        .unwrap_err();
    assert_eq!(unsecured.reason(), Reason::UnsupportedAlgorithm);
}

/// Figures of §4 with a compact form; §4.5 (detached), 4.7 and 4.8 (JSON only) have none.
#[test]
fn rfc_7520_signatures_hold_and_come_out_the_same_where_they_can() {
    let files = [
        "jws/4_1.rsa_v15_signature.json",
        "jws/4_2.rsa-pss_signature.json",
        "jws/4_3.ecdsa_signature.json",
        "jws/4_4.hmac-sha2_integrity_protection.json",
        "curve25519/jws.json",
    ];
    for file in files {
        let example = vectors(&format!("jose-cookbook/{file}"));
        let input = &example["input"];
        let known = verifier_for(&input["key"], input["alg"].as_str().unwrap());
        let token = example["output"]["compact"].as_str().unwrap();
        let payload = input["payload"].as_str().unwrap();
        assert_eq!(
            known.verify_payload(token).unwrap(),
            payload.as_bytes(),
            "{file}"
        );
    }
}

#[test]
fn rfc_7520_detached_content_is_refused() {
    let example = vectors("jose-cookbook/jws/4_5.signature_with_detached_content.json");
    let known = verifier_for(&example["input"]["key"], "HS256");
    let token = example["output"]["compact"].as_str().unwrap();
    assert_eq!(
        known.verify_payload(token).unwrap_err().reason(),
        Reason::BadSignature
    );
}

#[test]
fn rfc_7520_keys_are_read_and_written_again() {
    for file in [
        "3_1.ec_public_key",
        "3_2.ec_private_key",
        "3_3.rsa_public_key",
        "3_4.rsa_private_key",
        "3_5.symmetric_key_mac_computation",
    ] {
        let written = vectors(&format!("jose-cookbook/jwk/{file}.json"));
        let jwk = Jwk::from_json(written.to_string()).unwrap();
        let again: Value = serde_json::from_str(jwk.to_json().expose()).unwrap();
        assert_eq!(again, written, "{file}");
    }
}

#[test]
fn rfc_7638_thumbprints() {
    let mut seen = 0;
    for example in vectors("rfc/thumbprints.json").as_array().unwrap() {
        let Ok(jwk) = Jwk::from_json(example["jwk"].to_string()) else {
            continue;
        };
        assert_eq!(
            base64url::encode(&jwk.thumbprint()),
            example["thumbprint_sha256"]
        );
        seen += 1;
    }
    assert_eq!(seen, if cfg!(feature = "ml-dsa") { 5 } else { 2 });
}

#[test]
fn rfc_7797_unencoded_payloads_are_refused() {
    let all = vectors("rfc/rfc7797.json");
    let known = verifier_for(&all[0]["key"], "HS256");
    assert_eq!(
        known
            .verify_payload(all[0]["compact"].as_str().unwrap())
            .unwrap(),
        b"$.02"
    );
    let detached = known.verify_payload(all[1]["detached_compact"].as_str().unwrap());
    assert_eq!(detached.unwrap_err().reason(), Reason::UnsupportedHeader);
}

#[test]
fn rfc_8037_the_signature_comes_out_the_same() {
    let example = &vectors("rfc/rfc8037.json")[0];
    let key = &example["jwk_private"];
    let token = example["compact"].as_str().unwrap();
    let payload = example["payload_utf8"].as_str().unwrap().as_bytes();
    assert_eq!(
        verifier(key).unwrap().verify_payload(token).unwrap(),
        payload
    );

    // Our header differs, so it is the signature over ours that the same key must accept.
    let signing = SigningKey::from_jwk(&Jwk::from_json(key.to_string()).unwrap()).unwrap();
    let own = Signer::new(signing.clone()).sign_payload(payload).unwrap();
    let keys = countersign::KeySet::new([signing.verifying_key()]).unwrap();
    let known = countersign::Verifier::new(any_rules(), keys);
    assert_eq!(known.verify_payload(&own).unwrap(), payload);
}

#[cfg(feature = "ml-dsa")]
#[test]
fn rfc_9964_the_examples_hold_and_keys_come_from_their_seeds() {
    for set in ["44", "65", "87"] {
        let example = vectors(&format!("ml-dsa-jose/ML_DSA_{set}.jose.json"));
        let known = verifier(&example["jwk"]).unwrap();
        let token = example["jws"].as_str().unwrap();
        assert!(known.verify_payload(token).is_ok(), "{set}");

        let signing =
            SigningKey::from_jwk(&Jwk::from_json(example["jwk"].to_string()).unwrap()).unwrap();
        assert_eq!(signing.key_id(), example["jwk"]["kid"].as_str());
        let own = Signer::new(signing.clone()).sign_payload(b"{}").unwrap();
        assert!(known.verify_payload(&own).is_ok(), "{set}");

        let der = signing.to_pkcs8_der().unwrap();
        let again = SigningKey::from_pkcs8_der(signing.algorithm(), der.expose()).unwrap();
        assert_eq!(
            again.verifying_key().thumbprint(),
            signing.verifying_key().thumbprint()
        );
    }
}

#[test]
fn a_public_key_says_the_same_in_all_its_forms() {
    let example = vectors("jose-cookbook/jwk/3_3.rsa_public_key.json");
    let jwk = Jwk::from_json(example.to_string()).unwrap();
    let jwk = jwk.for_algorithm(countersign::Algorithm::RS256).unwrap();
    let key = VerifyingKey::from_jwk(&jwk).unwrap();
    let again = VerifyingKey::from_pem(key.algorithm(), &key.to_pem().unwrap()).unwrap();
    assert_eq!(again.thumbprint(), key.thumbprint());
    assert_eq!(key.key_id(), Some("bilbo.baggins@hobbiton.example"));
}
