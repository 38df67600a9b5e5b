//! The tutorial's story over HTTP, with the tutorial's words.
#![expect(
    clippy::expect_used,
    reason = "a test's own preparations may fail loudly"
)]

mod program;

use std::process::Command;
use std::time::Duration;

use countersign::{Algorithm, SigningKey, UnixTime};
use countersign_witness::Keep;
use program::Program;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

const SECRET: &str = "a secret of thirty-two bytes or more";
const PASSWORD: &str = "open sesame";

#[tokio::test]
async fn sign_in_and_be_greeted() {
    let tutorial = start();
    let (status, answer) = login(&tutorial, "admin", PASSWORD).await;
    assert_eq!(status, StatusCode::OK);
    let token = answer["token"].as_str().expect("a token");

    let (status, answer) = ask(protected(&tutorial).bearer_auth(token)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer,
        json!({ "message": "Hello, admin. You are authenticated!" })
    );
}

#[tokio::test]
async fn a_wrong_name_or_password_gets_no_token() {
    let tutorial = start();
    for (name, password) in [("admin", "wrong"), ("root", PASSWORD), ("admin", "")] {
        let (status, answer) = login(&tutorial, name, password).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer, json!({ "message": "Invalid credentials!" }));
    }
}

#[tokio::test]
async fn refusals_are_in_the_tutorials_words() {
    let tutorial = start();
    let now = UnixTime::now();
    let hour = Duration::from_secs(3600);
    let expired = sign(SECRET, "tutorial", now.saturating_sub(hour));
    let of_another_secret = sign(&SECRET.to_uppercase(), "tutorial", now.saturating_add(hour));
    let for_another_service = sign(SECRET, "elsewhere", now.saturating_add(hour));
    let good = sign(SECRET, "tutorial", now.saturating_add(hour));

    let request = || protected(&tutorial);
    for (request, status, message) in [
        (request(), StatusCode::FORBIDDEN, "Token is missing!"),
        (
            request().basic_auth("admin", Some(PASSWORD)),
            StatusCode::FORBIDDEN,
            "Token is missing!",
        ),
        (
            request().bearer_auth(expired),
            StatusCode::UNAUTHORIZED,
            "Token has expired!",
        ),
        (
            request().bearer_auth(of_another_secret),
            StatusCode::UNAUTHORIZED,
            "Invalid token!",
        ),
        (
            request().bearer_auth(for_another_service),
            StatusCode::UNAUTHORIZED,
            "Invalid token!",
        ),
        (
            request().bearer_auth("not-a-token"),
            StatusCode::UNAUTHORIZED,
            "Invalid token!",
        ),
        (
            request().header("authorization", "Bearer"),
            StatusCode::UNAUTHORIZED,
            "Invalid token!",
        ),
    ] {
        assert_eq!(ask(request).await, (status, json!({ "message": message })));
    }
    // The refusals above are about the tokens, not about how this test makes them.
    assert_eq!(ask(request().bearer_auth(good)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_login_that_is_none_is_the_callers_fault() {
    let tutorial = start();
    for body in [
        "",
        "not JSON",
        "{}",
        r#"{"username":"admin"}"#,
        r#"{"username":1,"password":2}"#,
    ] {
        let answer = Client::new()
            .post(tutorial.at("/login"))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert!(
            answer.status().is_client_error(),
            "{body}: {}",
            answer.status()
        );
    }
}

#[test]
fn a_secret_that_is_missing_or_short_is_explained() {
    for secret in [None, Some("secret")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tutorial"));
        command.env("ADMIN_PASSWORD", PASSWORD).env("PORT", "0");
        match secret {
            Some(secret) => command.env("JWT_SECRET", secret),
            None => command.env_remove("JWT_SECRET"),
        };
        let output = command.run().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("JWT_SECRET"), "{words}");
        assert!(words.contains("openssl rand -base64 48"), "{words}");
    }
}

fn start() -> Program {
    Program::start(
        Command::new(env!("CARGO_BIN_EXE_tutorial"))
            .env("JWT_SECRET", SECRET)
            .env("ADMIN_PASSWORD", PASSWORD)
            .env("PORT", "0"),
    )
}

fn protected(tutorial: &Program) -> RequestBuilder {
    Client::new().get(tutorial.at("/protected"))
}

async fn login(tutorial: &Program, name: &str, password: &str) -> (StatusCode, Value) {
    let login = json!({ "username": name, "password": password });
    ask(Client::new().post(tutorial.at("/login")).json(&login)).await
}

async fn ask(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

fn sign(secret: &str, service: &str, exp: UnixTime) -> String {
    let key = SigningKey::from_secret(Algorithm::HS256, secret.as_bytes()).expect("a key");
    let claims = json!({ "iss": service, "aud": service, "sub": "admin", "exp": exp });
    key.sign(&claims).expect("a token")
}
