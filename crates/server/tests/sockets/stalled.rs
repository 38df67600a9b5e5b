//! Whoever does not take what is written to them is let go.

use std::time::{Duration, Instant};

use countersign_server::config::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::frames::{DATA, Frames};
use super::{AT_MOST, Running, said, tls};

const OPENAPI: &str = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Only the patience with who takes nothing is short.
fn stalled(within: Duration) -> Limits {
    Limits {
        stalled: within,
        idle: FOR_EVER,
        head: FOR_EVER,
        ..Limits::default()
    }
}

/// A connection of which so much is taken that is not read.
async fn narrow(running: &Running, bytes: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(bytes).expect("a small buffer");
    let connected = socket.connect(running.server.address()).await;
    connected.expect("a connection")
}

#[tokio::test]
async fn who_asks_and_asks_and_reads_nothing_is_let_go() {
    let running = Running::start(stalled(Duration::from_millis(200)), |config| config).await;
    let mut socket = narrow(&running, 8 * 1024).await;
    let asking = async {
        loop {
            // Fails once the other end is gone; until then it waits, or goes on.
            if socket.write_all(OPENAPI.as_bytes()).await.is_err() {
                break;
            }
        }
    };
    timeout(AT_MOST, asking).await.expect("the server lets go");
}

#[tokio::test]
async fn who_reads_slowly_gets_everything() {
    const ANSWERS: usize = 200;
    let within = Duration::from_secs(2);
    let running = Running::start(stalled(within), |config| config).await;
    let last = OPENAPI.replace("host: x", "host: x\r\nconnection: close");
    let one = said(&mut running.connect().await, &last).await.len();
    let (mut reading, mut writing) = narrow(&running, 128 * 1024).await.into_split();
    let ask = OPENAPI.repeat(ANSWERS) + &last;
    let asking = tokio::spawn(async move {
        writing.write_all(ask.as_bytes()).await.expect("sent");
        writing
    });
    let (began, mut heard, mut piece) = (Instant::now(), 0, vec![0; 64 * 1024]);
    loop {
        let count = timeout(AT_MOST, reading.read(&mut piece)).await;
        match count.expect("more").expect("an open connection") {
            0 => break,
            count => heard += count,
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(heard > ANSWERS * (one - 100), "{heard} bytes came");
    assert!(began.elapsed() > within, "that was not slow");
    drop(asking.await);
}

/// The socket takes everything there; it is the stream's window that lets nothing through.
#[tokio::test]
async fn a_window_that_stays_shut_ends_an_http_2_connection() {
    let files = tempfile::tempdir().expect("a folder");
    let limits = stalled(Duration::from_millis(200));
    let running = tls::start(files.path(), limits).await;
    let mut shut = Frames::connect(&running, tls::FIRST[0], 0).await;
    shut.get(1, "/.well-known/jwks.json", "*/*").await;
    ended(shut).await;
    // A follower who takes the first piece of the first event and no more.
    let mut ajar = Frames::connect(&running, tls::FIRST[0], 100).await;
    ajar.get(1, "/revocations", "text/event-stream").await;
    ended(ajar).await;
}

/// Pings go on being answered, which is not what is waited for.
async fn ended(mut frames: Frames) {
    let until_the_end = async {
        loop {
            if frames.ping().await.is_err() || frames.next().await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = timeout(AT_MOST, until_the_end).await;
    ended.expect("the server lets go");
}

#[tokio::test]
async fn who_takes_what_comes_may_follow_over_http_2() {
    let files = tempfile::tempdir().expect("a folder");
    let limits = stalled(Duration::from_millis(500));
    let running = tls::start(files.path(), limits).await;
    let mut frames = Frames::connect(&running, tls::FIRST[0], 65_535).await;
    frames.get(1, "/revocations", "text/event-stream").await;
    let mut heard = 0;
    // The second heartbeat comes after two seconds.
    while heard < 3 {
        let frame = timeout(AT_MOST, frames.next()).await;
        let frame = frame.expect("a frame").expect("an open connection");
        heard += u32::from(frame.kind == DATA);
    }
}
