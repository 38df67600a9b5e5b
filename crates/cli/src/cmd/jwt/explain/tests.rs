use std::time::Duration;

use countersign::{Algorithm, KeySet, Signer, SigningKey, UnixTime};
use countersign_guard::wire::revocation::{Event, Kind};
use serde_json::{Value, json};

use super::check::{Asked, Check, ClaimsType, Outcome};
use super::facts::Facts;
use super::walk::walk;
use super::{Verdict, verdict};
use crate::cmd::issuer::ClaimArgs;

const ISSUER: &str = "https://id.example";
const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

struct Scene {
    key: SigningKey,
    facts: Result<Facts, String>,
}

impl Scene {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        let key = key.with_key_id("k-1");
        let facts = Facts {
            keys: KeySet::new([key.verifying_key()]).expect("a key set"),
            taken_back: Ok(Vec::new()),
            max_lifetime: Some(Duration::from_secs(600)),
            clock: None,
        };
        Self {
            key,
            facts: Ok(facts),
        }
    }

    fn sign(&self, claims: &Value) -> String {
        let signer = Signer::new(self.key.clone()).typ("at+jwt");
        signer.sign(claims).expect("a token")
    }

    fn taken_back(mut self, kind: Kind, value: &str) -> Self {
        let event = Event {
            kind,
            value: value.to_owned(),
            at: Some(NOW.as_secs() - 60),
            until: NOW.as_secs() + 60,
        };
        if let Ok(facts) = &mut self.facts {
            facts.taken_back = Ok(vec![event]);
        }
        self
    }

    fn explain(&self, token: &str) -> (Verdict, Vec<Check>) {
        self.explain_to(&asked(token))
    }

    fn explain_to(&self, asked: &Asked<'_>) -> (Verdict, Vec<Check>) {
        let mut checks = walk(asked, self.facts.as_ref().map_err(String::as_str), NOW);
        let verdict = verdict(asked, &self.facts, &mut checks, NOW).expect("a guard");
        (verdict, checks)
    }

    /// All that fails; the first must be what the guard says.
    #[track_caller]
    fn failures(&self, token: &str) -> Vec<&'static str> {
        let (verdict, checks) = self.explain(token);
        let failures: Vec<_> = checks.iter().filter_map(Check::failure).collect();
        match (verdict, failures.first()) {
            (Verdict::Accepted, None) => {}
            (Verdict::Refused { reason }, Some(first)) => assert_eq!(reason, *first),
            (_, first) => panic!("walk and guard do not agree: {first:?}"),
        }
        assert!(checks.iter().all(|check| check.name != "guard"));
        failures
    }
}

fn asked(token: &str) -> Asked<'_> {
    Asked {
        token,
        issuer: Some(ISSUER),
        audience: Some("api"),
        typ: Some("at+jwt"),
        leeway: 30,
        claims: ClaimsType::Access,
        names: ClaimArgs::default(),
    }
}

fn claims() -> Value {
    let now = NOW.as_secs();
    json!({
        "iss": ISSUER, "aud": "api", "sub": "u-1", "sid": "s-1", "jti": "j-1", "client_id": "web",
        "iat": now, "nbf": now, "exp": now + 600,
    })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

#[test]
fn a_good_token_fails_nothing() {
    let scene = Scene::new();
    assert!(scene.failures(&scene.sign(&claims())).is_empty());
}

#[test]
fn the_walk_finds_what_the_guard_finds() {
    let scene = Scene::new();
    let now = NOW.as_secs();
    for (claims, failing) in [
        (with("exp", now - 31), "expired"),
        (without("exp"), "missing_claim"),
        (with("nbf", now + 31), "not_yet_valid"),
        (with("exp", now + 601), "lifetime_too_long"),
        (without("iat"), "missing_claim"),
        (with("iss", "https://id.example/"), "wrong_issuer"),
        (without("iss"), "missing_claim"),
        (with("aud", json!(["other"])), "wrong_audience"),
        (without("aud"), "missing_claim"),
        (with("exp", "soon"), "bad_claim"),
        (with("exp", Value::Null), "bad_claim"),
    ] {
        let failures = scene.failures(&scene.sign(&claims));
        assert_eq!(failures.first(), Some(&failing), "{claims}");
    }
    let at_the_edge = with("exp", now - 29);
    assert!(scene.failures(&scene.sign(&at_the_edge)).is_empty());
}

#[test]
fn what_the_guard_reads_the_claims_into_decides_as_well() {
    let scene = Scene::new();
    for (claims, by_access, by_any) in [
        (without("jti"), Some("missing_claim"), None),
        (without("client_id"), Some("missing_claim"), None),
        (with("scope", json!(["a", "b"])), Some("bad_claim"), None),
        (with("roles", "admin"), Some("bad_claim"), None),
        (without("sub"), Some("missing_claim"), Some("missing_claim")),
        (with("sub", ""), None, Some("bad_claim")),
        (with("scope", "a b"), None, None),
    ] {
        let token = scene.sign(&claims);
        for (claims_type, expected) in [(ClaimsType::Access, by_access), (ClaimsType::Any, by_any)]
        {
            let asked = Asked {
                claims: claims_type,
                ..asked(&token)
            };
            let (verdict, checks) = scene.explain_to(&asked);
            let failing: Vec<_> = checks.iter().filter_map(Check::failure).collect();
            assert_eq!(failing.first().copied(), expected, "{claims}");
            assert!(checks.iter().all(|check| check.name != "guard"));
            match (verdict, expected) {
                (Verdict::Accepted, None) => {}
                (Verdict::Refused { reason }, Some(expected)) => assert_eq!(reason, expected),
                _ => panic!("the guard says something else of {claims}"),
            }
            let remedy = checks
                .iter()
                .any(|check| check.says.contains("--claims any"));
            let helps =
                claims_type == ClaimsType::Access && by_access.is_some() && by_any.is_none();
            assert_eq!(remedy, helps, "{claims}");
        }
    }
}

#[test]
fn what_fails_behind_the_first_failure_is_told_as_well() {
    let scene = Scene::new();
    let mut claims = claims();
    claims["exp"] = (NOW.as_secs() - 60).into();
    claims["nbf"] = (NOW.as_secs() + 60).into();
    claims["iss"] = "https://evil.example".into();
    claims["aud"] = "other".into();
    let all = ["expired", "not_yet_valid", "wrong_issuer", "wrong_audience"];
    assert_eq!(scene.failures(&scene.sign(&claims)), all);

    // Even under a signature that does not hold.
    let stranger = Scene::new();
    let forged = stranger.sign(&claims);
    let with_the_signature: Vec<_> = ["bad_signature"].into_iter().chain(all).collect();
    assert_eq!(scene.failures(&forged), with_the_signature);
}

#[test]
fn before_the_claims_the_first_failure_hides_the_rest() {
    let scene = Scene::new();
    let token = scene.sign(&claims());
    let other = SigningKey::generate(Algorithm::EdDSA).expect("a key");
    let typ = |key: &SigningKey, typ: &str| {
        let signer = Signer::new(key.clone()).typ(typ);
        signer.sign(&claims()).expect("a token")
    };
    let crit = format!(
        "{}.{}",
        countersign::base64url::encode(
            br#"{"alg":"ES256","kid":"k-1","typ":"at+jwt","crit":["x"]}"#
        ),
        token.split_once('.').expect("a dot").1
    );
    for (token, failing) in [
        (String::new(), "malformed"),
        ("a.b".to_owned(), "malformed"),
        (format!("{token}="), "malformed"),
        ("x".repeat(20_000), "too_large"),
        (crit, "unsupported_header"),
        (
            typ(&other.clone().with_key_id("k-2"), "at+jwt"),
            "unknown_key",
        ),
        (
            typ(&other.with_key_id("k-1"), "at+jwt"),
            "unsupported_algorithm",
        ),
        (typ(&scene.key, "JWT"), "wrong_type"),
        (typ(&scene.key, ""), "wrong_type"),
    ] {
        assert_eq!(scene.failures(&token), [failing], "{token:.80}");
    }
}

#[test]
fn whatever_was_taken_back_is_named_with_its_time() {
    for (kind, value, what) in [
        (Kind::Sid, "s-1", "the session s-1 ended 60 s ago"),
        (Kind::Sub, "u-1", "the user u-1 was disabled or deleted"),
        (Kind::Jti, "j-1", "the token j-1 was withdrawn"),
        (Kind::Kid, "k-1", "the key k-1 was withdrawn"),
    ] {
        let scene = Scene::new().taken_back(kind, value);
        let token = scene.sign(&claims());
        assert_eq!(scene.failures(&token), ["revoked"]);
        let (_, checks) = scene.explain(&token);
        let says = &checks.last().expect("checks").says;
        assert!(says.starts_with(what), "{says}");
    }
    let of_another = Scene::new().taken_back(Kind::Sid, "s-2");
    assert!(of_another.failures(&of_another.sign(&claims())).is_empty());
}

#[test]
fn without_the_issuers_word_a_token_is_never_said_to_be_accepted() {
    let mut scene = Scene::new();
    let token = scene.sign(&claims());
    scene.facts = Err("nobody was asked".to_owned());
    let (verdict, checks) = scene.explain(&token);
    assert!(matches!(verdict, Verdict::Unknown { .. }));
    for name in ["key", "signature", "revoked"] {
        let check = checks.iter().find(|check| check.name == name);
        let check = check.expect("it is told");
        assert!(check.outcome == Outcome::NotJudged, "{name}");
    }
    let expired = scene.sign(&with("exp", NOW.as_secs() - 60));
    let (verdict, _) = scene.explain(&expired);
    assert!(matches!(verdict, Verdict::Refused { reason: "expired" }));
}

#[test]
fn nothing_the_token_says_steers_the_terminal() {
    let scene = Scene::new();
    let evil = "\u{1b}[2J\u{202e}".repeat(100);
    let mut claims = claims();
    for name in ["iss", "aud", "sid", "exp"] {
        claims[name] = evil.as_str().into();
        let signer = Signer::new(scene.key.clone().with_key_id(&evil[..30])).typ(&evil);
        let token = signer.sign(&claims).expect("a token");
        for check in scene.explain(&token).1 {
            let plain = |c: char| !c.is_control() && c != '\u{202e}';
            assert!(check.says.chars().all(plain), "{:?}", check.says);
            assert!(check.says.chars().count() < 300, "{:?}", check.says);
        }
    }
}
