//! Whatever is sent, the answer is a 4xx in the house's shape: never a 500, no password hashed, no
//! value of the request repeated.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use countersign_conformance::request::answer;
use countersign_conformance::{Answer, Http, Server, plain};
use countersign_wire::paths;
use reqwest::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";
/// Stands in every bad body; no answer may repeat it.
const CANARY: &str = "hunter2-hunter2";

/// What is wrong, the body, the status.
fn bad_logins() -> Vec<(&'static str, String, StatusCode)> {
    let with = |name: &str, value: Value| {
        let mut body = json!({"username": "ada", "password": CANARY});
        body[name] = value;
        body.to_string()
    };
    let bad = StatusCode::BAD_REQUEST;
    let large = StatusCode::PAYLOAD_TOO_LARGE;
    vec![
        ("nothing", String::new(), bad),
        ("not JSON", format!("username=ada&password={CANARY}"), bad),
        (
            "cut short",
            format!("{{\"username\":\"ada\",\"password\":\"{CANARY}"),
            bad,
        ),
        (
            "something after it",
            format!("{} {CANARY}", with("x", json!(1))),
            bad,
        ),
        ("another top level", format!("\"{CANARY}\""), bad),
        (
            "a list in place of an object",
            json!(["ada", PASSWORD, null, null]).to_string(),
            bad,
        ),
        ("a number for a name", with("username", json!(7)), bad),
        (
            "a list for a password",
            with("password", json!([CANARY])),
            bad,
        ),
        ("null for a password", with("password", Value::Null), bad),
        ("no password", json!({"username": CANARY}).to_string(), bad),
        ("no name", json!({"password": CANARY}).to_string(), bad),
        (
            "a name twice",
            format!("{{\"username\":\"ada\",\"username\":\"bob\",\"password\":\"{CANARY}\"}}"),
            bad,
        ),
        (
            "depth",
            format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)),
            bad,
        ),
        (
            "half a surrogate",
            "{\"username\":\"\\ud800\",\"password\":\"x\"}".to_owned(),
            bad,
        ),
        (
            "a password of 257 characters",
            with("password", json!(CANARY.repeat(18)[..257])),
            bad,
        ),
        (
            "a password of 1 MB",
            with("password", json!("x".repeat(1_000_000))),
            large,
        ),
        ("10 MB of nothing", " ".repeat(10_000_000), large),
    ]
}

#[tokio::test]
async fn bad_bodies_are_refused_and_nothing_is_hashed() {
    let (server, http) = started().await;
    let before = most_memory(&server);

    for (what, body, status) in bad_logins() {
        // More often than wrong passwords may come in a row: none of them counts as a guess.
        for _ in 0..6 {
            let answer = post(&server, paths::LOGIN, body.clone()).await;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            well_formed(what, &answer);
        }
    }

    let after = most_memory(&server);
    let signed_in = http.login("ada", PASSWORD).await.expect("an answer");
    assert_eq!(
        signed_in.status, 200,
        "bad input counted as guessing: {signed_in:?}"
    );
    let hashed = most_memory(&server);
    if let (Some(before), Some(after), Some(hashed)) = (before, after, hashed) {
        // One hash fills 19 MiB: the last line shows that a hash can be seen in this way.
        assert!(
            after - before < HASH_KIB / 2,
            "{before} KiB grew to {after} KiB"
        );
        assert!(
            hashed - after > HASH_KIB / 2,
            "{after} KiB grew to {hashed} KiB only"
        );
    }
}

#[tokio::test]
async fn the_other_routes_refuse_the_same_way() {
    let (server, http) = started().await;
    for path in [paths::REFRESH, paths::LOGOUT] {
        for (what, body) in [
            ("not JSON", CANARY.to_owned()),
            ("wrong type", json!({"refresh_token": [CANARY]}).to_string()),
            ("another top level", format!("[\"{CANARY}\"]")),
            ("10 MB", " ".repeat(10_000_000)),
        ] {
            let answer = post(&server, path, body).await;
            assert!(
                answer.status.is_client_error(),
                "{path}, {what}: {answer:?}"
            );
            well_formed(what, &answer);
        }
    }
    for token in [
        "",
        "csr_",
        CANARY,
        "csr_AAAA",
        &format!("csr_{}", "A".repeat(74)),
    ] {
        let refused = http.refresh(token).await.expect("an answer");
        assert_eq!(refused.status, 400, "{token}: {refused:?}");
        assert_eq!(refused.field("error"), "invalid_grant", "{refused:?}");
        well_formed(token, &refused);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one() {
    let (_server, http) = started().await;
    for (method, path, allowed) in [
        (Method::GET, paths::LOGIN, "POST"),
        (Method::DELETE, paths::REFRESH, "POST"),
        (Method::PUT, paths::LOGOUT, "POST"),
        (Method::POST, paths::ME, "GET"),
        (Method::POST, paths::JWKS, "GET"),
    ] {
        let answer = answer(http.request(method, path)).await.expect("an answer");
        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        let allow = header(&answer, ALLOW.as_str());
        assert!(allow.contains(allowed), "{path}: Allow: {allow}");
        well_formed(path, &answer);
    }
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_not_read() {
    let (_server, http) = started().await;
    let body = json!({"username": "ada", "password": PASSWORD}).to_string();
    for declared in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let mut request = http.request(Method::POST, paths::LOGIN).body(body.clone());
        if let Some(declared) = declared {
            request = request.header(CONTENT_TYPE, declared);
        }
        let answer = answer(request).await.expect("an answer");
        assert_eq!(answer.status, 415, "{declared:?}: {answer:?}");
        well_formed("content type", &answer);
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found_in_the_same_shape() {
    let (_server, http) = started().await;
    for path in [
        "/",
        "/nothing",
        "/login/",
        "//login",
        "/%00",
        "/.well-known/",
        "/me/../login",
    ] {
        let answer = http.get(path).await.expect("an answer");
        assert!(answer.status.is_client_error(), "{path}: {answer:?}");
        well_formed(path, &answer);
    }
}

#[tokio::test]
async fn bad_credentials_at_a_guarded_route_are_challenged() {
    let (_server, http) = started().await;
    let me = |value: String| {
        answer(
            http.request(Method::GET, paths::ME)
                .header(AUTHORIZATION, value),
        )
    };
    for value in [
        format!("Bearer {CANARY}"),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {}", "A".repeat(20_000)),
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.".to_owned(),
    ] {
        let answer = me(value.clone()).await.expect("an answer");
        assert_eq!(answer.status, 401, "{answer:?}");
        let challenge = header(&answer, WWW_AUTHENTICATE.as_str());
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(!challenge.contains(CANARY), "{challenge}");
        well_formed("bad token", &answer);
    }
    let missing = http.get(paths::ME).await.expect("an answer");
    assert_eq!(missing.status, 401);
    let challenge = header(&missing, WWW_AUTHENTICATE.as_str());
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    assert!(
        !challenge.contains("error="),
        "no credentials, no error code: {challenge}"
    );
    let several = me("Bearer one two".to_owned()).await.expect("an answer");
    assert_eq!(several.status, 400, "{several:?}");
    assert_eq!(several.field("error"), "invalid_request");
}

async fn started() -> (Server, Http) {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    let http = server.http();
    (server, http)
}

/// Large bodies are answered before they are sent, which only the plain client bears.
async fn post(server: &Server, path: &str, body: String) -> Answer {
    if body.len() > 100_000 {
        return plain::post(&server.url(), path, body.into_bytes()).await;
    }
    let request = server.http().request(Method::POST, path);
    answer(request.header(CONTENT_TYPE, "application/json").body(body))
        .await
        .expect("an answer")
}

/// RFC 6749 §5.2: JSON with a code and a sentence, not to be cached. And no echo.
fn well_formed(what: &str, answer: &Answer) {
    for name in ["error", "error_description"] {
        let text = answer.field(name);
        assert!(!text.is_empty(), "{what}: no {name} in {answer:?}");
    }
    assert!(
        header(answer, CONTENT_TYPE.as_str()).starts_with("application/json"),
        "{answer:?}"
    );
    assert!(
        header(answer, CACHE_CONTROL.as_str()).contains("no-store"),
        "{what}: {answer:?}"
    );
    assert!(
        !answer.text.contains(CANARY),
        "{what}: the answer repeats the request: {answer:?}"
    );
}

fn header(answer: &Answer, name: &str) -> String {
    let value = answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap_or_default());
    value.unwrap_or_default().to_owned()
}

/// What one Argon2id hash at the default cost fills, in KiB.
const HASH_KIB: u64 = 19_456;

/// The most memory the server's process ever held, in KiB, where the system tells.
fn most_memory(server: &Server) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
