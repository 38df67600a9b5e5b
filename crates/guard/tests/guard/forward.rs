//! The answers to a proxy's questions: who passes, as whom, and what the others are told.

use countersign::UnixTime;
use countersign_guard::forward::{Access, ForwardAuth, Policy, Proxy, Rule};
use countersign_guard::{Kind, Requirements, RevokedHandle};
use countersign_wire::identity;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::issuer::{Issuer, seconds, tampered, with};

struct Asked {
    method: &'static str,
    target: &'static str,
    headers: Vec<(&'static str, String)>,
}

fn ask(method: &'static str, target: &'static str) -> Asked {
    Asked {
        method,
        target,
        headers: Vec::new(),
    }
}

impl Asked {
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    reason: String,
}

impl Answer {
    fn identity(&self) -> Vec<&str> {
        identity::ALL
            .iter()
            .map(|name| {
                let mut values = self.headers.get_all(*name).iter();
                let value = values.next().expect("every header is there");
                assert_eq!(values.next(), None, "{name} is there once");
                value.to_str().expect("printable")
            })
            .collect()
    }
}

async fn answer(forward: &ForwardAuth, asked: Asked) -> Answer {
    let question = asked.headers.into_iter().fold(
        Request::get("/verify")
            .header("x-original-method", asked.method)
            .header("x-original-uri", asked.target),
        |question, (name, value)| question.header(name, value),
    );
    let (question, ()) = question.body(()).expect("a request").into_parts();
    let response = forward.answer(&question).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        reason: body["reason"].as_str().unwrap_or_default().to_owned(),
    }
}

fn token() -> Access {
    Access::Caller(Requirements::new())
}

fn policy() -> Policy {
    let rules = [
        Rule::new("/public", Access::Public),
        Rule::new("/shop", Access::Optional),
        Rule::new("/internal", Access::Closed),
        Rule::new("/admin", Access::Caller(Requirements::new().role("admin"))),
        Rule::new(
            "/orders",
            Access::Caller(Requirements::new().scope("orders:pay")),
        )
        .methods([Method::POST]),
    ];
    Policy::by_path(Proxy::Nginx, rules, token()).expect("good rules")
}

fn forward(issuer: &Issuer) -> ForwardAuth {
    ForwardAuth::new(issuer.guard(), policy())
}

fn good(issuer: &Issuer) -> String {
    issuer.sign(&issuer.claims(UnixTime::now()))
}

const ADA: [&str; 4] = ["u-1", "ada", "clerk", "orders:read orders:write"];
const NOBODY: [&str; 4] = ["", "", "", ""];

#[tokio::test]
async fn who_passes_is_named_and_nobody_else_is() {
    let issuer = Issuer::new();
    let forward = forward(&issuer);
    let forged = |asked: Asked| {
        identity::ALL
            .iter()
            .fold(asked, |asked, name| asked.header(name, "root"))
    };
    for (target, expected) in [
        ("/", ADA),
        ("/orders?x=/public", ADA),
        ("/shop", ADA),
        ("/public/logo.svg", NOBODY),
    ] {
        let asked = forged(ask("GET", target).bearer(&good(&issuer)));
        let answer = answer(&forward, asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        assert_eq!(answer.identity(), expected, "{target}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    for target in ["/shop", "/public"] {
        let answer = answer(&forward, forged(ask("GET", target))).await;
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        assert_eq!(answer.identity(), NOBODY, "{target}");
    }
}

#[tokio::test]
async fn decisions_are_counted_by_what_the_rule_asks() {
    let issuer = Issuer::new();
    let forward = forward(&issuer);
    for (target, bearer) in [
        ("/public/logo.svg", None),
        ("/shop", None),
        ("/shop", Some("not.a.token".to_owned())),
        ("/", Some(good(&issuer))),
        ("/", Some(good(&issuer))),
        ("/", None),
        ("/admin", Some(good(&issuer))),
        ("/internal", Some(good(&issuer))),
        ("/a/../b", Some(good(&issuer))),
    ] {
        let asked = ask("GET", target);
        let asked = match bearer {
            Some(token) => asked.bearer(&token),
            None => asked,
        };
        answer(&forward, asked).await;
    }
    let counts = forward.counts();
    let all = [
        counts.public,
        counts.optional,
        counts.token,
        counts.closed,
        counts.unread,
    ];
    let all = all.map(|decided| (decided.passed, decided.refused));
    assert_eq!(all, [(1, 0), (1, 1), (2, 2), (0, 1), (0, 1)]);
}

#[tokio::test]
async fn a_claim_that_is_not_there_is_an_empty_header() {
    let issuer = Issuer::new();
    let forward = forward(&issuer);
    let bare = ["preferred_username", "roles", "scope"]
        .into_iter()
        .fold(issuer.claims(UnixTime::now()), |claims, name| {
            with(claims, name, Value::Null)
        });
    let answer = answer(&forward, ask("GET", "/").bearer(&issuer.sign(&bare))).await;
    assert_eq!(answer.identity(), ["u-1", "", "", ""]);
}

#[tokio::test]
async fn who_does_not_pass_is_told_why_by_rfc_6750() {
    let issuer = Issuer::new();
    let forward = forward(&issuer);
    let expired = issuer.sign(&issuer.claims(UnixTime::from_secs(1_000_000_000)));
    let good = good(&issuer);
    for (asked, status, reason, challenge) in [
        (
            ask("GET", "/"),
            401,
            "missing_token",
            Some(r#"Bearer realm="orders""#),
        ),
        (
            ask("GET", "/").bearer(&expired),
            401,
            "expired",
            Some(r#"error="invalid_token""#),
        ),
        (
            ask("GET", "/shop").bearer(&tampered(&good)),
            401,
            "bad_signature",
            Some(r#"error="invalid_token""#),
        ),
        (
            ask("GET", "/").header("authorization", "Bearer a b"),
            400,
            "malformed_request",
            Some(r#"error="invalid_request""#),
        ),
        (
            ask("GET", "/").bearer(&good).bearer(&good),
            400,
            "repeated_token",
            Some(r#"error="invalid_request""#),
        ),
        (
            ask("GET", "/admin").bearer(&good),
            403,
            "missing_role",
            Some(r#"error="insufficient_scope""#),
        ),
        (
            ask("POST", "/orders/1").bearer(&good),
            403,
            "insufficient_scope",
            Some(r#"scope="orders:pay""#),
        ),
        (ask("GET", "/internal").bearer(&good), 403, "closed", None),
        (
            ask("GET", "/public/../admin").bearer(&good),
            403,
            "ambiguous_request",
            None,
        ),
        (
            ask("GET", "/ADMIN").bearer(&good),
            403,
            "ambiguous_request",
            None,
        ),
    ] {
        let answer = answer(&forward, asked).await;
        assert_eq!((answer.status.as_u16(), &*answer.reason), (status, reason));
        let found = answer.headers.get("www-authenticate");
        let found = found.map(|value| value.to_str().expect("printable"));
        match (found, challenge) {
            (Some(found), Some(part)) => assert!(found.contains(part), "{reason}: {found}"),
            (found, challenge) => assert_eq!(found, challenge, "{reason}"),
        }
        for name in identity::ALL {
            assert!(!answer.headers.contains_key(name), "{reason}");
        }
    }
}

#[tokio::test]
async fn the_client_cannot_choose_the_rule() {
    let issuer = Issuer::new();
    let forward = forward(&issuer);
    for (name, value) in [
        ("x-forwarded-uri", "/public"),
        ("x-forwarded-method", "OPTIONS"),
    ] {
        let answer = answer(&forward, ask("GET", "/admin").header(name, value)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    // A proxy that adds its own word to the client's, instead of replacing it, is not set up well.
    let twice = ask("GET", "/admin").header("x-original-uri", "/public");
    let answer = answer(&forward, twice).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.reason, "not_forwarded");
}

#[tokio::test]
async fn a_policy_without_paths_needs_no_word_of_the_proxy() {
    let issuer = Issuer::new();
    let forward = ForwardAuth::new(issuer.guard(), Policy::same_for_all(token()));
    let (question, ()) = Request::post("/whatever")
        .header("authorization", format!("Bearer {}", good(&issuer)))
        .body(())
        .expect("a request")
        .into_parts();
    let answer = forward.answer(&question).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["x-auth-username"], "ada");
}

#[tokio::test]
async fn what_is_taken_back_does_not_pass_the_next_time() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    let guard = issuer.builder().revocations(revoked.clone()).build();
    let forward = ForwardAuth::new(guard.expect("a guard"), policy());
    let good = good(&issuer);
    let before = answer(&forward, ask("GET", "/").bearer(&good)).await;
    assert_eq!(before.status, StatusCode::OK);
    let until = UnixTime::now().saturating_add(seconds(900));
    revoked.merge([(Kind::Sid, "s-1".to_owned(), until)]);
    let after = answer(&forward, ask("GET", "/").bearer(&good)).await;
    assert_eq!((after.status.as_u16(), &*after.reason), (401, "revoked"));
}

#[tokio::test]
async fn the_decisions_are_counted_and_visitors_are_no_refusals() {
    let issuer = Issuer::new();
    let forward = forward(&issuer);
    for asked in [
        ask("GET", "/").bearer(&good(&issuer)),
        ask("GET", "/shop"),
        ask("GET", "/public"),
        ask("GET", "/internal"),
        ask("GET", "//"),
    ] {
        answer(&forward, asked).await;
    }
    let counts = serde_json::to_value(forward.guard().counts().refused).expect("JSON");
    assert_eq!(counts, json!({"ambiguous_request": 1, "closed": 1}));
    assert_eq!(forward.guard().counts().accepted, 1);
}

/// What a header could make of a request that was let in for its own path and method.
#[tokio::test]
async fn a_header_that_names_another_path_or_method_is_refused_where_rules_go_by_it() {
    let issuer = Issuer::new();
    let methods = [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
    ];
    let paths = ["X-Original-URL", "X-Rewrite-URL", "x-original_url"];
    let by_path = [Rule::new("/public", Access::Public)];
    let by_path = Policy::by_path(Proxy::Nginx, by_path, token()).expect("good rules");
    for (policy, refused) in [
        (policy(), [&methods[..], &paths].concat()),
        (by_path, paths.to_vec()),
        (Policy::same_for_all(token()), Vec::new()),
    ] {
        let forward = ForwardAuth::new(issuer.guard(), policy);
        for name in methods.into_iter().chain(paths) {
            let asked = ask("GET", "/public").bearer(&good(&issuer));
            let answer = answer(&forward, asked.header(name, "/admin")).await;
            if refused.contains(&name) {
                assert_eq!(answer.reason, "ambiguous_request", "{name}");
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
            } else {
                assert_eq!(answer.status, StatusCode::OK, "{name}");
            }
        }
        // What proxies and clients say of the request as it is.
        let usual = [
            "X-Forwarded-Uri",
            "X-Forwarded-Method",
            "X-Forwarded-Proto",
            "X-Real-IP",
        ];
        let asked = ask("GET", "/public").bearer(&good(&issuer));
        let asked = usual
            .iter()
            .fold(asked, |asked, name| asked.header(name, "/x"));
        assert_eq!(answer(&forward, asked).await.status, StatusCode::OK);
    }
}
