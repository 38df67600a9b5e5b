//! The guarded route lets in whoever signed in at a real server, and nobody else.
#![expect(
    clippy::expect_used,
    reason = "a test's own preparations may fail loudly"
)]

mod program;

use std::process::Command;

use countersign_issuer::Password;
use countersign_server::{Config, Database, Server};
use countersign_witness::{Kind, note};
use program::Program;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

const PASSWORD: &str = "seven brown foxes in a row";

#[tokio::test]
async fn who_signed_in_is_greeted_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    countersign_witness::listen();
    note(Kind::Password, PASSWORD);
    let server = Server::start(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Sqlite(folder.path().join("countersign.db")),
        ..Config::default()
    })
    .await
    .expect("a server");
    let password = Password::new(PASSWORD.to_owned()).expect("a password");
    let added = server.directory().add("ada", password, Vec::new()).await;
    added.expect("a user");

    let issuer = server.issuer().to_owned();
    let guarded = tokio::task::spawn_blocking(move || {
        Program::start(
            Command::new(env!("CARGO_BIN_EXE_guarded"))
                .env("ISSUER", issuer)
                .env("LISTEN", "127.0.0.1:0"),
        )
    });
    let guarded = guarded.await.expect("the program");

    let login = json!({ "username": "ada", "password": PASSWORD });
    let url = format!("{}/login", server.issuer());
    let answer = Client::new().post(url).json(&login).send().await;
    let pair: Value = answer.expect("an answer").json().await.expect("JSON");
    let token = pair["access_token"].as_str().expect("a token");

    let ask = async |token: Option<&str>| {
        let request = Client::new().get(guarded.at("/protected"));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("text"))
    };
    let greeting = "Hello, ada. You are authenticated!".to_owned();
    assert_eq!(ask(Some(token)).await, (StatusCode::OK, greeting));
    for bad in [None, Some("x"), Some(&token[1..])] {
        assert_eq!(ask(bad).await.0, StatusCode::UNAUTHORIZED, "{bad:?}");
    }
    server.stop().await;
}
