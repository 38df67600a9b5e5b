//! Any text as a key or a set of keys, in JSON and PEM. What loads comes out as it went in.

#![no_main]

use countersign::{Algorithm, Jwk, KeySet, SigningKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(jwk) = Jwk::from_json(text) {
        let again = Jwk::from_json(jwk.to_json().expose()).unwrap();
        assert_eq!(again.thumbprint(), jwk.thumbprint());
        assert_eq!(again.key_id(), jwk.key_id());
        if let Some(public) = jwk.to_public_json() {
            assert!(!Jwk::from_json(public).unwrap().is_private());
        }
        let _ = SigningKey::from_jwk(&jwk);
        let _ = VerifyingKey::from_jwk(&jwk);
    }
    if let Ok(set) = KeySet::from_json(text) {
        assert_eq!(KeySet::from_json(set.to_json()).unwrap().len(), set.len());
    }
    let _ = KeySet::from_private_json(text);
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let _ = SigningKey::from_pem(algorithm, text);
        let _ = VerifyingKey::from_pem(algorithm, text);
        let _ = SigningKey::from_pkcs8_der(algorithm, text.as_bytes());
        let _ = VerifyingKey::from_spki_der(algorithm, text.as_bytes());
    }
});
