//! The header of a verified token: what stands in it, whoever wrote it, and no word of another's.

use countersign::crypto::MacKey;
use countersign::{
    Algorithm, KeySet, Reason, Signer, SigningKey, UnixTime, Verifier, VerifyingKey, base64url,
};
use serde_json::{Value, json};

use crate::ground::any_rules;

const SECRET: [u8; 32] = *b"a secret of thirty-two bytes ...";

fn known() -> Verifier {
    let key = VerifyingKey::from_secret(Algorithm::HS256, &SECRET).unwrap();
    Verifier::new(any_rules(), KeySet::new([key.with_key_id("ours")]).unwrap())
}

/// A token with just this text for its header, signed by us.
fn token(header: &str) -> String {
    let encoded = base64url::encode(header.as_bytes());
    let signed = format!("{encoded}.{}", base64url::encode(br#"{"exp":9}"#));
    let mac = MacKey::new(&SECRET).mac(&[signed.as_bytes()]);
    format!("{signed}.{}", base64url::encode(&mac))
}

#[test]
fn a_header_is_told_as_the_token_has_it() {
    let known = known();
    for (text, key_id, typ) in [
        (r#"{"alg":"HS256"}"#, None, None),
        (
            r#"{"alg":"HS256","kid":"ours","typ":"JWT"}"#,
            Some("ours"),
            Some("JWT"),
        ),
        (
            r#" { "typ": "application/\u0041T+jwt", "alg": "HS256", "kid": "\u006furs" } "#,
            Some("ours"),
            Some("application/AT+jwt"),
        ),
    ] {
        let token = token(text);
        // The second time the header's text is known, and nothing of it is read for the check.
        for _ in 0..2 {
            let verified = known.verify::<Value>(&token, UnixTime::EPOCH).unwrap();
            let header = verified.header();
            assert_eq!(header.algorithm(), Algorithm::HS256, "{text}");
            assert_eq!(header.key_id(), key_id, "{text}");
            assert_eq!(header.typ(), typ, "{text}");
            assert_eq!(verified.key().key_id(), Some("ours"), "{text}");
            assert!(verified.is_of(&token));
        }
    }
}

#[test]
fn any_parameter_is_read_by_name() {
    let known = known();
    let token = token(r#"{"alg":"HS256","x":{"y":[1,2]},"jku":"https://evil.example","cty":null}"#);
    let mut buffer = Vec::new();
    let verified = known
        .verify_in::<Value>(&token, UnixTime::EPOCH, &mut buffer)
        .unwrap();
    let header = verified.header();
    assert_eq!(
        header.parameter::<Value>("x").unwrap(),
        Some(json!({ "y": [1, 2] }))
    );
    let jku = header.parameter::<String>("jku").unwrap();
    assert_eq!(jku.as_deref(), Some("https://evil.example"));
    assert_eq!(header.parameter::<String>("cty").unwrap(), None);
    assert_eq!(header.parameter::<String>("absent").unwrap(), None);
    let unfit = header.parameter::<u64>("jku").unwrap_err();
    assert_eq!(unfit.reason(), Reason::Malformed);
    assert!(!unfit.to_string().contains("evil"));
}

#[test]
fn two_signers_headers_are_not_mixed_up() {
    let keys = ["one", "two"].map(|name| {
        SigningKey::generate(Algorithm::EdDSA)
            .unwrap()
            .with_key_id(name)
    });
    let set = KeySet::new(keys.iter().map(SigningKey::verifying_key)).unwrap();
    let known = Verifier::new(any_rules(), set);
    for (key, typ) in keys.iter().zip(["JWT", "at+jwt"]) {
        let token = Signer::new(key.clone())
            .typ(typ)
            .sign(&json!({ "exp": 9 }))
            .unwrap();
        let verified = known.verify::<Value>(&token, UnixTime::EPOCH).unwrap();
        assert_eq!(verified.header().key_id(), key.key_id());
        assert_eq!(verified.header().typ(), Some(typ));
    }
}
