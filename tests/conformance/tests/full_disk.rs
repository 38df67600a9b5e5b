//! Where nothing more can be written, a server says come back later and reads on; its log says so once
//! a minute, for it may lie on the same disk; and once there is room, it goes on as if nothing had
//! been.
//!
//! A disk of any size cannot be filled everywhere. A process may be forbidden to let its files
//! grow, and that fails the same writes.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::fs;
use std::time::Instant;

use countersign_conformance::request::{Answer, answer};
use countersign_conformance::{Http, Server};
use countersign_wire::paths;
use reqwest::Method;
use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

const PASSWORD: &str = "correct horse battery staple";
const FAILED: &str = "the database failed requests";

#[tokio::test]
async fn a_server_that_can_write_nothing_goes_on_once_it_can() {
    let mut server = signed_up().await;
    let http = server.http();
    let pair = http.login("ada", PASSWORD).await.expect("an answer");
    let (access, refresh) = (pair.field("access_token"), pair.field("refresh_token"));

    let began = Instant::now();
    let_files_grow(&server, false);
    for number in 0..40 {
        let refused = http.refresh(&refresh).await.expect("an answer");
        come_back_later(&refused, "storage_unavailable");
        if number % 10 == 0 {
            let refused = http.login("ada", PASSWORD).await.expect("an answer");
            come_back_later(&refused, "storage_unavailable");
        }
    }
    assert_eq!(http.me(&access).await.expect("an answer").status, 200);
    let ready = http.get(paths::READYZ).await.expect("an answer");
    assert_eq!(ready.status, 503, "{}", ready.text);
    let minutes = 1 + began.elapsed().as_secs() / 60;

    let_files_grow(&server, true);
    let next = http.refresh(&refresh).await.expect("an answer");
    assert_eq!(next.status, 200, "nothing is lost: {}", next.text);
    let ready = http.get(paths::READYZ).await.expect("an answer");
    assert_eq!(ready.status, 200, "{}", ready.text);

    server.terminate();
    let (ended, words) = server.ended_with_words().await;
    assert!(ended.success(), "{ended}: {words:?}");
    let told = words.iter().filter(|line| line.contains(FAILED)).count();
    let told = u64::try_from(told).expect("a few");
    assert!((1..=minutes).contains(&told), "{told} times: {words:?}");
}

/// What can be seen once and never again is said at once, also in a minute in which all fails.
#[tokio::test]
async fn a_damaged_database_is_in_the_log_at_once() {
    let mut server = signed_up().await;
    let http = server.http();
    for client in ["shop", "till"] {
        server.command(["client", "add", client]).succeed();
    }
    let pair = http.login("ada", PASSWORD).await.expect("an answer");
    let_files_grow(&server, false);
    let refused = http.refresh(&pair.field("refresh_token")).await;
    come_back_later(&refused.expect("an answer"), "storage_unavailable");
    let_files_grow(&server, true);

    let database = Connection::open(server.folder().join("countersign.db")).expect("a database");
    let damaged = database.execute("UPDATE clients SET authentication = 'by handshake'", []);
    assert_eq!(damaged.expect("written"), 2);
    drop(database);
    for client in ["shop", "till"] {
        let refused = token_for(&http, client).await;
        come_back_later(&refused, "storage_unavailable");
        assert!(!refused.text.contains("clients"), "{}", refused.text);
    }
    server.terminate();
    let (ended, words) = server.ended_with_words().await;
    assert!(ended.success(), "{ended}: {words:?}");
    let told = |what: &str| {
        let lines = words.iter().filter(|line| line.contains(FAILED));
        lines.filter(|line| line.contains(what)).count()
    };
    assert_eq!(told("something unexpected in clients"), 2, "{words:?}");
    assert_eq!(told("requests="), 3, "{words:?}");
    let handshake = words.iter().any(|line| line.contains("handshake"));
    assert!(!handshake, "what is there is not repeated: {words:?}");
}

async fn signed_up() -> Server {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    server
}

async fn token_for(http: &Http, client: &str) -> Answer {
    let request = http
        .request(Method::POST, paths::OAUTH_TOKEN)
        .basic_auth(client, Some("csc_wrong"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    answer(request).await.expect("an answer")
}

fn come_back_later(refused: &Answer, reason: &str) {
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.field("reason"), reason);
}

/// From now on no file of the server's grows past what its log is long, or all may again.
fn let_files_grow(server: &Server, may: bool) {
    let log = fs::metadata(server.folder().join("countersign.db-wal")).expect("a log");
    let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = if may { maximum } else { Some(log.len()) };
    let limit = Rlimit { current, maximum };
    prlimit(id, Resource::Fsize, limit).expect("a process of ours");
}
