//! Whole servers on one database: nobody notices which of them answers.

use std::time::Duration;

use countersign::secret::SecretString;
use countersign::{Algorithm, SigningKey, UnixTime};
use countersign_issuer::Password;
use countersign_issuer::client::{ClientKeys, ClientTerms};
use countersign_server::{Config, Database, NewClient, PlainHttp, Proof, Server};
use countersign_witness::{Kind, note};
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
    serve_tokens_of(url, Duration::from_secs(600)).await
}

/// The same with another life of its access tokens.
async fn serve_tokens_of(url: &str, access_life: Duration) -> Server {
    countersign_witness::listen();
    note(Kind::Password, PASSWORD);
    note(Kind::MasterKey, &"5b".repeat(32));
    let config = Config {
        access_life,
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
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

async fn sign_out(server: &Server, pair: &Value) {
    let body = json!({"refresh_token": pair["refresh_token"]});
    let ended = post(server, "/logout", body).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
}

/// Until the server refuses this access token.
async fn refused_by(server: &Server, pair: &Value) {
    let asked = Instant::now();
    while me(server, pair).await == StatusCode::OK {
        assert!(asked.elapsed() < AT_MOST, "the revocation never arrives");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
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
    sign_out(&third, &renewed).await;
    for server in [&third, &first, &second] {
        refused_by(server, &renewed).await;
        assert_eq!(
            refresh(server, &renewed).await.status(),
            StatusCode::BAD_REQUEST
        );
    }
    for server in [first, second, third] {
        server.stop().await;
    }
}

/// What ends at one server is refused by the others within 250 ms. Nothing tells them: they ask
/// often enough, so there is no notification that could be lost.
///
/// The bound is held against a timer of 250 ms that is set at the same moment in the same process:
/// a machine that has no time for the servers has none for the timer either. One in ten may still
/// be late, for the machine may be busy with others in just that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_ends_at_one_server_is_refused_by_the_others_within_a_quarter_of_a_second() {
    const ROUNDS: usize = 10;
    const BOUND: Duration = Duration::from_millis(250);
    let Some((_, url)) = fixture().await else {
        return;
    };
    let (first, second, third) = tokio::join!(serve(&url), serve(&url), serve(&url));
    let servers = [first, second, third];
    add_ada(&servers[0]).await;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let at = round % servers.len();
        let pair = sign_in(&servers[at]).await;
        for server in &servers {
            assert_eq!(me(server, &pair).await, StatusCode::OK);
        }
        sign_out(&servers[at], &pair).await;
        let ended = Instant::now();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(BOUND).await;
            ended.elapsed()
        });
        let others = servers.iter().enumerate().filter(|(other, _)| *other != at);
        let crossing = |server| async move {
            refused_by(server, &pair).await;
            ended.elapsed()
        };
        let mut others = others.map(|(_, server)| crossing.clone()(server));
        let (one, other) = (others.next().expect("one"), others.next().expect("another"));
        let (one, other) = tokio::join!(one, other);
        let timer = timer.await.expect("the timer");
        took.extend([(one, timer), (other, timer)]);
    }
    took.sort();
    let late = took.iter().filter(|(took, timer)| took > timer).count();
    println!(
        "crossed within {:?} (median {:?}); {late} of {} came after the timer",
        took[took.len() - 1].0,
        took[took.len() / 2].0,
        took.len()
    );
    assert!(late * 10 <= took.len(), "{late} came late: {took:?}");
}

/// Somebody gave the keys another master key while servers run: those cannot open them, and follow
/// what ended all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_ended_crosses_even_when_the_keys_cannot_be_opened() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let (first, second) = tokio::join!(serve(&url), serve(&url));
    add_ada(&first).await;
    let mut pairs = Vec::new();
    for _ in 0..3 {
        let pair = sign_in(&first).await;
        assert_eq!(me(&second, &pair).await, StatusCode::OK);
        pairs.push(pair);
    }
    let admin = crate::cluster::connect(&url).await;
    let sql = "UPDATE countersign.signing_keys SET sealed = 'other';
        UPDATE countersign.facts SET value = value + 1 WHERE name = 'key_changes'";
    admin.batch_execute(sql).await.expect("sealed otherwise");
    // Every ten seconds everything is read anyway, which may come to the help of one of them.
    let mut in_time = 0;
    for pair in &pairs {
        sign_out(&first, pair).await;
        tokio::select! {
            () = refused_by(&second, pair) => in_time += 1,
            () = tokio::time::sleep(Duration::from_secs(3)) => {}
        }
    }
    assert!(in_time >= 2, "{in_time} of {} crossed", pairs.len());
}

/// Servers are given another life of access tokens one after the other: what the one that knows
/// least ends must be remembered for as long as the longest token lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_remembers_for_as_long_as_the_tokens_of_another_live() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let first = serve(&url).await;
    add_ada(&first).await;
    let second = serve_tokens_of(&url, Duration::from_secs(3600)).await;
    let admin = crate::cluster::connect(&url).await;
    let started = Instant::now();
    loop {
        let pair = sign_in(&second).await;
        sign_out(&first, &pair).await;
        let sql =
            "SELECT max(until) - extract(epoch FROM now())::BIGINT FROM countersign.revocations";
        let row = admin.query_one(sql, &[]).await.expect("a revocation");
        if row.get::<_, i64>(0) >= 3600 {
            break;
        }
        assert!(started.elapsed() < AT_MOST, "it forgets too early");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a server was started with is not the last word: another one may make tokens that live longer,
/// and its own guard takes them as soon as it has heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_takes_the_longer_tokens_of_one_that_was_started_after_it() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let first = serve(&url).await;
    add_ada(&first).await;
    let second = serve_tokens_of(&url, Duration::from_secs(3_600)).await;
    let pair = sign_in(&second).await;
    assert!(pair["expires_in"].as_u64().is_some_and(|life| life > 660));
    let started = Instant::now();
    while me(&first, &pair).await != StatusCode::OK {
        assert!(started.elapsed() < AT_MOST, "it refuses them for good");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for server in [first, second] {
        server.stop().await;
    }
}

/// A client signs its assertion for one server; no other takes it a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_assertion_is_good_once_whichever_server_it_is_shown_to() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let (first, second) = tokio::join!(serve(&url), serve(&url));
    let key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let public = key.verifying_key().to_jwk().to_public_json();
    let keys = ClientKeys::from_json(&public.expect("public")).expect("keys");
    let signer = NewClient {
        client_id: "signer".into(),
        name: String::new(),
        proof: Proof::Keys(keys),
        grant_types: None,
        scope: "read".into(),
        audiences: Vec::new(),
        serves: Vec::new(),
        roles: Vec::new(),
        terms: ClientTerms::default(),
    };
    first.registry().add(signer).await.expect("a client");
    let assertion = |id: &str| {
        let now = UnixTime::now().as_secs();
        let claims = json!({
            "iss": "signer", "sub": "signer", "aud": "https://id.example", "jti": id,
            "iat": now, "exp": now + 60,
        });
        key.sign(&claims).expect("an assertion")
    };
    let show = async |server: &Server, assertion: &str| {
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let body = format!(
            "grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}"
        );
        let request = Client::new()
            .post(format!("http://{}/oauth/token", server.address()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json::<Value>().await.expect("JSON"))
    };
    for (one, other) in [(&first, &second), (&second, &first)] {
        let assertion = assertion(&one.address().to_string());
        let (status, answer) = show(one, &assertion).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(me(other, &answer).await, StatusCode::OK);
        for server in [other, one] {
            let (status, answer) = show(server, &assertion).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
            assert_eq!(answer["reason"], "assertion_used");
        }
    }
    for server in [first, second] {
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

/// More is asked than there are connections to the database, and none comes free.
#[tokio::test]
async fn who_finds_no_free_connection_is_counted() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.new_database().await;
    let server = serve(&format!("{url}?pool_size=1")).await;
    add_ada(&server).await;
    let pair = sign_in(&server).await;
    let holder = crate::cluster::connect(&url).await;
    let hold = "BEGIN; SELECT * FROM countersign.sessions FOR UPDATE";
    holder.batch_execute(hold).await.expect("held");
    let body = json!({"refresh_token": pair["refresh_token"]});
    let address = server.metrics_address().expect("a listener");
    let overloaded = "countersign_store_failed_total{error=\"overloaded\"} ";
    let counted = async {
        loop {
            // It waits for the lock, with the only connection; the server's own looks wait for that.
            post(&server, "/refresh", body.clone()).await;
            let page = reqwest::get(format!("http://{address}/metrics")).await;
            let page = page.expect("an answer").text().await.expect("a page");
            let line = page.lines().find_map(|line| line.strip_prefix(overloaded));
            if line.expect("a line") != "0" {
                break;
            }
        }
    };
    let counted = tokio::time::timeout(AT_MOST, counted).await;
    counted.expect("it is counted");
    holder.batch_execute("ROLLBACK").await.expect("let go");
}
