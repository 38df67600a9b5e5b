//! `countersign jwt explain` against a real server: what it says is what the server would do.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use countersign::{Algorithm, Signer, SigningKey, UnixTime};
use countersign_conformance::request::answer;
use countersign_conformance::{Countersign, Server};
use countersign_wire::paths;
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";

/// A running server, and what ada got from it.
struct Scene {
    server: Server,
    access: String,
    refresh: String,
}

impl Scene {
    async fn start() -> Self {
        let mut server = Server::new();
        server.add_user("ada", PASSWORD);
        server.start().await;
        let pair = server.http().login("ada", PASSWORD).await;
        let pair = pair.expect("an answer");
        Self {
            access: pair.field("access_token"),
            refresh: pair.field("refresh_token"),
            server,
        }
    }

    fn explain(&self, token: &str, options: &[&str]) -> Output {
        let url = self.server.url();
        Countersign::new(["jwt", "explain", "--issuer", &url, "-"])
            .and(options)
            .input(token)
            .output()
    }

    fn json(&self, token: &str, audience: &str) -> (Option<i32>, Value) {
        let output = self.explain(token, &["--audience", audience, "--json"]);
        let json = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), json)
    }
}

fn failing(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().expect("checks");
    let reasons = checks.iter().filter_map(|check| check["reason"].as_str());
    reasons.collect()
}

#[tokio::test]
async fn a_token_is_explained_as_the_server_would_treat_it() {
    let scene = Scene::start().await;
    let (code, report) = scene.json(&scene.access, "api");
    assert_eq!((code, &report["accepted"]), (Some(0), &json!(true)));
    assert!(failing(&report).is_empty(), "{report}");
    assert!(
        report["clock"]["server_ahead_seconds"].is_number(),
        "{report}"
    );

    let (code, report) = scene.json(&scene.access, "another-api");
    assert_eq!((code, failing(&report)), (Some(3), vec!["wrong_audience"]));

    let (head, signature) = scene.access.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let altered = format!("{head}.{other}{}", &signature[1..]);
    let (code, report) = scene.json(&altered, "api");
    let reasons = vec!["bad_signature"];
    assert_eq!((code, failing(&report)), (Some(3), reasons));

    let ended = scene.server.http().logout(&scene.refresh).await;
    assert_eq!(ended.expect("an answer").status, 204);
    let (code, report) = scene.json(&scene.access, "another-api");
    let both = vec!["wrong_audience", "revoked"];
    assert_eq!((code, failing(&report)), (Some(3), both));

    let output = scene.explain(&scene.access, &["--audience", "api"]);
    assert_eq!(output.status.code(), Some(3));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.starts_with("would be refused: revoked\n"), "{words}");
    assert!(words.contains(" ended "), "{words}");
    assert!(
        words.contains("docs/reference/reasons.md#revoked"),
        "{words}"
    );
    let of_text = words.lines().filter(|line| !line.contains("https://"));
    for line in of_text {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[tokio::test]
async fn keys_are_never_fetched_from_where_the_token_says() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let trap = format!("http://{}", listener.local_addr().expect("an address"));
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let forged = Signer::new(key)
        .typ("at+jwt")
        .header("jku", &trap)
        .and_then(|signer| signer.header("x5u", &trap))
        .expect("a header")
        .sign(&json!({
            "iss": trap, "aud": "api", "sub": "ada", "jti": "j", "client_id": "web",
            "iat": UnixTime::now().as_secs(), "exp": UnixTime::now().as_secs() + 60,
        }))
        .expect("a token");

    let output = Countersign::new(["jwt", "explain", "--audience", "api", &forged]).output();
    assert_eq!(output.status.code(), Some(1), "nobody can say");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("--issuer"), "{words}");
    assert!(words.contains("jku, x5u"), "{words}");

    let scene = Scene::start().await;
    let (code, report) = scene.json(&forged, "api");
    let reasons = vec!["unknown_key", "wrong_issuer"];
    assert_eq!((code, failing(&report)), (Some(3), reasons));
    let knock = listener.accept().expect_err("nobody may come");
    assert_eq!(knock.kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn without_the_issuer_nothing_is_said_to_be_accepted() {
    let mut scene = Scene::start().await;
    scene.server.kill();
    let output = scene.explain(&scene.access, &["--audience", "api"]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.starts_with("cannot be said"), "{words}");
    assert!(
        words.contains("cannot fetch the issuer's metadata"),
        "{words}"
    );

    let output = scene.explain(&scene.refresh, &[]);
    assert_eq!(output.status.code(), Some(3));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("this is a refresh token"), "{words}");
    assert!(!words.contains(&scene.refresh[..20]), "a secret: {words}");
}

#[test]
fn a_reason_code_can_be_looked_up() {
    let words = Countersign::new(["reason", "refresh_reused"]).succeed();
    assert!(words.starts_with("refresh_reused\n"), "{words}");
    let output = Countersign::new(["reason", "made_up"]).output();
    assert_eq!(output.status.code(), Some(2));
}

/// A token of a client in its own name says of its session what happened to the client.
#[tokio::test]
async fn the_token_of_a_disabled_client_is_explained() {
    let mut server = Server::new();
    server.start().await;
    let secret = server.command(["client", "add", "reports"]).succeed();
    let http = server.http();
    let form = [("grant_type", "client_credentials")];
    let request = http.request(Method::POST, paths::OAUTH_TOKEN).form(&form);
    let request = request.basic_auth("reports", Some(secret.trim()));
    let token = answer(request).await.expect("an answer");
    let token = token.field("access_token");
    server.command(["client", "disable", "reports"]).succeed();

    let url = server.url();
    let explained = || {
        Countersign::new(["jwt", "explain", "--issuer", &url, "-"])
            .and(["--audience", "api"])
            .input(token.as_str())
            .output()
    };
    // Another process has disabled it: the server hears of that in a moment.
    let began = Instant::now();
    while explained().status.code() != Some(3) {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it is not revoked"
        );
    }
    let words = String::from_utf8_lossy(&explained().stdout).into_owned();
    assert!(words.starts_with("would be refused: revoked\n"), "{words}");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("ended: its client was disabled or deleted"),
        "{words}"
    );

    let refused = http.me(&token).await.expect("an answer");
    assert_eq!(refused.status, 401, "{}", refused.text);
    assert_eq!(refused.field("reason"), "revoked");
}
