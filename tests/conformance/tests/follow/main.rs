//! A guard that follows real servers, through whatever lies between: what was taken back is refused
//! soon and for good, and nothing else ever is.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on must fail, and what it prints is shown when it does"
)]

#[path = "../../../../crates/server/tests/store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;

mod between;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign::UnixTime;
use countersign_conformance::{Server, Shared, request};
use countersign_guard::Guard;
use countersign_wire::paths;
use reqwest::Method;
use tokio::time::sleep;

use crate::between::Between;
use crate::cluster::Cluster;

const PASSWORD: &str = "correct horse battery staple";
/// Far longer than anything takes; what takes so long is broken.
const PATIENCE: Duration = Duration::from_secs(40);

/// A pair of tokens.
struct Pair {
    access: String,
    refresh: String,
}

async fn sign_in(server: &Server, name: &str) -> Pair {
    let answer = server.http().login(name, PASSWORD).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    Pair {
        access: answer.field("access_token"),
        refresh: answer.field("refresh_token"),
    }
}

async fn sign_out(server: &Server, pair: &Pair) {
    let answer = server.http().logout(&pair.refresh).await;
    assert_eq!(answer.expect("an answer").status, 204);
}

async fn follow(url: &str) -> Guard {
    countersign_witness::listen();
    let guard = Guard::builder(url, "api").follow().await;
    guard.expect("the issuer is there")
}

/// Why it is refused, if it is.
fn refused(guard: &Guard, pair: &Pair) -> Option<&'static str> {
    let outcome = guard.check_token(&pair.access, UnixTime::now());
    outcome.err().map(|refusal| refusal.reason_code())
}

/// Waits until the session's token is refused as revoked; meanwhile it is good, and the others are
/// all the time.
async fn revoked(guard: &Guard, gone: &Pair, good: &[&Pair], what: &str) {
    refused_soon(guard, gone, good, what, &["revoked"]).await;
}

/// The same for a token of a withdrawn key, which is gone from the set soon after.
async fn withdrawn(guard: &Guard, gone: &Pair, good: &[&Pair], what: &str) {
    refused_soon(guard, gone, good, what, &["revoked", "unknown_key"]).await;
}

async fn refused_soon(guard: &Guard, gone: &Pair, good: &[&Pair], what: &str, why: &[&str]) {
    let began = Instant::now();
    loop {
        for pair in good {
            assert_eq!(refused(guard, pair), None, "{what}");
        }
        match refused(guard, gone) {
            None => assert!(began.elapsed() < PATIENCE, "{what}: it is never refused"),
            Some(reason) => {
                assert!(why.contains(&reason), "{what}: {reason}");
                println!("{what}: refused after {:?}", began.elapsed());
                return;
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_swallows_everything_is_found_out() {
    let between = Between::start().await;
    let mut server = Server::with(["--issuer", &between.url]);
    server.add_user("ada", PASSWORD);
    server.start().await;
    between.lead_to([server.url()]);
    let guard = follow(&between.url).await;
    let (first, second, kept) = (
        sign_in(&server, "ada").await,
        sign_in(&server, "ada").await,
        sign_in(&server, "ada").await,
    );
    sign_out(&server, &first).await;
    revoked(&guard, &first, &[&second, &kept], "over a good connection").await;

    assert!(between.mute() > 0, "the guard has connections");
    sign_out(&server, &second).await;
    revoked(&guard, &second, &[&kept], "over a mute connection").await;
    assert_eq!(refused(&guard, &first), Some("revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_is_followed_into_its_new_life() {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    let guard = follow(&server.url()).await;
    let (before, last, after, kept) = (
        sign_in(&server, "ada").await,
        sign_in(&server, "ada").await,
        sign_in(&server, "ada").await,
        sign_in(&server, "ada").await,
    );
    sign_out(&server, &before).await;
    revoked(&guard, &before, &[&last, &after, &kept], "before").await;

    // Answered, and killed before anybody could be told.
    sign_out(&server, &last).await;
    server.kill();
    assert_eq!(refused(&guard, &kept), None, "nobody is asked for it");
    server.start().await;
    revoked(&guard, &last, &[&after, &kept], "with its last breath").await;
    sign_out(&server, &after).await;
    revoked(&guard, &after, &[&kept], "after").await;

    server.terminate();
    server.ended().await;
    server.start().await;
    let newest = sign_in(&server, "ada").await;
    sign_out(&server, &newest).await;
    revoked(&guard, &newest, &[&kept], "after it was stopped").await;
    for gone in [&before, &last, &after] {
        assert_eq!(refused(&guard, gone), Some("revoked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_behind_one_address_are_one_issuer() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let between = Between::start().await;
    let shared = Shared {
        issuer: between.url.clone(),
        ..Shared::on(cluster.new_database().await)
    };
    let mut servers: Vec<Server> = (0..2).map(|_| Server::sharing(&shared)).collect();
    servers[0].add_user("ada", PASSWORD);
    for server in &mut servers {
        server.start().await;
    }
    between.lead_to(servers.iter().map(Server::url));
    let guards = [follow(&between.url).await, follow(&between.url).await];
    let kept = sign_in(&servers[0], "ada").await;

    // Whichever ends a session, and whichever a guard happens to listen to.
    for turn in 0..6 {
        let (here, there) = (&servers[turn % 2], &servers[(turn / 2) % 2]);
        let gone = sign_in(here, "ada").await;
        sign_out(there, &gone).await;
        for (number, guard) in guards.iter().enumerate() {
            let what = format!("turn {turn}, guard {number}");
            revoked(guard, &gone, &[&kept], &what).await;
        }
    }

    // One of them goes; the guards that listened to it go on with the other.
    servers[1].kill();
    between.lead_to([servers[0].url()]);
    let gone = sign_in(&servers[0], "ada").await;
    sign_out(&servers[0], &gone).await;
    for guard in &guards {
        revoked(guard, &gone, &[&kept], "one server is left").await;
    }
}

/// Sign, rotate, sign, withdraw, sign: tokens of each moment are checked all the time.
#[tokio::test(flavor = "multi_thread")]
async fn keys_change_under_traffic_and_no_good_token_is_refused() {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    let root = ["user", "add", "root", "--role", "admin", "--password-stdin"];
    let password = format!("{PASSWORD}\n");
    server.command(root).input(password).succeed();
    // The first start makes the keys.
    server.start().await;
    server.kill();
    known_for_long(&server);
    server.start().await;
    let guard = follow(&server.url()).await;
    let admin = sign_in(&server, "root").await;
    let first = sign_in(&server, "ada").await;
    let leaked = kid(&first);
    let traffic = Traffic::start(&server, &guard, &leaked).await;

    let rotate = format!("{}/rotate", paths::ADMIN_KEYS);
    administer(&server, &admin, Method::POST, &rotate).await;
    traffic.more().await;
    let second = sign_in(&server, "ada").await;
    assert_ne!(kid(&second), leaked, "the next key signs");
    for pair in [&first, &second] {
        assert_eq!(refused(&guard, pair), None, "retired is not withdrawn");
    }

    traffic.withdrawing.store(true, Ordering::SeqCst);
    let withdraw = format!("{}/{leaked}", paths::ADMIN_KEYS);
    administer(
        &server,
        &sign_in(&server, "root").await,
        Method::DELETE,
        &withdraw,
    )
    .await;
    withdrawn(&guard, &first, &[&second], "a withdrawn key").await;
    traffic.more().await;

    // The very key that signs now leaks as well: the next one is promoted at once.
    let now = kid(&second);
    let traffic = {
        traffic.stop().await;
        Traffic::start(&server, &guard, &now).await
    };
    traffic.withdrawing.store(true, Ordering::SeqCst);
    let withdraw = format!("{}/{now}", paths::ADMIN_KEYS);
    administer(
        &server,
        &sign_in(&server, "root").await,
        Method::DELETE,
        &withdraw,
    )
    .await;
    withdrawn(&guard, &second, &[], "the key that signed").await;
    traffic.more().await;
    traffic.stop().await;
    for gone in [&first, &second] {
        assert!(
            refused(&guard, gone).is_some(),
            "a withdrawn key stays withdrawn"
        );
    }
}

/// Moves the next key into the past, as if every verifier had had the time to fetch it: before that
/// a server refuses to rotate.
fn known_for_long(server: &Server) {
    let file = server.folder().join("countersign.db");
    let database = rusqlite::Connection::open(file).expect("a database");
    let sql = "UPDATE signing_keys SET created_at = created_at - 1000 WHERE state = 'pending'";
    let changed = database.execute(sql, []).expect("the table of keys");
    assert_eq!(changed, 1, "one key is next");
}

async fn administer(server: &Server, admin: &Pair, method: Method, path: &str) {
    let sent = server
        .http()
        .request(method, path)
        .bearer_auth(&admin.access);
    let answer = request::answer(sent).await.expect("an answer");
    assert!(answer.status.is_success(), "{answer:?}");
}

/// The key that a token names.
fn kid(pair: &Pair) -> String {
    let token = countersign::Unverified::parse(&pair.access).expect("a token");
    token.key_id().expect("it names its key").to_owned()
}

/// Tokens made and checked as fast as they come, each several times.
struct Traffic {
    checked: Arc<AtomicU64>,
    /// Tokens of the leaked key may be refused from now on.
    withdrawing: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
    running: tokio::task::JoinHandle<()>,
}

impl Traffic {
    async fn start(server: &Server, guard: &Guard, leaked: &str) -> Self {
        let (http, guard, leaked) = (server.http(), guard.clone(), leaked.to_owned());
        let mut pair = sign_in(server, "ada").await;
        let checked = Arc::new(AtomicU64::new(0));
        let withdrawing = Arc::new(AtomicBool::new(false));
        let stopping = Arc::new(AtomicBool::new(false));
        let (count, may_refuse, stop) = (
            Arc::clone(&checked),
            Arc::clone(&withdrawing),
            Arc::clone(&stopping),
        );
        let running = tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                for _ in 0..3 {
                    let outcome = guard.check_token_async(&pair.access, UnixTime::now()).await;
                    let excused = may_refuse.load(Ordering::SeqCst) && kid(&pair) == leaked;
                    if let Err(refusal) = outcome {
                        assert!(excused, "{}: a good token", refusal.reason_code());
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }
                let answer = http.refresh(&pair.refresh).await.expect("an answer");
                assert_eq!(answer.status, 200, "{answer:?}");
                pair = Pair {
                    access: answer.field("access_token"),
                    refresh: answer.field("refresh_token"),
                };
            }
        });
        Self {
            checked,
            withdrawing,
            stopping,
            running,
        }
    }

    /// Waits until a hundred more were checked.
    async fn more(&self) {
        let (began, enough) = (Instant::now(), self.checked.load(Ordering::SeqCst) + 100);
        while self.checked.load(Ordering::SeqCst) < enough {
            assert!(!self.running.is_finished(), "a good token was refused");
            assert!(began.elapsed() < PATIENCE, "nothing is checked any more");
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.running.await.expect("no good token was refused");
    }
}
