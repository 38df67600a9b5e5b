//! The routes over real sockets: what a client sends and what it is answered.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose preparations fail must fail loudly"
)]

use std::time::Duration;

use countersign::{Algorithm, Unverified};
use countersign_issuer::{Password, SessionPolicy};
use countersign_server::{Config, Database, Server};
use countersign_witness::{Kind, note};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod admin;
mod browser;
mod clients;
mod exposition;
mod metrics;
mod oauth;
mod openapi;
mod revocations;
mod verify;

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
    countersign_witness::listen("server");
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

#[tokio::test]
async fn a_user_signs_in_is_known_and_signs_out() {
    let running = start().await;
    let pair = running.signed_in().await;
    let me: Value = running
        .get_as("/me", &pair)
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(
        (&me["username"], &me["roles"]),
        (&json!("ada"), &json!(["admin"]))
    );

    let out = running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    let me = running.get_as("/me", &pair).await;
    assert_eq!(
        refused(me, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
    let again = running.refresh(&pair.refresh).await;
    assert_eq!(
        refused(again, StatusCode::BAD_REQUEST, "invalid_grant").await,
        "session_ended"
    );
    let out = running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    assert_eq!(
        out.status(),
        StatusCode::NO_CONTENT,
        "also when it was over already"
    );
}

#[tokio::test]
async fn a_bearer_signs_out_too() {
    let running = start().await;
    let pair = running.signed_in().await;
    let out = running
        .request(Method::POST, "/logout")
        .bearer_auth(&pair.access)
        .send()
        .await;
    assert_eq!(out.expect("an answer").status(), StatusCode::NO_CONTENT);
    let me = running.get_as("/me", &pair).await;
    assert_eq!(
        refused(me, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
    let again = running
        .request(Method::POST, "/logout")
        .bearer_auth(&pair.access)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        again.status(),
        StatusCode::NO_CONTENT,
        "it was over already"
    );
    let nobody = running
        .request(Method::POST, "/logout")
        .send()
        .await
        .expect("an answer");
    refused(nobody, StatusCode::BAD_REQUEST, "invalid_request").await;
}

#[tokio::test]
async fn an_old_access_token_beside_the_refresh_token_does_no_harm() {
    let running = start().await;
    let pair = running.signed_in().await;
    let out = running
        .request(Method::POST, "/logout")
        .bearer_auth("not.a.token")
        .json(&json!({"refresh_token": pair.refresh}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &pair).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn whoever_hangs_up_is_signed_out_all_the_same() {
    let running = start().await;
    for _ in 0..20 {
        let pair = running.signed_in().await;
        let body = format!("{{\"refresh_token\":\"{}\"}}", pair.refresh);
        let mut socket = TcpStream::connect(running.server.address())
            .await
            .expect("a connection");
        let request = format!(
            "POST /logout HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket
            .write_all(request.as_bytes())
            .await
            .expect("a request sent");
        drop(socket);
        // The session is over in the database a moment later; then no guard may let it pass.
        while running.refresh(&pair.refresh).await.status() == StatusCode::OK {
            tokio::task::yield_now().await;
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while running.get_as("/me", &pair).await.status() == StatusCode::OK {
            assert!(
                std::time::Instant::now() < deadline,
                "its guard was never told"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn who_connects_and_says_too_little_is_not_waited_for() {
    let running = start().await;
    let half = "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    let silent = ["", "PR", "GET /me HT", half].map(|said| {
        let address = running.server.address();
        async move {
            let mut socket = TcpStream::connect(address).await.expect("a connection");
            socket.write_all(said.as_bytes()).await.expect("sent");
            let mut answer = Vec::new();
            // Bounded far above the server's own patience: what is tested is that it ends.
            let ended =
                tokio::time::timeout(Duration::from_secs(60), socket.read_to_end(&mut answer));
            assert!(ended.await.is_ok(), "still open after {said:?}");
        }
    });
    futures_util::future::join_all(silent).await;
}

#[tokio::test]
async fn unknown_wrong_empty_and_disabled_are_one_refusal() {
    let running = start().await;
    let bob = Password::new(PASSWORD).expect("a password");
    running
        .server
        .directory()
        .add("bob", bob, vec![])
        .await
        .expect("a user");
    running
        .server
        .directory()
        .disable("bob")
        .await
        .expect("a user");
    let mut bodies = Vec::new();
    for (name, password) in [
        ("ada", "wrong password"),
        ("nobody", "wrong password"),
        ("ada", ""),
        ("bob", PASSWORD),
    ] {
        let response = running.login(name, password).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        bodies.push(response.text().await.expect("text"));
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:?}");
    assert!(bodies[0].contains("invalid_credentials"));
}

#[tokio::test]
async fn after_five_failures_one_has_to_wait() {
    let running = start().await;
    // An unknown name waits just the same.
    for name in ["ada", "nobody"] {
        for _ in 0..5 {
            let response = running.login(name, "wrong password").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        }
        let response = waiting(&running, name).await;
        let wait = response.headers()["retry-after"].to_str().expect("text");
        assert!(
            wait.parse::<u64>().is_ok_and(|seconds| seconds >= 1),
            "{wait}"
        );
        let reason = refused(response, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
        assert_eq!(reason, "too_many_attempts");
    }
}

/// Guesses on until one has to wait.
async fn waiting(running: &Running, name: &str) -> Response {
    let guess = json!({"username": name, "password": "wrong password"});
    sent_until_it_waits(|| running.request(Method::POST, "/login").json(&guess)).await
}

/// The first waits are short: on a slow machine one may be over before the next guess, but each is
/// twice as long as the one before.
async fn sent_until_it_waits(guess: impl Fn() -> RequestBuilder) -> Response {
    for _ in 0..4 {
        let response = guess().send().await.expect("an answer");
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            return response;
        }
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    panic!("nobody was made to wait");
}

#[tokio::test]
async fn a_strangers_guesses_do_not_keep_the_owners_device_out() {
    let running = start().await;
    // A token of the very second in which the password was chosen does not count.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let signed_in: Value = running
        .login("ada", PASSWORD)
        .await
        .json()
        .await
        .expect("JSON");
    let device = signed_in["device_token"].as_str().expect("a device token");
    for _ in 0..5 {
        running.login("ada", "a stranger's guess").await;
    }
    waiting(&running, "ada").await;
    let with = |name: &str, device: &str| json!({"username": name, "password": PASSWORD, "device_token": device});
    let owner = running.post("/login", &with("ada", device)).await;
    assert_eq!(owner.status(), StatusCode::OK);
    // A made-up one counts with everybody else's: it has no five guesses of its own.
    let mut guess = with("ada", "csd_AAAA");
    guess["password"] = json!("wrong password");
    sent_until_it_waits(|| running.request(Method::POST, "/login").json(&guess)).await;
}

/// Whoever had the account before its password was reset has a device token too.
#[tokio::test]
async fn after_a_reset_the_old_devices_count_with_everybody_else() {
    let running = start().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let signed_in: Value = running
        .login("ada", PASSWORD)
        .await
        .json()
        .await
        .expect("JSON");
    let device = signed_in["device_token"].as_str().expect("a device token");
    let reset = Password::new("another good one").expect("a password");
    let directory = running.server.directory();
    directory.set_password("ada", reset).await.expect("reset");
    for _ in 0..5 {
        running.login("ada", "a stranger's guess").await;
    }
    waiting(&running, "ada").await;
    // Apart from everybody else it would have five guesses of its own.
    let guess = json!({"username": "ada", "password": PASSWORD, "device_token": device});
    sent_until_it_waits(|| running.request(Method::POST, "/login").json(&guess)).await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_patience() {
    let proxy = "127.0.0.0/8".parse().expect("a network");
    let running = start_with(|config| Config {
        trusted_proxies: vec![proxy],
        ..config
    })
    .await;
    let login = |from: &str, password: &str| {
        running
            .request(Method::POST, "/login")
            .header("x-forwarded-for", from)
            .json(&json!({"username": "ada", "password": password}))
    };
    for _ in 0..5 {
        login("198.51.100.7", "wrong")
            .send()
            .await
            .expect("an answer");
    }
    sent_until_it_waits(|| login("198.51.100.7", "wrong")).await;
    let other = login("203.0.113.9", PASSWORD)
        .send()
        .await
        .expect("an answer");
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_brings_the_next_pair_and_a_lost_answer_the_same_one() {
    let running = start().await;
    let first = running.signed_in().await;
    let second = pair(running.refresh(&first.refresh).await).await;
    assert_ne!(first.refresh, second.refresh);
    let again = pair(running.refresh(&first.refresh).await).await;
    assert_eq!(again.refresh, second.refresh, "one successor, ever");
    assert_eq!(running.get_as("/me", &again).await.status(), StatusCode::OK);
    let third = pair(running.refresh(&second.refresh).await).await;
    assert_ne!(third.refresh, second.refresh);
}

#[tokio::test]
async fn a_stolen_token_ends_the_session_for_thief_and_owner() {
    let grace = Duration::from_secs(1);
    let running = start_with(|config| Config {
        sessions: SessionPolicy {
            grace,
            ..SessionPolicy::default()
        },
        ..config
    })
    .await;
    let first = running.signed_in().await;
    let second = pair(running.refresh(&first.refresh).await).await;
    tokio::time::sleep(grace * 3).await;
    let thief = running.refresh(&first.refresh).await;
    assert_eq!(
        refused(thief, StatusCode::BAD_REQUEST, "invalid_grant").await,
        "refresh_reused"
    );
    let owner = running.refresh(&second.refresh).await;
    assert_eq!(
        refused(owner, StatusCode::BAD_REQUEST, "invalid_grant").await,
        "session_ended"
    );
    let me = running.get_as("/me", &second).await;
    assert_eq!(
        refused(me, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
}

#[tokio::test]
async fn racers_with_one_refresh_token_all_win_the_same() {
    let running = start().await;
    let first = running.signed_in().await;
    let racers = (0..16).map(|_| running.refresh(&first.refresh));
    let mut successors = Vec::new();
    for response in futures_util::future::join_all(racers).await {
        successors.push(pair(response).await.refresh);
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn what_is_not_a_refresh_token_of_ours_is_an_invalid_grant() {
    let running = start().await;
    for token in [
        "",
        "csr_",
        "not one",
        "csr_AAAA",
        "eyJhbGciOiJub25lIn0.e30.",
    ] {
        let response = running.refresh(token).await;
        let reason = refused(response, StatusCode::BAD_REQUEST, "invalid_grant").await;
        assert_eq!(reason, "unknown_refresh_token", "{token}");
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let running = start().await;
    let (one, two) = (running.signed_in().await, running.signed_in().await);
    let list: Value = running
        .get_as("/sessions", &one)
        .await
        .json()
        .await
        .expect("JSON");
    let sessions = list["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        sessions
            .iter()
            .filter(|session| session["current"] == true)
            .count(),
        1
    );
    let other = sessions
        .iter()
        .find(|session| session["current"] == false)
        .expect("the other");
    let path = format!("/sessions/{}", other["sid"].as_str().expect("a sid"));
    let ended = running
        .request(Method::DELETE, &path)
        .bearer_auth(&one.access)
        .send()
        .await;
    assert_eq!(ended.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &two).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(running.get_as("/me", &one).await.status(), StatusCode::OK);
    let all = running
        .request(Method::DELETE, "/sessions")
        .bearer_auth(&one.access)
        .send()
        .await;
    assert_eq!(all.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &one).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_new_password_keeps_this_session_and_ends_the_others() {
    let running = start().await;
    let (one, two) = (running.signed_in().await, running.signed_in().await);
    let change = |current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        running
            .request(Method::POST, "/password")
            .bearer_auth(&one.access)
            .json(&body)
            .send()
    };
    let wrong = change("wrong password", "another good one")
        .await
        .expect("an answer");
    refused(wrong, StatusCode::UNAUTHORIZED, "invalid_credentials").await;
    let short = change(PASSWORD, "short").await.expect("an answer");
    let reason = refused(short, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "password_too_short");
    let changed = change(PASSWORD, "another good one")
        .await
        .expect("an answer");
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_eq!(running.get_as("/me", &one).await.status(), StatusCode::OK);
    assert_eq!(
        running.get_as("/me", &two).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        running.login("ada", PASSWORD).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        running.login("ada", "another good one").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_back_when_enabled() {
    let running = start().await;
    let pair = running.signed_in().await;
    running
        .server
        .directory()
        .disable("ada")
        .await
        .expect("a user");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while running.get_as("/me", &pair).await.status() == StatusCode::OK {
        assert!(
            std::time::Instant::now() < deadline,
            "the revocation never came"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refresh = running.refresh(&pair.refresh).await;
    refused(refresh, StatusCode::BAD_REQUEST, "invalid_grant").await;
    running
        .server
        .directory()
        .enable("ada")
        .await
        .expect("a user");
    let back = running.signed_in().await;
    assert_eq!(running.get_as("/me", &back).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_metadata_is_true_and_the_keys_are_there() {
    let running = start().await;
    let get = |path: &'static str| running.request(Method::GET, path).send();
    let metadata: Value = get("/.well-known/openid-configuration")
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(metadata["issuer"], running.server.issuer());
    for (name, url) in metadata.as_object().expect("an object") {
        if let Some(url) = url.as_str().filter(|_| name.ends_with("_endpoint")) {
            let path = url
                .strip_prefix(running.server.issuer())
                .expect("below the issuer");
            let status = running
                .request(Method::GET, path)
                .send()
                .await
                .expect("an answer")
                .status();
            assert_ne!(status, StatusCode::NOT_FOUND, "{name}");
        }
    }
    let keys = get("/.well-known/jwks.json").await.expect("an answer");
    let etag = keys.headers()["etag"].clone();
    assert!(
        keys.headers()["cache-control"]
            .to_str()
            .is_ok_and(|v| v.starts_with("public, max-age="))
    );
    let set: Value = keys.json().await.expect("JSON");
    assert_eq!(
        set["keys"].as_array().map(Vec::len),
        Some(2),
        "one signs, one is pending: {set}"
    );
    assert!(
        set["keys"]
            .as_array()
            .is_some_and(|keys| keys.iter().all(|key| key.get("d").is_none()))
    );
    let unchanged = running
        .request(Method::GET, "/.well-known/jwks.json")
        .header("if-none-match", etag)
        .send()
        .await
        .expect("an answer");
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn nothing_is_at_other_paths_and_methods_are_named() {
    let running = start().await;
    let nowhere = running
        .request(Method::GET, "/nowhere")
        .send()
        .await
        .expect("an answer");
    refused(nowhere, StatusCode::NOT_FOUND, "not_found").await;
    let pair = running.signed_in().await;
    let odd = running
        .request(Method::DELETE, "/sessions/%FF")
        .bearer_auth(&pair.access)
        .send()
        .await
        .expect("an answer");
    let reason = refused(odd, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "bad_path");
    let wrong = running
        .request(Method::GET, "/login")
        .send()
        .await
        .expect("an answer");
    assert_eq!(wrong.headers()["allow"], "POST");
    refused(wrong, StatusCode::METHOD_NOT_ALLOWED, "invalid_request").await;
}

#[tokio::test]
async fn scopes_and_audiences_nobody_granted_are_refused() {
    let running = start().await;
    let asked = |name: &str, value: &str| {
        let mut body = json!({"username": "ada", "password": PASSWORD});
        body[name] = json!(value);
        body
    };
    let scope = running
        .post("/login", &asked("scope", "orders:delete"))
        .await;
    refused(scope, StatusCode::BAD_REQUEST, "invalid_scope").await;
    let audience = running
        .post("/login", &asked("audience", "another-api"))
        .await;
    refused(audience, StatusCode::BAD_REQUEST, "invalid_target").await;
}

#[tokio::test]
async fn an_old_audience_gets_the_algorithm_it_knows() {
    let running = start_with(|config| Config {
        other_audiences: [("legacy".to_owned(), Algorithm::RS256)].into(),
        ..config
    })
    .await;
    let header = async |audience: &str| {
        let body = json!({"username": "ada", "password": PASSWORD, "audience": audience});
        let token = pair(running.post("/login", &body).await).await.access;
        let unverified = Unverified::parse(&token).expect("a token");
        (
            unverified.header_json()["alg"].clone(),
            unverified.claims_json()["aud"].clone(),
        )
    };
    assert_eq!(header("legacy").await, (json!("RS256"), json!("legacy")));
    assert_eq!(header("api").await, (json!("ES256"), json!("api")));
}

#[tokio::test]
async fn the_feed_tells_a_follower_who_is_out() {
    let running = start().await;
    let pair = running.signed_in().await;
    let mut stream = running
        .request(Method::GET, "/revocations")
        .header("accept", "text/event-stream")
        .send()
        .await
        .expect("a stream");
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let snapshot = event(&mut stream).await;
    assert_eq!(snapshot["events"], json!([]));
    assert!(snapshot.get("since").is_none());
    running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    loop {
        let news = event(&mut stream).await;
        if let [ended] = news["events"].as_array().expect("events").as_slice() {
            assert_eq!(ended["kind"], "sid");
            break;
        }
    }
    running.server.stop().await;
    // A stop lets followers go instead of waiting for them.
    while let Ok(Some(_)) = stream.chunk().await {}
}

/// The next bulletin of a stream, unverified.
async fn event(stream: &mut Response) -> Value {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let chunk = stream
            .chunk()
            .await
            .expect("a chunk")
            .expect("more to come");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    let data = text
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .expect("data");
    claims(data)
}

/// What a token says, unverified.
fn claims(jws: &str) -> Value {
    let payload = jws.split('.').nth(1).expect("three parts");
    let payload = countersign::base64url::decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

/// RFC 8414 §3.1: an issuer with a path is found with the well-known name in front of that path.
#[tokio::test]
async fn an_issuer_with_a_path_is_found_where_the_rfc_looks() {
    let running = start_with(|config| Config {
        issuer: Some("https://id.example/shop".into()),
        plain_http: countersign_server::PlainHttp::BehindProxy,
        ..config
    })
    .await;
    let at = |path: &str| {
        let url = format!("http://{}{path}", running.server.address());
        running.client.get(url).send()
    };
    for path in [
        "/.well-known/oauth-authorization-server/shop",
        "/.well-known/openid-configuration/shop",
        // For whoever strips `/shop` from what it forwards.
        "/.well-known/openid-configuration",
    ] {
        let answer = at(path).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let metadata: Value = answer.json().await.expect("JSON");
        assert_eq!(metadata["issuer"], "https://id.example/shop");
        let token = &metadata["token_endpoint"];
        assert_eq!(token, "https://id.example/shop/oauth/token");
    }
    let other = at("/.well-known/oauth-authorization-server/other").await;
    assert_eq!(other.expect("an answer").status(), StatusCode::NOT_FOUND);
}
