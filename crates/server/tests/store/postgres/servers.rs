//! Whole servers on one database: nobody notices which of them answers.

use std::time::Duration;

use countersign::secret::SecretString;
use countersign_issuer::Password;
use countersign_server::{Config, Database, PlainHttp, Server};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fixture;
use crate::cluster::Cluster;

const PASSWORD: &str = "correct horse battery staple";
/// Far more than any of it takes, and far less than a test may.
const AT_MOST: Duration = Duration::from_secs(30);

/// One server of several: they have the issuer, the database and the master key in common.
async fn serve(url: &str) -> Server {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Postgres(SecretString::new(url)),
        issuer: Some("https://id.example".into()),
        master_key: Some(SecretString::new("5b".repeat(32))),
        plain_http: PlainHttp::BehindProxy,
        ..Config::default()
    };
    Server::start(config).await.expect("a server")
}

async fn add_ada(server: &Server) {
    let password = Password::new(PASSWORD).expect("a password");
    server
        .directory()
        .add("ada", password, vec![])
        .await
        .expect("a user");
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    let url = format!("http://{}{path}", server.address());
    Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .expect("an answer")
}

async fn sign_in(server: &Server) -> Value {
    let answer = post(
        server,
        "/login",
        json!({"username": "ada", "password": PASSWORD}),
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.expect("JSON")
}

async fn refresh(server: &Server, pair: &Value) -> Response {
    post(
        server,
        "/refresh",
        json!({"refresh_token": pair["refresh_token"]}),
    )
    .await
}

async fn me(server: &Server, pair: &Value) -> StatusCode {
    let url = format!("http://{}/me", server.address());
    let token = pair["access_token"].as_str().expect("a token");
    Client::new()
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .expect("an answer")
        .status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_is_opened_at_one_server_refreshed_at_another_and_ended_at_a_third() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let (first, second, third) = tokio::join!(serve(&url), serve(&url), serve(&url));
    add_ada(&first).await;
    let pair = sign_in(&first).await;
    let renewed = refresh(&second, &pair).await;
    assert_eq!(renewed.status(), StatusCode::OK);
    let renewed: Value = renewed.json().await.expect("JSON");
    // The one whose answer was lost asks another server, and is given the same token.
    let again: Value = refresh(&third, &pair).await.json().await.expect("JSON");
    assert_eq!(again["refresh_token"], renewed["refresh_token"]);
    for server in [&first, &second, &third] {
        assert_eq!(me(server, &renewed).await, StatusCode::OK);
    }
    let ended = post(
        &third,
        "/logout",
        json!({"refresh_token": renewed["refresh_token"]}),
    )
    .await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let ended_at = Instant::now();
    for server in [&third, &first, &second] {
        while me(server, &renewed).await == StatusCode::OK {
            assert!(ended_at.elapsed() < AT_MOST, "the revocation never arrives");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(
            refresh(server, &renewed).await.status(),
            StatusCode::BAD_REQUEST
        );
    }
    println!("refused by all of them after {:?}", ended_at.elapsed());
    for server in [first, second, third] {
        server.stop().await;
    }
}

/// Started at the same moment on an empty database, they agree on keys: each takes the tokens of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_at_once_have_the_same_keys() {
    let Some(cluster) = crate::cluster::shared() else {
        return;
    };
    let url = cluster.new_database().await;
    let (first, second, third) = tokio::join!(serve(&url), serve(&url), serve(&url));
    add_ada(&first).await;
    let servers = [first, second, third];
    for signer in &servers {
        let pair = sign_in(signer).await;
        for server in &servers {
            assert_eq!(me(server, &pair).await, StatusCode::OK);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_server_says_come_back_later_and_means_it() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let server = serve(&cluster.new_database().await).await;
    add_ada(&server).await;
    let pair = sign_in(&server).await;
    cluster.stop();
    let refused = refresh(&server, &pair).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    // What needs no database goes on: a token is checked from memory.
    let url = format!("http://{}/.well-known/jwks.json", server.address());
    assert_eq!(
        reqwest::get(url).await.expect("an answer").status(),
        StatusCode::OK
    );
    cluster.run();
    let back = Instant::now();
    loop {
        let answer = refresh(&server, &pair).await;
        if answer.status() == StatusCode::OK {
            break;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            back.elapsed() < AT_MOST,
            "the database is back and the server is not"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}
