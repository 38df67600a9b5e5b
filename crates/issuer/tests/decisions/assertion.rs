use std::sync::Arc;
use std::time::Duration;

use countersign::{Algorithm, Jwk, Signer, SigningKey};
use countersign_issuer::{
    AssertionFault, Client, ClientSecret, OauthError, Refused,
    client::{Authentication, BadClient, ClientKeys, claimed_client},
};
use serde_json::{Value, json};

use crate::cast::at;
use crate::client::client;

const ISSUER: &str = "https://id.example";
const TOKEN: &str = "https://id.example/oauth/token";

struct Signs {
    key: SigningKey,
    client: Arc<Client>,
}

impl Signs {
    fn new(algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm).unwrap();
        let public = key.verifying_key().to_jwk().to_public_json().unwrap();
        let keys = ClientKeys::from_json(&format!("{{\"keys\":[{public}]}}")).unwrap();
        let client = Client {
            authentication: Authentication::Keys(keys),
            ..client(&ClientSecret::generate().unwrap())
        };
        Self {
            key,
            client: Arc::new(client),
        }
    }

    fn check(&self, assertion: &str, now: u64) -> Result<[u8; 32], Refused> {
        let audiences = [ISSUER, TOKEN];
        let checked = Client::check_assertion(Some(&self.client), assertion, audiences, at(now));
        checked.map(|unused| *unused.digest())
    }

    fn refused(&self, claims: &Value, now: u64) -> AssertionFault {
        let assertion = self.key.sign(claims).unwrap();
        match self.check(&assertion, now) {
            Err(Refused::BadAssertion(fault)) => fault,
            other => panic!("{claims}: {other:?}"),
        }
    }
}

fn claims() -> Value {
    json!({
        "iss": "reports", "sub": "reports", "aud": ISSUER, "jti": "1",
        "iat": at(0).as_secs(), "exp": at(60).as_secs(),
    })
}

/// The claims with another value of this one; without it, for `null`.
fn with(name: &str, value: &Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value.clone(),
    }
    claims
}

#[test]
fn a_proof_by_signature_is_good_while_no_key_is_taken_away() {
    let signs = Signs::new(Algorithm::ES256);
    let assertion = signs.key.sign(&claims()).unwrap();
    let unused = Client::check_assertion(Some(&signs.client), &assertion, [ISSUER, TOKEN], at(1));
    let proved = unused.unwrap().first_use(true).unwrap();
    let public = |key: &SigningKey| {
        let jwk = key.verifying_key().to_jwk().to_public_json();
        jwk.unwrap()
    };
    let (own, other) = (
        public(&signs.key),
        public(&SigningKey::generate(Algorithm::EdDSA).unwrap()),
    );
    let renewed = |keys: &str| {
        let keys = ClientKeys::from_json(&format!("{{\"keys\":[{keys}]}}")).unwrap();
        let client = Client {
            authentication: Authentication::Keys(keys),
            ..Client::clone(&signs.client)
        };
        proved.renewed(Some(&Arc::new(client)), at(1)).is_ok()
    };
    assert!(renewed(&own));
    assert!(renewed(&format!("{other},{own}")));
    assert!(!renewed(&other));
}

#[test]
fn a_client_proves_itself_with_its_key_once() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let signs = Signs::new(algorithm);
        let assertion = signs.key.sign(&claims()).unwrap();
        assert_eq!(claimed_client(&assertion).as_deref(), Some("reports"));
        let check = || {
            Client::check_assertion(Some(&signs.client), &assertion, [ISSUER, TOKEN], at(1))
                .unwrap()
        };
        let until = at(90).saturating_add(Duration::from_secs(300));
        assert_eq!(check().until(), until, "expired, and by slow clocks too");
        let proved = check().first_use(true).unwrap();
        assert_eq!(proved.client().client_id, "reports");
        let refused = check().first_use(false).unwrap_err();
        assert_eq!(refused, Refused::BadAssertion(AssertionFault::Used));
        assert_eq!(refused.oauth_error(), OauthError::InvalidClient);
        assert_eq!(refused.code(), "assertion_used");
    }
}

#[test]
fn the_token_endpoint_is_a_name_of_the_server_and_so_is_its_issuer_and_nothing_else() {
    let signs = Signs::new(Algorithm::ES256);
    for good in [json!(ISSUER), json!(TOKEN), json!([TOKEN])] {
        let assertion = signs.key.sign(&with("aud", &good)).unwrap();
        assert!(signs.check(&assertion, 1).is_ok(), "{good}");
    }
    for bad in [
        json!("https://id.example/"),
        json!("https://other.example"),
        json!([]),
    ] {
        let fault = signs.refused(&with("aud", &bad), 1);
        assert_eq!(fault.code(), "wrong_audience", "{bad}");
    }
    let several = with("aud", &json!([ISSUER, "https://other.example"]));
    let fault = signs.refused(&several, 1);
    assert_eq!(fault, AssertionFault::SeveralAudiences);
}

#[test]
fn what_rfc_7523_asks_for_is_asked_for() {
    let signs = Signs::new(Algorithm::ES256);
    let cases = [
        (with("iss", &json!("another")), "wrong_issuer"),
        (with("sub", &json!("another")), "assertion_subject"),
        (with("sub", &Value::Null), "missing_claim"),
        (with("jti", &Value::Null), "missing_claim"),
        (with("jti", &json!("")), "assertion_id"),
        (with("jti", &json!(7)), "bad_claim"),
        (with("exp", &Value::Null), "missing_claim"),
        (
            with("exp", &json!(at(3_700).as_secs())),
            "assertion_too_long",
        ),
        (with("nbf", &json!(at(100).as_secs())), "not_yet_valid"),
    ];
    for (claims, code) in cases {
        assert_eq!(signs.refused(&claims, 1).code(), code, "{claims}");
    }
    assert_eq!(signs.refused(&claims(), 90).code(), "expired");
    assert!(signs.check("not a token", 1).is_err());
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let forged = other.sign(&claims()).unwrap();
    assert!(signs.check(&forged, 1).is_err());
}

#[test]
fn a_token_of_another_kind_is_no_assertion() {
    let signs = Signs::new(Algorithm::ES256);
    let of_typ = |typ: &str| {
        let signer = Signer::new(signs.key.clone()).typ(typ);
        signs.check(&signer.sign(&claims()).unwrap(), 1)
    };
    assert!(of_typ("JWT").is_ok());
    assert!(of_typ("client-authentication+jwt").is_ok());
    let refused = of_typ("at+jwt").unwrap_err();
    assert_eq!(refused.code(), "wrong_type");
}

#[test]
fn two_clients_may_use_the_same_id() {
    let (one, other) = (Signs::new(Algorithm::ES256), Signs::new(Algorithm::ES256));
    let of = |signs: &Signs| signs.check(&signs.key.sign(&claims()).unwrap(), 1);
    assert_eq!(of(&one), of(&other), "the same client, the same id");
    let renamed = Signs {
        client: Arc::new(Client {
            client_id: "another".to_owned(),
            ..(*one.client).clone()
        }),
        key: one.key.clone(),
    };
    let mut theirs = with("sub", &json!("another"));
    theirs["iss"] = json!("another");
    let digest = renamed.check(&renamed.key.sign(&theirs).unwrap(), 1);
    assert!(digest.is_ok());
    assert_ne!(of(&one), digest);
}

#[test]
fn a_client_without_keys_proves_nothing_by_signing() {
    let signs = Signs::new(Algorithm::ES256);
    let assertion = signs.key.sign(&claims()).unwrap();
    let disabled = Client {
        disabled: true,
        ..(*signs.client).clone()
    };
    let secrets = client(&ClientSecret::generate().unwrap());
    for other in [None, Some(Arc::new(disabled)), Some(Arc::new(secrets))] {
        let audiences = [ISSUER, TOKEN];
        let refused = Client::check_assertion(other.as_ref(), &assertion, audiences, at(1));
        assert_eq!(refused.unwrap_err(), Refused::InvalidClient);
    }
}

#[test]
fn only_public_keys_for_signatures_are_taken() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let public = key.verifying_key().to_jwk().to_public_json().unwrap();
    let one = ClientKeys::from_json(&public).unwrap();
    let set = ClientKeys::from_json(&format!("{{\"keys\":[{public}]}}")).unwrap();
    assert_eq!(one, set);
    assert_eq!(ClientKeys::from_json(&set.to_json()), Ok(set));

    let private = key.to_jwk().to_json();
    let shared = r#"{"kty":"oct","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}"#;
    for secret in [private.expose(), shared] {
        assert_eq!(ClientKeys::from_json(secret), Err(BadClient::PrivateKey));
    }
    assert_eq!(
        ClientKeys::from_json(r#"{"keys":[]}"#),
        Err(BadClient::NoKey)
    );
    let rsa = SigningKey::generate(Algorithm::RS256).unwrap();
    let rsa = rsa.verifying_key().to_jwk().to_public_json().unwrap();
    assert!(ClientKeys::from_json(&rsa).is_ok());
    let without = rsa.replace(r#""alg":"RS256","#, "");
    assert!(Jwk::from_json(&without).is_ok() && without != rsa);
    let refused = ClientKeys::from_json(&without).unwrap_err();
    assert_eq!(refused.code(), "bad_key", "RSA keys say what they are for");
    for junk in ["", "[]", "{", r#"{"kty":"EC"}"#] {
        assert!(ClientKeys::from_json(junk).is_err(), "{junk}");
    }
}
