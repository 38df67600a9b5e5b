//! What the server writes into its log while it is used in every way: names of requests, and never a
//! password, a token or a key, however much is logged.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use countersign_conformance::request::answer;
use countersign_conformance::{Answer, Http, Server};
use countersign_wire::paths;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const PASSWORD: &str = "correct-horse-battery-staple";
const NEW_PASSWORD: &str = "another-horse-battery-staple";
const WRONG: &str = "guessed-horse-battery-staple";
const MASTER: &str = "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_programs_names_requests_and_keeps_secrets() {
    assert_keeps_secrets("json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_for_people_keeps_secrets_too() {
    assert_keeps_secrets("text").await;
}

async fn assert_keeps_secrets(format: &str) {
    let mut server = Server::with(["--log", "trace", "--log-format", format]);
    server.add_user("ada", PASSWORD);
    server.start().await;
    let http = server.http();
    let used = use_it(&http).await;
    assert!(used.secrets.len() >= 9 && used.names.len() > 15);

    let key = std::fs::read_to_string(server.folder().join("countersign.key"));
    let key = key.expect("a master key").trim().to_owned();
    server.terminate();
    let (status, words) = server.ended_with_words().await;
    assert!(status.success(), "{status}");
    for secret in used.secrets.iter().chain([&key]) {
        let told = words.iter().find(|line| line.contains(secret.as_str()));
        assert!(told.is_none(), "the log holds {secret}: {told:?}");
    }
    for name in &used.names {
        let told = words.iter().any(|line| line.contains(name));
        assert!(told, "the log does not know the request {name}");
    }
    if format == "json" {
        let lines = words.iter().filter(|line| line.starts_with('{'));
        assert!(lines.count() > used.names.len(), "{words:?}");
        for line in &words {
            let json = serde_json::from_str::<Value>(line);
            assert!(json.is_ok(), "{line}");
        }
    }
}

/// What was used, and must not be told.
#[derive(Default)]
struct Used {
    secrets: Vec<String>,
    /// What the answers said the requests are called.
    names: Vec<String>,
}

impl Used {
    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = answer(request).await.expect("an answer");
        let name = answer.headers.get("x-request-id").expect("a name");
        self.names.push(name.to_str().expect("text").to_owned());
        if let Ok(body) = serde_json::from_str::<Value>(&answer.text) {
            for field in ["access_token", "refresh_token", "device_token"] {
                if let Some(token) = body[field].as_str() {
                    // A part of it would be too much.
                    self.secrets.push(token[token.len() - 40..].to_owned());
                }
            }
        }
        answer
    }
}

async fn use_it(http: &Http) -> Used {
    let mut used = Used::default();
    for secret in [PASSWORD, NEW_PASSWORD, WRONG, MASTER] {
        used.secrets.push(secret.to_owned());
    }
    let post = |path: &str, body: Value| http.request(Method::POST, path).json(&body);
    let login = |password: &str| json!({"username": "ada", "password": password});

    used.send(post(paths::LOGIN, login(WRONG))).await;
    used.send(post(
        paths::LOGIN,
        json!({"username": PASSWORD, "password": "x"}),
    ))
    .await;
    let first = used.send(post(paths::LOGIN, login(PASSWORD))).await;
    let (access, refresh) = (first.field("access_token"), first.field("refresh_token"));
    let device = first.field("device_token");
    let known = json!({"username": "ada", "password": WRONG, "device_token": device});
    used.send(post(paths::LOGIN, known)).await;
    let renewed = used
        .send(post(paths::REFRESH, json!({"refresh_token": refresh})))
        .await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    used.send(post(paths::REFRESH, json!({"refresh_token": refresh})))
        .await;
    used.send(post(
        paths::REFRESH,
        json!({"refresh_token": format!("{refresh}x")}),
    ))
    .await;

    let get = |path: &str, token: &str| http.request(Method::GET, path).bearer_auth(token);
    for path in [
        paths::ME,
        paths::SESSIONS,
        paths::VERIFY,
        paths::ADMIN_USERS,
    ] {
        used.send(get(path, &access)).await;
    }
    used.send(get(paths::ME, &format!("{access}x"))).await;
    // What people do by mistake.
    used.send(get(
        &format!("{}?access_token={access}", paths::ME),
        &access,
    ))
    .await;
    used.send(get(
        &format!("/{PASSWORD}?refresh_token={refresh}"),
        &access,
    ))
    .await;
    let broken = format!("{{\"username\":\"ada\",\"password\":\"{PASSWORD}");
    let broken = http.request(Method::POST, paths::LOGIN).body(broken);
    used.send(broken.header("content-type", "application/json"))
        .await;
    used.send(post(
        paths::LOGIN,
        json!({"username": 1, "password": PASSWORD}),
    ))
    .await;
    let cookie = http.request(Method::POST, paths::REFRESH);
    used.send(cookie.header("cookie", format!("__Host-countersign={refresh}")))
        .await;

    let change = json!({"current": PASSWORD, "new": NEW_PASSWORD});
    let changed = post(paths::PASSWORD, change).bearer_auth(renewed.field("access_token"));
    assert_eq!(used.send(changed).await.status, 204);
    let form = format!("grant_type=client_credentials&client_id=x&client_secret={WRONG}");
    let form = http.request(Method::POST, paths::OAUTH_TOKEN).body(form);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    used.send(form.header(kind.0, kind.1)).await;
    let last = json!({"refresh_token": renewed.field("refresh_token")});
    used.send(post(paths::LOGOUT, last)).await;

    // A stranger names no request.
    let forged = http
        .request(Method::GET, paths::HEALTHZ)
        .header("x-request-id", "forged");
    used.send(forged).await;
    // One that a limit turns away before it comes to a route.
    let large = http.request(Method::GET, paths::HEALTHZ);
    let large = large.header("x-large", PASSWORD.repeat(1_300));
    assert_eq!(used.send(large).await.status, 431);
    assert_ne!(used.names.last().map(String::as_str), Some("forged"));
    used
}
