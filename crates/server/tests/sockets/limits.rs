use std::fmt::Write as _;
use std::time::{Duration, Instant};

use countersign_server::config::Limits;
use tokio::io::AsyncWriteExt;

use super::{AT_MOST, Running, answer, rest, said};

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_unread() {
    let limits = Limits {
        head_bytes: 8 * 1024,
        ..Limits::default()
    };
    let running = Running::start(limits, |config| config).await;
    let with = |value: usize| {
        let value = "x".repeat(value);
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: {value}\r\nconnection: close\r\n\r\n")
    };
    let fits = said(&mut running.connect().await, &with(7_000)).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let too_large = said(&mut running.connect().await, &with(9_000)).await;
    assert!(too_large.starts_with("HTTP/1.1 431"), "{too_large}");
    assert!(
        too_large.contains("\"reason\":\"head_too_large\""),
        "{too_large}"
    );
    assert_named(&too_large);
    let line = format!(
        "GET /healthz?{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "x".repeat(9_000)
    );
    let too_long = said(&mut running.connect().await, &line).await;
    assert!(too_long.starts_with("HTTP/1.1 431"), "{too_long}");
    // So large that it is not even read to its end.
    let far_too_large = said(&mut running.connect().await, &with(40_000)).await;
    assert!(far_too_large.starts_with("HTTP/1.1 431"), "{far_too_large}");
}

/// Whoever asks whether to send it is not told to go on, and nobody waits for the rest.
#[tokio::test]
async fn a_body_that_is_said_to_be_too_long_is_refused_before_it_comes() {
    let running = Running::start(Limits::default(), |config| config).await;
    for asks in ["", "expect: 100-continue\r\n"] {
        let request = format!(
            "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 16385\r\n{asks}connection: close\r\n\r\n"
        );
        let refused = said(&mut running.connect().await, &request).await;
        assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
        assert!(
            refused.contains("\"reason\":\"body_too_large\""),
            "{refused}"
        );
    }
}

/// What is refused by a limit has a name as well, by which the log knows it.
fn assert_named(answer: &str) {
    let mut lines = answer.lines();
    let name = lines.find_map(|line| line.strip_prefix("x-request-id: "));
    assert_eq!(name.map(str::len), Some(16), "{answer}");
}

#[tokio::test]
async fn more_headers_than_anybody_needs_are_refused() {
    let running = Running::start(Limits::default(), |config| config).await;
    let with = |count: usize| {
        let mut request = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".to_owned();
        for number in 0..count {
            write!(request, "x-{number}: y\r\n").expect("text");
        }
        request + "\r\n"
    };
    let fits = said(&mut running.connect().await, &with(98)).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let too_many = said(&mut running.connect().await, &with(99)).await;
    assert!(too_many.starts_with("HTTP/1.1 431"), "{too_many}");
    assert_named(&too_many);
}

#[tokio::test]
async fn who_connects_when_all_connections_are_taken_waits_until_one_is_closed() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let running = Running::start(limits, |config| config).await;
    let mut first = running.connect().await;
    first.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = running.connect().await;
    second.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    tokio::select! {
        answered = answer(&mut second) => assert!(answered.is_empty(), "{answered}"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
}

/// Each patience is set to far more than the others in turn: a connection that ends has met the one
/// that is tested.
#[tokio::test]
async fn who_takes_too_long_is_not_waited_for() {
    let (short, long) = (Duration::from_millis(200), Duration::from_secs(3600));
    let limits = |head, idle| Limits {
        head,
        idle,
        ..Limits::default()
    };
    let hasty = Running::start(limits(short, long), |config| config).await;
    // Says nothing, says too little, says it too slowly.
    rest(&mut hasty.connect().await).await;
    assert_eq!(said(&mut hasty.connect().await, "GET /hea").await, "");
    let mut slow = hasty.connect().await;
    let began = Instant::now();
    while slow.write_all(b"GET ").await.is_ok() {
        assert!(began.elapsed() < AT_MOST, "a head may take for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The second request of a connection is held to the same.
    let mut second = hasty.connect().await;
    second.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
    assert_eq!(said(&mut second, "GET /hea").await, "");

    // Who asks nothing more is let go after a while, but not before.
    let calm = Running::start(limits(long, short), |config| config).await;
    let mut idle = calm.connect().await;
    for _ in 0..3 {
        idle.write_all(HEALTHZ.as_bytes()).await.expect("sent");
        assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(rest(&mut idle).await, "");
    let patient = Running::start(limits(short, long), |config| config).await;
    let mut idle = patient.connect().await;
    idle.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    tokio::time::sleep(short * 3).await;
    idle.write_all(HEALTHZ.as_bytes())
        .await
        .expect("still open");
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200"));
}

/// A follower of the feed asks nothing for hours, and is not idle.
#[tokio::test]
async fn a_stream_that_goes_on_is_no_idle_connection() {
    let limits = Limits {
        idle: Duration::from_millis(100),
        head: Duration::from_millis(100),
        ..Limits::default()
    };
    let running = Running::start(limits, |config| config).await;
    let mut follower = running.connect().await;
    let follow = "GET /revocations HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";
    follower.write_all(follow.as_bytes()).await.expect("sent");
    let mut heard = String::new();
    // The second heartbeat comes after two seconds.
    while heard.matches("\ndata: ").count() < 3 {
        let more = answer(&mut follower).await;
        assert!(!more.is_empty(), "the stream broke off: {heard}");
        heard += &more;
    }
}
