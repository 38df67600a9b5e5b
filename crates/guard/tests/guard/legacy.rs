//! The bridge from an older system: its tokens beside the new ones, until a date.

use countersign::{AccessClaims, Algorithm, SigningKey};
use countersign_guard::{Guard, GuardError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::issuer::{Issuer, NOW, bearer, seconds, with};

const SECRET: &str = "your-secret-key";

/// Holds what both kinds of token say.
#[derive(Deserialize)]
struct Person {
    #[serde(rename = "preferred_username", alias = "user")]
    name: String,
}

fn old_token(claims: &Value) -> String {
    SigningKey::from_weak_secret_insecurely(Algorithm::HS256, SECRET.as_bytes())
        .expect("any length")
        .sign(claims)
        .expect("a token")
}

fn old_claims() -> Value {
    json!({ "user": "ada", "exp": NOW.as_secs() + 86_400 })
}

fn bridge(issuer: &Issuer) -> Guard<Person> {
    issuer
        .builder()
        .legacy_secret(SECRET, NOW.saturating_add(seconds(3_600)))
        .claims()
        .build()
        .expect("a guard")
}

#[test]
fn both_kinds_pass_until_the_date_and_then_only_the_new_one() {
    let issuer = Issuer::new();
    let guard = bridge(&issuer);
    let (old, new) = (bearer(&old_token(&old_claims())), bearer(&issuer.token()));
    assert_eq!(guard.check(&new, NOW).expect("the new kind").name, "ada");
    for _ in 0..2 {
        assert_eq!(guard.check(&old, NOW).expect("the old kind").name, "ada");
    }
    assert_eq!(guard.counts().accepted_legacy, 2);
    assert_eq!(guard.counts().accepted, 3);

    let end = NOW.saturating_add(seconds(3_600));
    let refusal = guard.check(&old, end).expect_err("the date has come");
    assert_eq!(refusal.reason_code(), "legacy_ended");
    assert_eq!(refusal.status(), http::StatusCode::UNAUTHORIZED);
    let later = issuer.sign(&issuer.claims(end));
    assert!(guard.check(&bearer(&later), end).is_ok());
    assert_eq!(guard.counts().refused_for("legacy_ended"), 1);
}

#[test]
fn an_old_token_is_checked_as_far_as_it_can_be() {
    let issuer = Issuer::new();
    let guard = bridge(&issuer);
    let code = |token: &str| {
        guard
            .check(&bearer(token), NOW)
            .err()
            .map(|it| it.reason_code())
    };
    let expired = with(old_claims(), "exp", json!(NOW.as_secs() - 31));
    assert_eq!(code(&old_token(&expired)), Some("expired"));
    assert_eq!(
        code(&old_token(&with(old_claims(), "exp", Value::Null))),
        Some("missing_claim")
    );
    let other = SigningKey::from_secret(Algorithm::HS256, &[7; 32]).expect("long enough");
    assert_eq!(
        code(&other.sign(&old_claims()).expect("a token")),
        Some("bad_signature")
    );
}

#[test]
fn whoever_knows_the_old_secret_cannot_speak_for_the_new_issuer() {
    let issuer = Issuer::new();
    let guard = bridge(&issuer);
    let forged = old_token(&issuer.claims(NOW));
    assert!(guard.check(&bearer(&forged), NOW).is_err());
    let unknown = issuer.token_with("iss", json!("https://other.example"));
    let refusal = guard
        .check(&bearer(&unknown), NOW)
        .expect_err("neither old nor known");
    assert_eq!(refusal.reason_code(), "wrong_issuer");
}

#[test]
fn without_the_bridge_an_old_token_is_nothing() {
    let issuer = Issuer::new();
    let guard: Guard<Person> = issuer.builder().claims().build().expect("a guard");
    assert!(
        guard
            .check(&bearer(&old_token(&old_claims())), NOW)
            .is_err()
    );
}

/// As `docs/guides/axum.md` has it; and as it had it once, which let none of them in.
#[test]
fn the_tutorials_tokens_need_a_claims_type_that_fits_them() {
    let issuer = Issuer::new();
    let last_day = NOW.saturating_add(seconds(3_600));
    let old = bearer(&old_token(&old_claims()));

    let builder = issuer.builder().claims::<Person>();
    let guard = builder.legacy_secret(SECRET, last_day).build();
    let caller = guard.expect("a guard").check(&old, NOW);
    let caller = caller.expect("the guide's form lets it in");
    assert_eq!(caller.name, "ada");
    assert_eq!(caller.subject(), None, "the claim `sub` is not there");

    // A type that holds none of them is no guard's, whether it was named or not.
    for builder in [issuer.builder(), issuer.builder().claims::<AccessClaims>()] {
        let error = builder.legacy_secret(SECRET, last_day).build();
        let error = error.expect_err("nobody would get in");
        assert!(matches!(error, GuardError::LegacyClaims));
        assert_eq!(error.code(), "legacy_claims");
        assert!(error.to_string().contains(".claims::<YourClaims>()"));
    }
}

#[test]
fn the_guide_shows_the_form_that_is_tested_here() {
    let guide = include_str!("../../../../docs/guides/axum.md");
    let (_, passage) = guide
        .split_once("## The tokens of before")
        .expect("the passage");
    let (passage, _) = passage.split_once("\n## ").expect("its end");
    for line in [
        r#"#[serde(rename = "preferred_username", alias = "user")]"#,
        ".claims::<Person>()",
        ".legacy_secret(secret, last_day)",
    ] {
        assert!(passage.contains(line), "{line}");
    }
}
