//! What one client can take, and what it cannot take from the others.

use std::time::Duration;

use countersign_issuer::PasswordParameters;
use countersign_server::Config;
use countersign_server::config::Limits;
use futures_util::future::{join_all, select_all};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::frames::Frames;
use super::{AT_MOST, Running, answer, rest, tls};

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
const READYZ: &str = "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n";
const JWKS: &str = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\n\r\n";
const ME: &str = "GET /me HTTP/1.1\r\nhost: x\r\n\r\n";
const FOLLOW: &str = "GET /revocations HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";
const SNAPSHOT: &str = "GET /revocations HTTP/1.1\r\nhost: x\r\n\r\n";
/// A request that waits for its body.
const LOGIN: &str = "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                     content-length: 2\r\n\r\n";

const FOR_EVER: Duration = Duration::from_secs(3600);

/// Eight requests at once; eight may wait for their bodies, two of one network.
fn eight() -> Limits {
    Limits {
        in_flight: 8,
        body: FOR_EVER,
        ..Limits::default()
    }
}

async fn asked(socket: &mut TcpStream, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.expect("sent");
    answer(socket).await
}

/// A connection from another address of this machine.
async fn from(address: [u8; 4], running: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("a local address");
    let connected = socket.connect(running.server.address()).await;
    connected.expect("a connection")
}

#[tokio::test]
async fn who_sends_a_body_slowly_takes_nobodys_place() {
    let running = Running::start(eight(), |config| config).await;
    let mut slow = join_all((0..12).map(|_| running.connect())).await;
    for socket in &mut slow {
        socket.write_all(LOGIN.as_bytes()).await.expect("sent");
    }
    // Two may wait, whichever they are.
    let mut refused = 0;
    let mut waiting: Vec<_> = slow
        .iter_mut()
        .map(|socket| Box::pin(answer(socket)))
        .collect();
    while waiting.len() > 2 {
        let (answered, _, others) = select_all(waiting).await;
        assert!(answered.starts_with("HTTP/1.1 503"), "{answered}");
        assert!(answered.contains("retry-after: 1"), "{answered}");
        assert!(answered.contains("x-request-id: "), "{answered}");
        assert!(answered.contains("\"reason\":\"too_busy\""), "{answered}");
        (waiting, refused) = (others, refused + 1);
    }
    assert_eq!(refused, 10);
    // Everybody else is answered, a body that comes at once included.
    let mut quick = running.connect().await;
    for request in [JWKS, READYZ, SNAPSHOT, ME, &format!("{LOGIN}{{}}")] {
        assert!(
            !asked(&mut quick, request).await.contains(" 503 "),
            "{request}"
        );
    }
    let mut elsewhere = from([127, 0, 0, 2], &running).await;
    elsewhere.write_all(LOGIN.as_bytes()).await.expect("sent");
    let unanswered = timeout(Duration::from_millis(300), answer(&mut elsewhere)).await;
    assert!(unanswered.is_err(), "{unanswered:?}");
    elsewhere.write_all(b"{}").await.expect("sent");
    let answered = answer(&mut elsewhere).await;
    assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
}

#[tokio::test]
async fn who_never_sends_the_body_is_not_waited_for() {
    let limits = Limits {
        body: Duration::from_millis(200),
        ..Limits::default()
    };
    let running = Running::start(limits, |config| config).await;
    let answered = asked(&mut running.connect().await, LOGIN).await;
    assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
    assert!(
        answered.contains("\"reason\":\"body_unreadable\""),
        "{answered}"
    );
    // A body means nothing with GET: nobody waits for it.
    let with_body = JWKS.replace("host: x", "host: x\r\ncontent-length: 2");
    let answered = asked(&mut running.connect().await, &with_body).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
}

/// The same over HTTP/2, where one connection has a hundred requests at once.
#[tokio::test]
async fn a_connection_of_many_streams_takes_no_more() {
    let files = tempfile::tempdir().expect("a folder");
    let running = tls::start(files.path(), eight()).await;
    let mut frames = Frames::connect(&running, tls::FIRST[0], 65_535).await;
    let streams = (0..100).map(|number| 2 * number + 1);
    for stream in streams.clone() {
        frames.post(stream, "/login").await;
    }
    // All but two are refused, and keys are still to be had, over this very connection.
    let mut unanswered: Vec<u32> = streams.collect();
    while unanswered.len() > 2 {
        let answered = frames.answered().await.stream;
        unanswered.retain(|stream| *stream != answered);
    }
    frames.get(201, "/.well-known/jwks.json", "*/*").await;
    let answered = frames.answered().await;
    // `:status: 200`, as RFC 7541 has it in its table.
    assert_eq!((answered.stream, answered.payload[0]), (201, 0x88));
    for stream in unanswered {
        frames.body(stream, "{}").await;
        assert_eq!(frames.answered().await.stream, stream);
    }
}

/// Hashing passwords takes all the places there are for work.
#[tokio::test(flavor = "multi_thread")]
async fn what_guards_read_has_places_of_its_own() {
    let limits = Limits {
        in_flight: 1,
        ..Limits::default()
    };
    let slow = |config| Config {
        passwords: PasswordParameters::new(64 * 1024, 10, 1).expect("parameters"),
        hash_lanes: 1,
        ..config
    };
    let running = Running::start(limits, slow).await;
    let body = "{\"username\":\"ada\",\"password\":\"secret\"}";
    let login = format!(
        "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut work, mut read) = (running.connect().await, running.connect().await);
    let mut hashing = running.connect().await;
    // Until one sign-in has been under way for the whole of a round.
    let round = async {
        loop {
            hashing.write_all(login.as_bytes()).await.expect("sent");
            let mut signed_in = Box::pin(answer(&mut hashing));
            let mut is_over = false;
            while !is_over && asked(&mut work, ME).await.contains(" 401 ") {
                is_over = timeout(Duration::ZERO, &mut signed_in).await.is_ok();
            }
            if is_over {
                continue;
            }
            let mut answers = Vec::new();
            for request in [ME, JWKS, SNAPSHOT, READYZ, HEALTHZ] {
                answers.push(asked(&mut read, request).await);
            }
            if timeout(Duration::ZERO, &mut signed_in).await.is_err() {
                break answers;
            }
        }
    };
    let answers = timeout(AT_MOST, round).await.expect("a slow sign-in");
    let [me, rest @ ..] = answers.as_slice() else {
        panic!("there were no answers");
    };
    assert!(me.starts_with("HTTP/1.1 503"), "{me}");
    assert!(me.contains("\"reason\":\"too_busy\""), "{me}");
    for answered in rest {
        assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    }
}

#[tokio::test]
async fn one_network_does_not_take_all_connections() {
    let limits = Limits {
        connections_per_network: 2,
        ..Limits::default()
    };
    let running = Running::start(limits, |config| config).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    for socket in [&mut first, &mut second] {
        assert!(asked(socket, HEALTHZ).await.contains(" 200 "));
    }
    let mut third = running.connect().await;
    third.write_all(HEALTHZ.as_bytes()).await.expect("sent");
    let refused = rest(&mut third).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(
        refused.contains("\"reason\":\"too_many_connections\""),
        "{refused}"
    );
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(refused.contains("connection: close"), "{refused}");
    let mut elsewhere = from([127, 0, 0, 2], &running).await;
    assert!(asked(&mut elsewhere, HEALTHZ).await.contains(" 200 "));
    // When one is closed there is room again.
    drop(first);
    let again = async {
        loop {
            let answered = asked(&mut running.connect().await, HEALTHZ).await;
            if answered.contains(" 200 ") {
                break;
            }
        }
    };
    timeout(AT_MOST, again).await.expect("room");
}

/// Those who are one too many are told so a few at a time, and it does not matter how many come.
#[tokio::test]
async fn who_is_turned_away_does_not_linger() {
    let limits = Limits {
        connections_per_network: 1,
        idle: FOR_EVER,
        head: FOR_EVER,
        ..Limits::default()
    };
    let running = Running::start(limits, |config| config).await;
    let mut first = running.connect().await;
    assert!(asked(&mut first, HEALTHZ).await.contains(" 200 "));
    let mut crowd = join_all((0..100).map(|_| running.connect())).await;
    // They ask nothing, and are not waited for.
    for socket in &mut crowd {
        assert_eq!(rest(socket).await, "");
    }
    assert!(asked(&mut first, HEALTHZ).await.contains(" 200 "));
}

#[tokio::test]
async fn followers_leave_room_for_others() {
    let limits = Limits {
        followers: 3,
        followers_per_network: 2,
        ..Limits::default()
    };
    let proxied = |config| Config {
        trusted_proxies: vec!["127.0.0.3/32".parse().expect("a network")],
        ..config
    };
    let running = Running::start(limits, proxied).await;
    let follows = |answered: String| {
        assert!(
            answered.contains(" 200 ") || answered.contains("\"reason\":\"too_many_followers\""),
            "{answered}"
        );
        answered.contains(" 200 ")
    };
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    assert!(follows(asked(&mut first, FOLLOW).await));
    assert!(follows(asked(&mut second, FOLLOW).await));
    let mut third = running.connect().await;
    let refused = asked(&mut third, FOLLOW).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(!follows(refused));
    // Whoever cannot follow may ask, and a guard says that it would.
    let guards = FOLLOW.replace("stream\r\n", "stream, application/json;q=0.5\r\n");
    for request in [SNAPSHOT, &guards] {
        let snapshot = asked(&mut third, request).await;
        assert!(snapshot.contains(" 200 "), "{snapshot}");
        assert!(snapshot.contains("{\"snapshot\":\""), "{snapshot}");
    }
    // Behind a trusted proxy they count as who they are.
    let mut proxy = from([127, 0, 0, 3], &running).await;
    let of = |address| FOLLOW.replace("host: x", &format!("host: x\r\nx-forwarded-for: {address}"));
    assert!(!follows(asked(&mut proxy, &of("127.0.0.1")).await));
    assert!(follows(asked(&mut proxy, &of("192.0.2.1")).await));
    // Now there are as many as there may be.
    let mut fourth = from([127, 0, 0, 2], &running).await;
    assert!(!follows(asked(&mut fourth, FOLLOW).await));
    drop(first);
    let again = async { while !follows(asked(&mut fourth, FOLLOW).await) {} };
    timeout(AT_MOST, again).await.expect("room");
}
