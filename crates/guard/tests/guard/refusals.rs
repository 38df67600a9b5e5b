//! What a refused request is told: status, challenge, body.

use bytes::Bytes;
use countersign_guard::{Guard, Kind, Refusal, Requirements, RevokedHandle, TrustedIssuer};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::issuer::{Issuer, NOW, authorization, bearer, seconds, tampered};

fn refusal(guard: &Guard, headers: &HeaderMap) -> Refusal {
    guard.check(headers, NOW).expect_err("a refusal")
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).expect("JSON")
}

#[track_caller]
fn answers(refusal: &Refusal, status: u16, challenge: &str, error: &str, reason: &str) {
    let response: Response<Bytes> = refusal.response();
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["www-authenticate"], challenge);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = body(&response);
    assert_eq!(body["error"], error);
    assert_eq!(body["reason"], reason);
    assert!(
        !body["error_description"]
            .as_str()
            .expect("a sentence")
            .is_empty()
    );
}

#[test]
fn without_a_token_the_challenge_has_no_error_code() {
    let guard = Issuer::new().guard();
    let refusal = refusal(&guard, &HeaderMap::new());
    answers(
        &refusal,
        401,
        r#"Bearer realm="orders""#,
        "invalid_token",
        "missing_token",
    );
}

#[test]
fn a_malformed_request_is_answered_with_400() {
    let guard = Issuer::new().guard();
    let challenge = "Bearer realm=\"orders\", error=\"invalid_request\", error_description=\"The \
         Authorization header is not of the form 'Bearer <token>' with a single token\"";
    let malformed = refusal(&guard, &authorization(["Bearer"]));
    answers(
        &malformed,
        400,
        challenge,
        "invalid_request",
        "malformed_request",
    );
    let repeated = refusal(&guard, &authorization(["Bearer a", "Bearer b"]));
    assert_eq!(repeated.status(), StatusCode::BAD_REQUEST);
}

/// The header's grammar has the first word, also where a good token stands in it.
#[test]
fn a_good_token_with_something_about_it_is_a_bad_request() {
    let issuer = Issuer::new();
    let token = issuer.token();
    for guard in [issuer.builder(), issuer.builder().cache(None)] {
        let guard = guard.build().expect("a guard");
        for known in [false, true] {
            for (value, reason) in [
                (format!("Bearer {token}!"), "malformed_request"),
                (format!("Bearer {token} "), "malformed_request"),
                (format!("Bearer {token} {token}"), "malformed_request"),
                (format!("Bearer =.{token}"), "malformed_request"),
                (format!("Bearer {token},{token}"), "repeated_token"),
                (format!("Bearer {token}="), "malformed"),
            ] {
                let refusal = refusal(&guard, &authorization([&*value]));
                assert_eq!(refusal.reason_code(), reason, "{value}, known: {known}");
            }
            assert!(guard.check(&bearer(&token), NOW).is_ok());
        }
    }
}

#[test]
fn a_bad_token_is_answered_with_401_and_what_is_wrong() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let expired = bearer(&issuer.token_with("exp", json!(NOW.as_secs() - 100)));
    let refusal = refusal(&guard, &expired);
    assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refusal.reason_code(), "expired");
    let challenge = refusal.challenge().expect("a challenge");
    assert!(
        challenge.starts_with(r#"Bearer realm="orders", error="invalid_token", error_desc"#),
        "{challenge}"
    );
    assert!(challenge.contains("expired"), "{challenge}");
}

#[test]
fn a_revoked_token_says_so() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    revoked.merge([(
        Kind::Sid,
        "s-1".to_owned(),
        NOW.saturating_add(seconds(900)),
    )]);
    let guard = issuer
        .builder()
        .revocations(revoked)
        .build()
        .expect("a guard");
    let challenge = "Bearer realm=\"orders\", error=\"invalid_token\", error_description=\"The \
         session has ended; sign in again\"";
    let refusal = refusal(&guard, &bearer(&issuer.token()));
    answers(&refusal, 401, challenge, "invalid_token", "revoked");
}

#[test]
fn a_missing_scope_is_answered_with_403_and_named() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let caller = guard
        .check(&bearer(&issuer.token()), NOW)
        .expect("a good token");
    let refusal = guard
        .require(&caller, &Requirements::new().scope("orders:delete"))
        .expect_err("not in scope");
    let challenge = "Bearer realm=\"orders\", error=\"insufficient_scope\", \
         error_description=\"The token lacks the scope 'orders:delete'\", scope=\"orders:delete\"";
    answers(
        &refusal,
        403,
        challenge,
        "insufficient_scope",
        "insufficient_scope",
    );
    let refusal = guard
        .require(&caller, &Requirements::new().any_role(["admin", "owner"]))
        .expect_err("neither");
    assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        refusal.to_string(),
        "the caller lacks the role 'admin' or 'owner'"
    );
    assert_eq!(refusal.problem().error, "insufficient_scope");
}

#[test]
fn realm_and_resource_metadata_are_the_owners_to_name() {
    let guard = Issuer::new()
        .builder()
        .realm("the \"shop\"")
        .resource_metadata("https://shop.example/.well-known/oauth-protected-resource")
        .build()
        .expect("a guard");
    assert_eq!(
        refusal(&guard, &HeaderMap::new()).challenge().as_deref(),
        Some(
            "Bearer realm=\"the \\\"shop\\\"\", \
             resource_metadata=\"https://shop.example/.well-known/oauth-protected-resource\""
        )
    );
}

#[test]
fn a_client_without_a_token_learns_where_to_get_one() {
    let (first, second) = (Issuer::new(), Issuer::named("https://other.example"));
    let guard = first
        .builder()
        .also(TrustedIssuer::new(&second.name, "orders").key(second.key.verifying_key()))
        .build()
        .expect("a guard");
    let metadata = guard.resource_metadata("https://shop.example", ["orders:read"]);
    assert_eq!(
        serde_json::to_value(metadata).expect("plain texts"),
        json!({
            "resource": "https://shop.example",
            "authorization_servers": ["https://id.example", "https://other.example"],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["orders:read"],
        })
    );
}

#[test]
fn the_application_may_replace_the_answer_status_included() {
    let issuer = Issuer::new();
    let guard = issuer
        .builder()
        .on_refusal(|refusal| {
            let (status, message) = match refusal.reason_code() {
                "missing_token" => (StatusCode::FORBIDDEN, "Token is missing!"),
                "expired" => (StatusCode::UNAUTHORIZED, "Token has expired!"),
                _ => return refusal.standard_response(),
            };
            refusal.respond(status, &json!({ "message": message }))
        })
        .build()
        .expect("a guard");
    let missing: Response<Bytes> = refusal(&guard, &HeaderMap::new()).response();
    assert_eq!(missing.status(), StatusCode::FORBIDDEN);
    assert_eq!(body(&missing), json!({ "message": "Token is missing!" }));
    assert!(missing.headers().contains_key("www-authenticate"));

    let expired = bearer(&issuer.token_with("exp", json!(NOW.as_secs() - 100)));
    let expired: Response<Bytes> = refusal(&guard, &expired).response();
    assert_eq!(body(&expired), json!({ "message": "Token has expired!" }));

    let tampered: Response<Bytes> = refusal(&guard, &bearer(&tampered(&issuer.token()))).response();
    assert_eq!(body(&tampered)["reason"], "bad_signature");
}

#[test]
fn nothing_of_the_token_is_in_the_answer() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let marked = issuer.token_with("aud", json!("MARK-in-the-audience"));
    for token in [tampered(&marked), marked] {
        let refusal = refusal(&guard, &bearer(&token));
        let response = refusal.standard_response();
        let told = format!(
            "{refusal:?} {refusal} {:?} {:?}",
            response.headers(),
            response.body()
        );
        assert!(!told.contains("MARK"), "{told}");
        for part in token.split('.') {
            assert!(!told.contains(part), "{told}");
        }
    }
}
