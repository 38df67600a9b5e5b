//! What is let in and what is not.

use std::time::Duration;

use countersign::{AccessClaims, Algorithm, KeySet, SigningKey, VerifyingKey};
use countersign_guard::{
    Caller, Guard, GuardBuilder, GuardError, KeyHandle, Kind, Requirements, RevokedHandle,
    TrustedIssuer, identity_headers,
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, Issuer, NAME, NOW, authorization, bearer, seconds, tampered, with};

#[track_caller]
fn refused<C: serde::de::DeserializeOwned>(guard: &Guard<C>, headers: &HeaderMap, code: &str) {
    let refusal = guard.check(headers, NOW).expect_err(code);
    assert_eq!(refusal.reason_code(), code, "{refusal}");
}

#[test]
fn a_good_token_makes_a_caller_with_all_it_says() {
    let issuer = Issuer::new();
    let caller = issuer
        .guard()
        .check(&bearer(&issuer.token()), NOW)
        .expect("a good token");
    assert_eq!(caller.subject(), Some("u-1"));
    assert_eq!(caller.username(), Some("ada"));
    assert_eq!(caller.session_id(), Some("s-1"));
    assert_eq!(caller.expires_at(), Some(NOW.saturating_add(seconds(600))));
    assert!(caller.has_scope("orders:read") && caller.has_scope("orders:write"));
    assert!(!caller.has_scope("orders") && !caller.has_scope("orders:read orders:write"));
    assert!(caller.has_role("clerk") && !caller.has_role("admin"));
    assert_eq!(caller.client_id(), "web", "it dereferences to the claims");
}

#[test]
fn a_proxy_learns_all_of_a_caller_and_overwrites_all_of_a_pretender() {
    let issuer = Issuer::new();
    let roles = issuer.token_with("roles", json!(["clerk", "a,b"]));
    let caller = issuer
        .guard()
        .check(&bearer(&roles), NOW)
        .expect("a good token");
    let headers = identity_headers(Some(&caller));
    assert_eq!(headers["x-auth-subject"], "u-1");
    assert_eq!(headers["x-auth-username"], "ada");
    assert_eq!(headers["x-auth-roles"], "clerk,a%2Cb");
    assert_eq!(headers["x-auth-scope"], "orders:read orders:write");

    let nobody = identity_headers(None::<&Caller>);
    assert_eq!(nobody.len(), headers.len());
    assert!(nobody.values().all(http::HeaderValue::is_empty));
}

#[test]
fn the_header_must_hold_exactly_one_bearer_token() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let token = issuer.token();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let headers = authorization([&format!("{scheme} {token}")]);
        assert!(guard.check(&headers, NOW).is_ok(), "{scheme}");
    }
    let of = |template: &str| template.replace("TOKEN", &token);
    refused(&guard, &HeaderMap::new(), "missing_token");
    refused(
        &guard,
        &authorization(["Basic dXNlcjpwYXNz"]),
        "missing_token",
    );
    refused(&guard, &authorization(["Bearer"]), "malformed_request");
    refused(
        &guard,
        &authorization([&of("Bearer\tTOKEN")]),
        "malformed_request",
    );
    refused(
        &guard,
        &authorization([&of("Bearer TOKEN extra")]),
        "malformed_request",
    );
    refused(
        &guard,
        &authorization([&of("Bearer TOKEN, Bearer TOKEN")]),
        "repeated_token",
    );
    let twice = of("Bearer TOKEN");
    refused(&guard, &authorization([&twice, &twice]), "repeated_token");
    refused(
        &guard,
        &authorization([&twice, "Basic x"]),
        "repeated_token",
    );
}

#[test]
fn what_verification_finds_is_the_reason() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let past = NOW.as_secs() - 31;
    for (token, code) in [
        (issuer.token_with("exp", json!(past)), "expired"),
        (
            issuer.token_with("nbf", json!(NOW.as_secs() + 31)),
            "not_yet_valid",
        ),
        (issuer.token_with("aud", json!("billing")), "wrong_audience"),
        (
            issuer.token_with("iss", json!("https://id.example/")),
            "wrong_issuer",
        ),
        (issuer.token_with("exp", Value::Null), "missing_claim"),
        (issuer.sign_typ("JWT", &issuer.claims(NOW)), "wrong_type"),
        (tampered(&issuer.token()), "bad_signature"),
        (Issuer::new().token(), "unknown_key"),
        ("not-a-token".to_owned(), "malformed"),
        (format!("{}.{}.", "A".repeat(20_000), "A"), "too_large"),
    ] {
        refused(&guard, &bearer(&token), code);
        // Nor does it pass on a second look: only good verdicts are remembered.
        refused(&guard, &bearer(&token), code);
    }
}

#[test]
fn the_leeway_is_thirty_seconds_unless_set() {
    let issuer = Issuer::new();
    let token = issuer.token_with("exp", json!(NOW.as_secs() - 29));
    assert!(issuer.guard().check(&bearer(&token), NOW).is_ok());
    let strict = issuer
        .builder()
        .leeway(seconds(0))
        .build()
        .expect("a guard");
    refused(&strict, &bearer(&token), "expired");
}

#[test]
fn each_way_of_taking_back_is_refused_and_nothing_else_is() {
    let issuer = Issuer::new();
    let kid = issuer
        .key
        .verifying_key()
        .key_id()
        .expect("a thumbprint")
        .to_owned();
    for (kind, value) in [
        (Kind::Sid, "s-1"),
        (Kind::Sub, "u-1"),
        (Kind::Jti, "t-1"),
        (Kind::Kid, kid.as_str()),
    ] {
        let revoked = RevokedHandle::new();
        let guard = issuer
            .builder()
            .revocations(revoked.clone())
            .build()
            .expect("a guard");
        let headers = bearer(&issuer.token());
        revoked.merge([(kind, "another".to_owned(), NOW.saturating_add(seconds(900)))]);
        assert!(guard.check(&headers, NOW).is_ok(), "{kind} of another");
        revoked.merge([(kind, value.to_owned(), NOW.saturating_add(seconds(900)))]);
        refused(&guard, &headers, "revoked");
    }
}

#[test]
fn a_name_that_json_writes_with_escapes_is_taken_back_all_the_same() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    let guard = issuer
        .builder()
        .revocations(revoked.clone())
        .build()
        .expect("a guard");
    let headers = bearer(&issuer.token_with("sub", json!("a \"quoted\" \\ name\n")));
    assert!(guard.check(&headers, NOW).is_ok());
    let name = "a \"quoted\" \\ name\n".to_owned();
    revoked.merge([(Kind::Sub, name, NOW.saturating_add(seconds(900)))]);
    refused(&guard, &headers, "revoked");
}

#[test]
fn a_session_that_ended_is_refused_from_the_next_request_on_cached_or_not() {
    let issuer = Issuer::new();
    for cache in [None, Some(16)] {
        let revoked = RevokedHandle::new();
        let builder = issuer.builder().revocations(revoked.clone()).cache(cache);
        let guard = builder.build().expect("a guard");
        let headers = bearer(&issuer.token());
        let caller = guard.check(&headers, NOW).expect("not ended yet");
        assert!(guard.recheck(&caller, NOW).is_ok());
        revoked.merge([(
            Kind::Sid,
            "s-1".to_owned(),
            NOW.saturating_add(seconds(900)),
        )]);
        refused(&guard, &headers, "revoked");
        let refusal = guard
            .recheck(&caller, NOW)
            .expect_err("the connection must close");
        assert_eq!(refusal.reason_code(), "revoked");
    }
}

#[test]
fn a_clock_that_is_set_back_brings_back_what_was_taken_back() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    revoked.merge([(Kind::Sid, "s-1".to_owned(), NOW.saturating_add(seconds(60)))]);
    let builder = issuer.builder().revocations(revoked);
    let guard = builder.build().expect("a guard");
    let headers = bearer(&issuer.token());
    let later = NOW.saturating_add(seconds(60));
    for _ in 0..2 {
        assert!(guard.check(&headers, later).is_ok(), "its time is past");
    }
    refused(&guard, &headers, "revoked");
}

#[test]
fn whoever_is_being_checked_all_the_time_is_refused_once_taking_back_is_done() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    let builder = issuer.builder().revocations(revoked.clone());
    let guard = builder.build().expect("a guard");
    for n in 0..100 {
        let session = format!("session-{n}");
        let headers = bearer(&issuer.token_with("sid", json!(session)));
        assert!(guard.check(&headers, NOW).is_ok());
        std::thread::scope(|scope| {
            scope.spawn(|| while guard.check(&headers, NOW).is_ok() {});
            revoked.merge([(Kind::Sid, session, NOW.saturating_add(seconds(900)))]);
            refused(&guard, &headers, "revoked");
        });
    }
}

#[test]
fn a_long_connection_ends_with_its_token_and_with_its_key() {
    let issuer = Issuer::new();
    let keys = KeyHandle::fixed(issuer.key_set());
    let guard = Guard::builder(NAME, AUDIENCE)
        .keys(keys.clone())
        .build()
        .expect("a guard");
    let caller = guard
        .check(&bearer(&issuer.token()), NOW)
        .expect("a good token");
    let code = |now| {
        guard
            .recheck(&caller, now)
            .expect_err("too late")
            .reason_code()
    };
    assert!(
        guard
            .recheck(&caller, NOW.saturating_add(seconds(629)))
            .is_ok()
    );
    assert_eq!(code(NOW.saturating_add(seconds(630))), "expired");
    keys.replace(Issuer::new().key_set());
    assert_eq!(code(NOW), "unknown_key");
    let other = issuer.guard();
    assert!(
        other.recheck(&caller, NOW).is_err(),
        "another guard's caller is nobody here"
    );
}

#[test]
fn a_token_that_is_good_for_longer_than_allowed_is_refused() {
    let issuer = Issuer::new();
    let guard = issuer
        .builder()
        .max_lifetime(seconds(600))
        .build()
        .expect("a guard");
    assert!(guard.check(&bearer(&issuer.token()), NOW).is_ok());
    let long = issuer.token_with("exp", json!(NOW.as_secs() + 601));
    refused(&guard, &bearer(&long), "lifetime_too_long");
}

#[test]
fn claims_of_the_applications_own_are_read_or_refused() {
    #[derive(Deserialize)]
    struct Tenant {
        tenant: u32,
    }
    let issuer = Issuer::new();
    let guard = issuer
        .builder()
        .claims::<Tenant>()
        .build()
        .expect("a guard");
    let token = issuer.token_with("tenant", json!(7));
    assert_eq!(
        guard.check(&bearer(&token), NOW).expect("a tenant").tenant,
        7
    );
    assert!(guard.check(&bearer(&issuer.token()), NOW).is_err());
}

#[test]
fn what_is_waived_by_name_is_not_asked() {
    let issuer = Issuer::new();
    let claims = with(
        with(issuer.claims(NOW), "iss", json!("x")),
        "aud",
        json!("y"),
    );
    let token = issuer.sign_typ("JWT", &claims);
    refused(&issuer.guard(), &bearer(&token), "wrong_type");
    let guard = issuer
        .builder()
        .any_issuer()
        .any_audience()
        .any_typ()
        .build()
        .expect("a guard");
    assert!(guard.check(&bearer(&token), NOW).is_ok());
}

#[test]
fn an_algorithm_that_is_not_listed_is_refused_even_with_the_right_key() {
    let issuer = Issuer::new();
    let guard = issuer
        .builder()
        .algorithms([Algorithm::EdDSA])
        .build()
        .expect("a guard");
    assert!(guard.check(&bearer(&issuer.token()), NOW).is_err());
    let guard = issuer
        .builder()
        .algorithms([Algorithm::ES256])
        .build()
        .expect("a guard");
    assert!(guard.check(&bearer(&issuer.token()), NOW).is_ok());
}

#[test]
fn a_guard_with_a_shared_secret_takes_the_tutorials_tokens() {
    #[derive(Deserialize)]
    struct User {
        user: String,
    }
    let secret = b"a secret of thirty-two bytes, at least";
    let key = SigningKey::from_secret(Algorithm::HS256, secret).expect("long enough");
    let token = key
        .sign(&json!({ "user": "ada", "exp": NOW.as_secs() + 60 }))
        .expect("a token");
    let guard = Guard::builder("", "")
        .any_issuer()
        .any_audience()
        .any_typ()
        .key(VerifyingKey::from_secret(Algorithm::HS256, secret).expect("long enough"))
        .claims::<User>()
        .build()
        .expect("a guard");
    assert_eq!(
        guard
            .check(&bearer(&token), NOW)
            .expect("the secret's")
            .user,
        "ada"
    );
}

#[test]
fn several_issuers_judge_their_own_tokens_only() {
    let (first, second) = (Issuer::new(), Issuer::named("https://other.example"));
    let revoked = RevokedHandle::new();
    let guard = first
        .builder()
        .also(
            TrustedIssuer::new(&second.name, "billing")
                .key(second.key.verifying_key())
                .revocations(revoked.clone()),
        )
        .build()
        .expect("a guard");
    assert!(guard.check(&bearer(&first.token()), NOW).is_ok());
    let seconds_own = second.token_with("aud", json!("billing"));
    assert!(guard.check(&bearer(&seconds_own), NOW).is_ok());

    refused(&guard, &bearer(&second.token()), "wrong_audience");
    refused(
        &guard,
        &bearer(&second.token_with("iss", json!(NAME))),
        "unknown_key",
    );
    refused(
        &guard,
        &bearer(&first.token_with("iss", json!("https://x"))),
        "wrong_issuer",
    );
    refused(
        &guard,
        &bearer(&first.token_with("iss", Value::Null)),
        "wrong_issuer",
    );
    refused(&guard, &bearer("not-a-token"), "malformed");

    revoked.merge([(
        Kind::Sub,
        "u-1".to_owned(),
        NOW.saturating_add(seconds(900)),
    )]);
    refused(&guard, &bearer(&seconds_own), "revoked");
    assert!(
        guard.check(&bearer(&first.token()), NOW).is_ok(),
        "the same name elsewhere"
    );
}

#[test]
fn requirements_are_met_or_named() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let caller = guard
        .check(&bearer(&issuer.token()), NOW)
        .expect("a good token");
    let code = |requirements: Requirements<AccessClaims>| {
        guard
            .require(&caller, &requirements)
            .err()
            .map(|refusal| refusal.reason_code())
    };
    let new = Requirements::new;
    assert_eq!(code(new()), None);
    assert_eq!(code(new().scope("orders:read").role("clerk")), None);
    assert_eq!(code(new().any_scope(["admin", "orders:read"])), None);
    assert_eq!(code(new().any_role(["admin", "clerk"])), None);
    assert_eq!(
        code(new().rule("named ada", |caller| caller.username() == Some("ada"))),
        None
    );
    assert_eq!(
        code(new().scope("orders:read").scope("admin")),
        Some("insufficient_scope")
    );
    assert_eq!(
        code(new().any_scope(["a", "b"])),
        Some("insufficient_scope")
    );
    assert_eq!(code(new().role("admin")), Some("missing_role"));
    assert_eq!(code(new().any_role(["a", "b"])), Some("missing_role"));
    assert_eq!(code(new().rule("named bob", |_| false)), Some("denied"));
}

#[test]
fn decisions_are_counted_by_reason() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let good = bearer(&issuer.token());
    for _ in 0..3 {
        assert!(guard.check(&good, NOW).is_ok());
    }
    refused(&guard, &HeaderMap::new(), "missing_token");
    refused(&guard, &bearer(&tampered(&issuer.token())), "bad_signature");
    refused(&guard, &bearer(&tampered(&issuer.token())), "bad_signature");
    let counts = guard.counts();
    assert_eq!(counts.accepted, 3);
    assert_eq!(counts.refused_for("bad_signature"), 2);
    assert_eq!(counts.refused_for("missing_token"), 1);
    assert_eq!(counts.refused_for("expired"), 0);
    assert_eq!((counts.cache_hits, counts.cache_misses), (2, 3));
}

#[test]
fn no_leeway_outlasts_the_memory_of_the_issuer() {
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let guard = |seconds| {
        Guard::<AccessClaims>::builder(NAME, AUDIENCE)
            .key(key.verifying_key())
            .leeway(Duration::from_secs(seconds))
            .build()
    };
    assert!(guard(60).is_ok());
    let error = guard(61).expect_err("too much");
    assert_eq!(error.code(), "leeway_too_long");
    assert!(
        error.to_string().contains("61 s is more than 60 s"),
        "{error}"
    );
}

#[test]
fn an_issuer_is_described_once() {
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let of =
        |name: &str, audience: &str| TrustedIssuer::new(name, audience).key(key.verifying_key());
    let guard = |others: [TrustedIssuer; 2]| {
        let first = Guard::trusting(of(NAME, AUDIENCE));
        others.into_iter().fold(first, GuardBuilder::also).build()
    };
    assert!(
        guard([
            of("https://b.example", "api"),
            of("https://c.example", "api")
        ])
        .is_ok()
    );
    // Whoever writes this wants a second audience, and would get tokens refused for it.
    for twice in [NAME, "https://b.example"] {
        let error = guard([of("https://b.example", "api"), of(twice, "other")]);
        let error = error.expect_err(twice);
        assert!(matches!(&error, GuardError::IssuerTwice(name) if name == twice));
        assert_eq!(error.code(), "issuer_twice");
    }
    // Whoever takes any issuer's tokens has named none.
    let any = of(NAME, "other").any_issuer();
    assert!(guard([of("https://b.example", "api"), any]).is_ok());
}

#[test]
fn a_guard_without_keys_is_not_built() {
    let error = Guard::builder(NAME, AUDIENCE).build().expect_err("no key");
    assert!(matches!(error, GuardError::NoKeys));
    assert_eq!(error.code(), "no_keys");
    let empty = KeySet::new([]).expect("an empty set");
    let guard = Guard::builder(NAME, AUDIENCE)
        .keys(KeyHandle::fixed(empty))
        .build()
        .expect("a handle may be filled later");
    refused(&guard, &bearer(&Issuer::new().token()), "unknown_key");
}

#[test]
fn one_of_several_audiences_is_enough() {
    let issuer = Issuer::new();
    let guard = issuer.builder().also_audience("bills").build();
    let guard = guard.expect("a guard");
    let check = |audience: Value| guard.check(&bearer(&issuer.token_with("aud", audience)), NOW);
    for audience in [json!("orders"), json!("bills"), json!(["x", "bills"])] {
        assert!(check(audience.clone()).is_ok(), "{audience}");
    }
    for audience in [json!("ordersbills"), json!(["x"]), json!([]), Value::Null] {
        assert!(check(audience.clone()).is_err(), "{audience}");
    }
}

#[test]
fn among_several_issuers_a_token_that_is_too_long_is_not_even_looked_into() {
    let (one, two) = (Issuer::new(), Issuer::named("https://other.example"));
    let other = TrustedIssuer::new(&two.name, AUDIENCE).key(two.key.verifying_key());
    let guard = one.builder().also(other).max_token_bytes(2_000).build();
    let guard = guard.expect("a guard");
    let stuffed = json!("x".repeat(2_000));
    let stranger = Issuer::named("https://stranger.example");
    for issuer in [&one, &two, &stranger] {
        let token = issuer.token_with("stuffing", stuffed.clone());
        refused(&guard, &bearer(&token), "too_large");
    }
    refused(&guard, &bearer(&stranger.token()), "wrong_issuer");
}
