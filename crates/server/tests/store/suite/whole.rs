//! A whole server on either engine.

use countersign::Algorithm;
use countersign::secret::SecretString;
use countersign_issuer::Password;
use countersign_server::{Config, Custodian, Server};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fixture::{Database, Fixture};

const PASSWORD: &str = "correct horse battery staple";

impl Fixture {
    fn config(&self) -> Config {
        let database = match &self.database {
            Database::Sqlite(folder) => {
                countersign_server::Database::Sqlite(folder.path().join("test.db"))
            }
            Database::Postgres(url) => {
                countersign_server::Database::Postgres(SecretString::new(url.clone()))
            }
        };
        Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database,
            issuer: Some("https://id.example".into()),
            master_key: Some(SecretString::new("5b".repeat(32))),
            ..Config::default()
        }
    }
}

async fn serve(config: Config) -> Server {
    Server::start(config).await.expect("a server")
}

async fn add_ada(server: &Server) {
    let password = Password::new(PASSWORD).expect("a password");
    let added = server.directory().add("ada", password, vec![]).await;
    added.expect("a user");
}

async fn post(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", server.address());
    let answer = Client::new().post(url).json(&body).send().await;
    let answer = answer.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn sign_in(server: &Server, audience: &str) -> Value {
    let body = json!({"username": "ada", "password": PASSWORD, "audience": audience});
    let (status, pair) = post(server, "/login", body).await;
    assert_eq!(status, StatusCode::OK, "{pair}");
    pair
}

async fn refresh(server: &Server, pair: &Value) -> (StatusCode, Value) {
    let body = json!({"refresh_token": pair["refresh_token"]});
    post(server, "/refresh", body).await
}

pub(crate) async fn a_session_is_not_refreshed_for_an_audience_that_is_gone(f: Fixture) {
    let with = |name: &str| Config {
        other_audiences: [(name.to_owned(), Algorithm::ES256)].into(),
        ..f.config()
    };
    let server = serve(with("legacy")).await;
    add_ada(&server).await;
    let (ours, legacy) = (
        sign_in(&server, "api").await,
        sign_in(&server, "legacy").await,
    );
    server.stop().await;

    let server = serve(with("other")).await;
    for _ in 0..2 {
        let (status, refused) = refresh(&server, &legacy).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(refused["error"], "invalid_target", "{refused}");
    }
    let (status, _) = refresh(&server, &ours).await;
    assert_eq!(status, StatusCode::OK, "the others are none the worse");
    server.stop().await;

    let server = serve(with("legacy")).await;
    let (status, _) = refresh(&server, &legacy).await;
    assert_eq!(status, StatusCode::OK, "nothing was swapped for nothing");
    server.stop().await;
}

pub(crate) async fn everybody_is_out_of_a_database_that_was_put_back(f: Fixture) {
    let server = serve(f.config()).await;
    add_ada(&server).await;
    let (known, forgotten) = (sign_in(&server, "api").await, sign_in(&server, "api").await);
    server.stop().await;
    // The older state has never heard of one of them, and has the other at its first token.
    f.database
        .execute(
            "DELETE FROM sessions WHERE sid =
                 (SELECT sid FROM sessions ORDER BY sid LIMIT 1)",
        )
        .await;

    let custodian = Custodian::open(&f.config()).await.expect("it opens");
    let ended = custodian.end_everyone().await.expect("it works");
    assert_eq!(ended.len(), 1);
    assert_eq!(custodian.end_everyone().await.expect("it works"), []);
    custodian.close().await;

    let server = serve(f.config()).await;
    for pair in [&known, &forgotten] {
        let (status, refused) = refresh(&server, pair).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(refused["reason"], "unknown_refresh_token", "{refused}");
    }
    let pair = sign_in(&server, "api").await;
    assert_eq!(refresh(&server, &pair).await.0, StatusCode::OK);
    server.stop().await;
}
