//! Whoever a limit turns away is counted as what they were.
//!
//! The numbers are read from a listener of their own, which none of those limits is about.

use std::time::{Duration, Instant};

use countersign_server::Config;
use countersign_server::config::Limits;
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;

use super::exposition::Exposition;
use super::{AT_MOST, Running, answer, rest, said, tls};

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
/// A request that waits for its body.
const LOGIN: &str = "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                     content-length: 2\r\n\r\n";

async fn start(limits: Limits) -> Running {
    let beside = |config| Config {
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
        ..config
    };
    Running::start(limits, beside).await
}

fn refused(reason: &str) -> String {
    format!("countersign_http_refused_total{{reason=\"{reason}\"}}")
}

fn failed(reason: &str) -> String {
    format!("countersign_connections_failed_total{{reason=\"{reason}\"}}")
}

async fn numbers(running: &Running) -> Exposition {
    let address = running.server.metrics_address().expect("a listener");
    let page = reqwest::get(format!("http://{address}/metrics")).await;
    Exposition::read(&page.expect("an answer").text().await.expect("a page"))
}

/// What is counted may be counted a moment after the other end has heard of it.
async fn grows_to(running: &Running, name: &str, least: u64) {
    let began = Instant::now();
    while numbers(running).await.count(name) < least {
        assert!(began.elapsed() < AT_MOST, "{name} is not {least}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_counted() {
    let limits = Limits {
        body: Duration::from_millis(200),
        ..Limits::default()
    };
    let running = start(limits).await;
    let large = HEALTHZ.replace(
        "host: x",
        &format!("host: x\r\nx-large: {}", "x".repeat(60_000)),
    );
    let nameless = HEALTHZ.replace("host: x\r\n", "");
    for (reason, request) in [
        ("head_too_large", large.as_str()),
        ("bad_host", &nameless),
        ("body_unreadable", LOGIN),
    ] {
        assert_eq!(numbers(&running).await.count(&refused(reason)), 0);
        let mut socket = running.connect().await;
        // Who is refused at once may be gone before everything is sent.
        let _ = socket.write_all(request.as_bytes()).await;
        let answered = answer(&mut socket).await;
        assert!(answered.contains(reason), "{answered}");
        grows_to(&running, &refused(reason), 1).await;
        assert_eq!(numbers(&running).await.count(&refused(reason)), 1);
    }
}

#[tokio::test]
async fn who_finds_no_place_is_counted() {
    let limits = Limits {
        in_flight: 8,
        body: Duration::from_secs(3600),
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut slow = join_all((0..12).map(|_| running.connect())).await;
    for socket in &mut slow {
        socket.write_all(LOGIN.as_bytes()).await.expect("sent");
    }
    // Two of a network may wait.
    grows_to(&running, &refused("too_busy"), 10).await;

    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let running = start(limits).await;
    let full = "countersign_connections_full_total";
    let mut first = running.connect().await;
    first.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    grows_to(&running, full, 1).await;
    assert_eq!(
        numbers(&running)
            .await
            .count("countersign_connections_accepted_total"),
        1
    );
}

#[tokio::test]
async fn a_network_with_too_many_connections_is_counted() {
    let limits = Limits {
        connections_per_network: 1,
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut first = running.connect().await;
    first.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    let told = said(&mut running.connect().await, HEALTHZ).await;
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    grows_to(&running, &refused("too_many_connections"), 1).await;
    // So many that not each can be told.
    let began = Instant::now();
    while numbers(&running).await.count(&failed("too_many")) == 0 {
        assert!(began.elapsed() < AT_MOST, "each of them is told");
        let mut crowd = join_all((0..100).map(|_| running.connect())).await;
        for socket in &mut crowd {
            rest(socket).await;
        }
    }
}

#[tokio::test]
async fn a_handshake_that_comes_to_nothing_is_counted() {
    let files = tempfile::tempdir().expect("a folder");
    let limits = Limits {
        handshake: Duration::from_millis(500),
        ..Limits::default()
    };
    let running = tls::start_beside(files.path(), limits).await;
    let mut garbled = running.connect().await;
    // The head of a handshake, and nothing that belongs behind it.
    let garbage = b"\x16\x03\x01\x00\x04none";
    garbled.write_all(garbage).await.expect("sent");
    rest(&mut garbled).await;
    grows_to(&running, &failed("handshake"), 1).await;
    let mut silent = running.connect().await;
    rest(&mut silent).await;
    grows_to(&running, &failed("handshake_timeout"), 1).await;
}
