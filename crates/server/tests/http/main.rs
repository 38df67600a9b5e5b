//! The routes over real sockets: what a client sends and what it is answered.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose preparations fail must fail loudly"
)]

use std::time::Duration;

use countersign::{Algorithm, SigningKey, UnixTime, Unverified};
use countersign_issuer::{Password, SessionPolicy};
use countersign_server::{Config, Database, Server};
use countersign_witness::{Kind, note};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

mod account;
mod admin;
mod browser;
mod clients;
mod exposition;
mod manners;
mod metrics;
mod oauth;
mod openapi;
mod refresh;
mod revocations;
mod sign_in;
mod sign_out;
mod verify;
mod well_known;

const PASSWORD: &str = "correct horse battery staple";

struct Running {
    server: Server,
    client: Client,
    folder: TempDir,
}

async fn start() -> Running {
    start_with(|config| config).await
}

async fn start_with(adjust: impl FnOnce(Config) -> Config) -> Running {
    countersign_witness::listen();
    note(Kind::Password, PASSWORD);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Sqlite(folder.path().join("test.db")),
        ..Config::default()
    };
    let server = Server::start(adjust(config)).await.expect("a server");
    let password = Password::new(PASSWORD).expect("a password");
    server
        .directory()
        .add("ada", password, vec!["admin".into()])
        .await
        .expect("a user");
    Running {
        server,
        client: Client::new(),
        folder,
    }
}

/// A token pair as the wire has it.
struct Pair {
    access: String,
    refresh: String,
}

impl Running {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.server.issuer()))
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .expect("an answer")
    }

    async fn get_as(&self, path: &str, pair: &Pair) -> Response {
        self.request(Method::GET, path)
            .bearer_auth(&pair.access)
            .send()
            .await
            .expect("an answer")
    }

    async fn login(&self, username: &str, password: &str) -> Response {
        self.post(
            "/login",
            &json!({"username": username, "password": password}),
        )
        .await
    }

    async fn signed_in(&self) -> Pair {
        pair(self.login("ada", PASSWORD).await).await
    }

    async fn refresh(&self, token: &str) -> Response {
        self.post("/refresh", &json!({"refresh_token": token}))
            .await
    }
}

async fn pair(response: Response) -> Pair {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["pragma"], "no-cache");
    let body: Value = response.json().await.expect("JSON");
    let text = |name: &str| {
        body[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name}"))
            .to_owned()
    };
    assert_eq!(body["token_type"], "Bearer");
    assert!(
        body["expires_in"]
            .as_u64()
            .is_some_and(|life| (1..=600).contains(&life))
    );
    let (access, refresh) = (text("access_token"), text("refresh_token"));
    note(Kind::AccessToken, &access);
    note(Kind::RefreshToken, &refresh);
    Pair { access, refresh }
}

/// Checks that a refusal has the house's shape, and gives its reason.
async fn refused(response: Response, status: StatusCode, error: &str) -> String {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["cache-control"], "no-store");
    if status == StatusCode::UNAUTHORIZED {
        let challenge = response.headers()["www-authenticate"]
            .to_str()
            .expect("text");
        assert!(
            challenge.starts_with("Bearer realm=\"countersign\""),
            "{challenge}"
        );
    }
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"], error, "{body}");
    assert!(
        body["error_description"]
            .as_str()
            .is_some_and(|words| words.len() > 10),
        "{body}"
    );
    body["reason"].as_str().unwrap_or_default().to_owned()
}
