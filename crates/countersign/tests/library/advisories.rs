//! Published advisories about JWT libraries: each is a test by its id, of the same mistake here.

use countersign::{
    Algorithm, AlgorithmRule, AudienceRule, IssuerRule, Jwk, KeySet, Reason, Rules, Signer,
    SigningKey, UnixTime, Verifier, VerifyingKey, base64url,
};
use serde_json::{Value, json};

use crate::ground::any_rules;

const SECRET: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn hs256() -> Signer {
    Signer::new(SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap())
}

fn knowing(key: &SigningKey, rules: Rules) -> Verifier {
    Verifier::new(rules, KeySet::new([key.verifying_key()]).unwrap())
}

fn reason(verifier: &Verifier, token: &str) -> Option<Reason> {
    verifier
        .verify::<Value>(token, UnixTime::from_secs(100))
        .err()
        .map(|error| error.reason())
}

/// A token with this header over these claims, and a signature of the secret over whatever it says.
fn forged(header: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(&json!({ "exp": 200 })));
    let tag = hmac_sha256(secret, signed.as_bytes());
    format!("{signed}.{}", base64url::encode(&tag))
}

/// RFC 2104, for keys of any length.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    use countersign::crypto::sha256;
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad).to_vec();
    let inner = sha256(&[padded(0x36), message.to_vec()].concat());
    sha256(&[padded(0x5c), inner.to_vec()].concat())
}

/// CVE-2015-9235 (jsonwebtoken for node) and its kin: `none`, in any spelling, with or without a
/// signature.
#[test]
fn cve_2015_9235_there_is_no_none() {
    let known = knowing(hs256().key(), any_rules());
    for name in ["none", "None", "NONE", "nOnE", "", "null"] {
        let unsigned = forged(&json!({ "alg": name }), SECRET);
        let bare = unsigned.rsplit_once('.').unwrap().0;
        for token in [unsigned.clone(), format!("{bare}.")] {
            assert_eq!(
                reason(&known, &token),
                Some(Reason::UnsupportedAlgorithm),
                "{name}"
            );
        }
    }
}

/// CVE-2016-10555 (jwt-simple for node), CVE-2017-11424 and CVE-2022-29217 (PyJWT), CVE-2023-48223
/// and CVE-2026-34950 (fast-jwt), CVE-2024-37568 (Authlib): a public key, in any of its written forms, as an HMAC secret.
#[test]
fn cve_2016_10555_a_public_key_is_no_secret() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let key = SigningKey::generate(algorithm).unwrap().with_key_id("k");
        let known = knowing(&key, any_rules());
        let public = key.verifying_key();
        let pem = public.to_pem().unwrap();
        let forms = [
            pem.clone().into_bytes(),
            pem.trim_end().as_bytes().to_vec(),
            format!("  \n{pem}").into_bytes(),
            public.to_spki_der().unwrap(),
            public.to_jwk().to_public_json().unwrap().into_bytes(),
        ];
        for form in forms {
            for header in [json!({"alg": "HS256", "kid": "k"}), json!({"alg": "HS256"})] {
                let verdict = reason(&known, &forged(&header, &form));
                assert!(
                    matches!(
                        verdict,
                        Some(Reason::UnsupportedAlgorithm | Reason::UnknownKey)
                    ),
                    "{algorithm} {verdict:?}"
                );
            }
        }
    }
}

/// CVE-2022-23540 (jsonwebtoken for node): insecure defaults when the
/// algorithms are left out. Here they cannot be: `Rules::new` takes three arguments, each of a type
/// that has no default, which `tests/compile_fail` shows.
#[test]
fn cve_2022_23540_algorithms_are_never_left_out() {
    let known = knowing(
        hs256().key(),
        Rules::new("i", "a", Algorithm::ES256).without_expiry(),
    );
    let token = hs256().sign(&json!({ "iss": "i", "aud": "a" })).unwrap();
    assert_eq!(reason(&known, &token), Some(Reason::UnsupportedAlgorithm));
}

/// CVE-2018-0114 (node-jose), CVE-2026-27962 (Authlib): a key that the token brings.
#[test]
fn cve_2018_0114_a_token_brings_no_key() {
    let ours = SigningKey::generate(Algorithm::ES256).unwrap();
    let known = knowing(&ours, any_rules());
    let theirs = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwk: Value =
        serde_json::from_str(&theirs.verifying_key().to_jwk().to_public_json().unwrap()).unwrap();
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("x5u", json!("https://attacker.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        let signer = Signer::new(theirs.clone()).header(name, value).unwrap();
        let token = signer.sign(&json!({})).unwrap();
        assert_eq!(reason(&known, &token), Some(Reason::UnknownKey), "{name}");
        let named = Signer::new(theirs.clone().with_key_id(ours.key_id().unwrap()));
        let token = named.sign(&json!({})).unwrap();
        assert_eq!(reason(&known, &token), Some(Reason::BadSignature), "{name}");
    }
}

/// CVE-2026-25537 (jsonwebtoken for Rust): a date of the wrong type counted as absent.
#[test]
fn cve_2026_25537_a_date_of_the_wrong_type_is_refused_even_where_it_is_optional() {
    let known = knowing(hs256().key(), any_rules());
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!("99999999999"),
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(253_402_300_800_u64),
            json!(u64::MAX),
            json!(1e300),
        ] {
            let token = hs256().sign(&json!({ name: value })).unwrap();
            let refused = known
                .verify::<Value>(&token, UnixTime::from_secs(100))
                .unwrap_err();
            assert_eq!(
                (refused.reason(), refused.claim()),
                (Reason::BadClaim, Some(name)),
                "{value}"
            );
        }
    }
}

/// Keats/jsonwebtoken#493: asking for an audience did not require that there be one.
#[test]
fn jsonwebtoken_493_an_audience_asked_for_must_be_there() {
    let rules = Rules::new("i", "a", AlgorithmRule::of_the_keys()).without_expiry();
    let known = knowing(hs256().key(), rules);
    let refused = |claims: &Value| {
        let token = hs256().sign(claims).unwrap();
        known
            .verify::<Value>(&token, UnixTime::EPOCH)
            .err()
            .map(|e| (e.reason(), e.claim()))
    };
    assert_eq!(
        refused(&json!({ "iss": "i" })),
        Some((Reason::MissingClaim, Some("aud")))
    );
    assert_eq!(
        refused(&json!({ "aud": "a" })),
        Some((Reason::MissingClaim, Some("iss")))
    );
    for aud in [json!([]), json!(["b"]), json!("b"), json!("A"), json!("a ")] {
        let verdict = refused(&json!({ "iss": "i", "aud": aud }));
        assert_eq!(verdict, Some((Reason::WrongAudience, Some("aud"))), "{aud}");
    }
    for aud in [
        json!(null),
        json!(1),
        json!([1]),
        json!(["a", null]),
        json!({ "a": 1 }),
    ] {
        let verdict = refused(&json!({ "iss": "i", "aud": aud }));
        assert_eq!(verdict, Some((Reason::BadClaim, Some("aud"))), "{aud}");
    }
    assert_eq!(refused(&json!({ "iss": "i", "aud": ["b", "a"] })), None);
}

/// CVE-2024-53861 (PyJWT) compared issuers as substrings; CVE-2025-30144 (fast-jwt) took an array.
#[test]
fn cve_2024_53861_an_issuer_is_compared_whole() {
    let rules = Rules::new(
        "https://login.example",
        AudienceRule::any(),
        Algorithm::HS256,
    );
    let known = knowing(hs256().key(), rules.without_expiry());
    for (iss, expected) in [
        (json!("https://login.exampl"), Reason::WrongIssuer),
        (json!("https://login.example/"), Reason::WrongIssuer),
        (json!("login"), Reason::WrongIssuer),
        (json!(""), Reason::WrongIssuer),
        (json!(["https://login.example"]), Reason::BadClaim),
    ] {
        let token = hs256().sign(&json!({ "iss": iss })).unwrap();
        assert_eq!(reason(&known, &token), Some(expected), "{iss}");
    }
    // Escapes are another spelling of the same issuer, not another issuer.
    let token = hs256()
        .sign_payload(br#"{"iss":"https:\/\/login.example"}"#)
        .unwrap();
    assert_eq!(reason(&known, &token), None);
}

/// CVE-2025-59420 (Authlib), CVE-2026-32597 (PyJWT) and others: `crit` stored and not honoured.
#[test]
fn cve_2025_59420_critical_extensions_are_refused() {
    let known = knowing(hs256().key(), any_rules());
    for crit in [
        json!(["bork"]),
        json!(["b64"]),
        json!(["exp"]),
        json!([]),
        json!("b64"),
        json!(null),
    ] {
        let header = json!({ "alg": "HS256", "crit": crit, "bork": 1, "b64": true });
        let verdict = reason(&known, &forged(&header, SECRET));
        assert_eq!(verdict, Some(Reason::UnsupportedHeader), "{crit}");
    }
    let unencoded = forged(&json!({ "alg": "HS256", "b64": false }), SECRET);
    assert_eq!(reason(&known, &unencoded), Some(Reason::UnsupportedHeader));
}

/// CVE-2022-21449 ("psychic signatures", Java): r and s of zero.
#[test]
fn cve_2022_21449_signatures_of_zeros_are_refused() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::ES256K,
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let token = key.sign(&json!({})).unwrap();
        let (signed, made) = token.rsplit_once('.').unwrap();
        let length = base64url::decode(made).unwrap().len();
        for wrong in [
            vec![],
            vec![0],
            vec![0; length],
            vec![0xff; length],
            vec![0; length + 1],
        ] {
            let forged = format!("{signed}.{}", base64url::encode(&wrong));
            assert_eq!(
                reason(&knowing(&key, any_rules()), &forged),
                Some(Reason::BadSignature)
            );
        }
    }
}

/// CVE-2025-30204 (golang-jwt): texts that cost much before anything
/// was checked.
#[test]
fn cve_2025_30204_size_and_parts_come_first() {
    let known = knowing(hs256().key(), any_rules());
    assert_eq!(
        reason(&known, &".".repeat(16 * 1024 + 1)),
        Some(Reason::TooLarge)
    );
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        ". . .",
        &".".repeat(16 * 1024),
    ] {
        assert_eq!(reason(&known, text), Some(Reason::Malformed), "{text:.9}");
    }
}

/// CVE-2017-15361 (ROCA) and RFC 7518 §3.3: weak RSA keys; e = 1 signs nothing.
#[test]
fn cve_2017_15361_weak_rsa_keys_do_not_load() {
    let n = |bytes: &[u8]| base64url::encode(bytes);
    let honest = SigningKey::generate(Algorithm::RS256)
        .unwrap()
        .verifying_key()
        .to_jwk();
    let honest: Value = serde_json::from_str(&honest.to_public_json().unwrap()).unwrap();
    for (name, value) in [
        ("e", n(&[1])),
        ("e", n(&[2])),
        ("e", n(&[1, 0, 0])),
        ("e", n(&[1, 0, 0, 0, 0, 1])),
        ("n", n(&[0xff; 128])),
        ("n", n(&[0xff; 1025])),
        ("n", n(&[&[0][..], &[0xff; 256]].concat())),
        ("n", n(&[&[0xff; 255][..], &[0xfe]].concat())),
    ] {
        let mut jwk = honest.clone();
        jwk[name] = json!(value);
        let key = Jwk::from_json(jwk.to_string()).and_then(|jwk| VerifyingKey::from_jwk(&jwk));
        let code = key.map(|_| ()).unwrap_err().code();
        assert!(
            ["weak_rsa_key", "bad_member"].contains(&code),
            "{name} {code}"
        );
    }
}

/// CVE-2025-45768 and CVE-2025-45769 (PyJWT, php-jwt): short HMAC secrets accepted in silence.
#[test]
fn cve_2025_45768_short_secrets_need_their_own_door() {
    for (algorithm, least) in [
        (Algorithm::HS256, 32),
        (Algorithm::HS384, 48),
        (Algorithm::HS512, 64),
    ] {
        let secret = vec![7; least];
        assert!(SigningKey::from_secret(algorithm, &secret).is_ok());
        let short = &secret[1..];
        assert_eq!(
            SigningKey::from_secret(algorithm, short)
                .unwrap_err()
                .code(),
            "secret_too_short"
        );
        let jwk = json!({ "kty": "oct", "alg": algorithm, "k": base64url::encode(short) });
        let loaded = VerifyingKey::from_jwk(&Jwk::from_json(jwk.to_string()).unwrap());
        assert_eq!(loaded.unwrap_err().code(), "secret_too_short");
        assert!(SigningKey::from_weak_secret_insecurely(algorithm, b"secret").is_ok());
        assert!(SigningKey::from_weak_secret_insecurely(algorithm, b"").is_err());
    }
}

/// CVE-2022-39227 (python-jwt): a token that two parsers read differently; here also one whose
/// header or claims repeat a name, in one spelling or two.
#[test]
fn cve_2022_39227_one_token_has_one_meaning() {
    let known = knowing(hs256().key(), any_rules());
    for claims in [
        r#"{"sub":"a","sub":"b"}"#,
        r#"{"sub":"a","su\u0062":"b"}"#,
        r#"{"x":{"a":1,"a":2}}"#,
        r#"{"x":[{"a":1,"\u0061":2}]}"#,
        r#"{"sub":"a"}x"#,
        r#"{"sub":"a"}{}"#,
        "[]",
        r#""a""#,
        "",
    ] {
        let token = hs256().sign_payload(claims.as_bytes()).unwrap();
        assert_eq!(reason(&known, &token), Some(Reason::Malformed), "{claims}");
    }
    let twice = r#"{"alg":"HS256","alg":"none"}"#;
    let token = format!("{}.e30.AA", base64url::encode(twice.as_bytes()));
    assert_eq!(reason(&known, &token), Some(Reason::Malformed));
    let general = r#"{"payload":"e30","signatures":[]}"#;
    assert_eq!(reason(&known, general), Some(Reason::Malformed));
}

/// RFC 8725 §3.11: a token of one kind taken for another.
#[test]
fn rfc_8725_3_11_a_token_of_another_kind_is_refused() {
    let rules = Rules::new(IssuerRule::any(), AudienceRule::any(), Algorithm::HS256);
    let access = knowing(hs256().key(), rules.clone().typ("at+jwt").without_expiry());
    let plain = knowing(hs256().key(), rules.without_expiry());
    for (typ, at_access, at_plain) in [
        ("at+jwt", None, Some(Reason::WrongType)),
        ("application/at+jwt", None, Some(Reason::WrongType)),
        ("JWT", Some(Reason::WrongType), None),
        (
            "logout+jwt",
            Some(Reason::WrongType),
            Some(Reason::WrongType),
        ),
    ] {
        let token = hs256().typ(typ).sign(&json!({})).unwrap();
        assert_eq!(reason(&access, &token), at_access, "{typ}");
        assert_eq!(reason(&plain, &token), at_plain, "{typ}");
        // The second look goes by the header seen before, and must say the same.
        assert_eq!(reason(&access, &token), at_access, "{typ}");
    }
}

/// CVE-2026-48523 (PyJWT): a key for one algorithm used with another of its family.
#[test]
fn cve_2026_48523_one_key_has_one_algorithm() {
    let bound = SigningKey::generate(Algorithm::RS256).unwrap();
    let known = knowing(&bound, any_rules());
    let der = bound.to_pkcs8_der().unwrap();
    for other in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let same_numbers = SigningKey::from_pkcs8_der(other, der.expose()).unwrap();
        let token = same_numbers.sign(&json!({})).unwrap();
        assert_eq!(
            reason(&known, &token),
            Some(Reason::UnsupportedAlgorithm),
            "{other}"
        );
    }
    let jwk = bound.verifying_key().to_jwk();
    assert!(jwk.clone().for_algorithm(Algorithm::RS256).is_ok());
    assert_eq!(
        jwk.for_algorithm(Algorithm::PS256).unwrap_err().code(),
        "wrong_algorithm"
    );
}
