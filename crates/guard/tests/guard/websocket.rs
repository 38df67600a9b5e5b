//! A connection that outlives its request: let in like any other, and ended when the caller's right
//! to it ends.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use countersign::UnixTime;
use countersign_guard::{Caller, Guard, Kind, RevokedHandle};
use http::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::issuer::{Issuer, seconds};

/// The server's side of a WebSocket, as little of it as shows what matters here.
async fn open(State(guard): State<Guard>, caller: Caller, request: Request) -> Response<Body> {
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let mut socket = TokioIo::new(upgraded.await.expect("an upgrade"));
        socket.write_all(HELLO).await.expect("the client is there");
        while guard.recheck(&caller, UnixTime::now()).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        socket.write_all(CLOSE).await.expect("the client is there");
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Body::empty())
        .expect("an answer")
}

/// A frame with the text "hello", and a frame that closes (RFC 6455 §5.2).
const HELLO: &[u8] = b"\x81\x05hello";
const CLOSE: &[u8] = b"\x88\x00";

/// Asks for a WebSocket by hand and gives the connection and the status line of the answer.
async fn ask(address: std::net::SocketAddr, token: Option<&str>) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server is there");
    let authorization = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {authorization}\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a connection");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    let head = String::from_utf8(head).expect("a head of text");
    (
        stream,
        head.lines().next().expect("a status line").to_owned(),
    )
}

#[tokio::test]
async fn a_websocket_is_let_in_by_its_token_and_closed_when_the_session_ends() {
    let issuer = Issuer::new();
    let revoked = RevokedHandle::new();
    let guard = issuer
        .builder()
        .revocations(revoked.clone())
        .build()
        .expect("a guard");
    let app = Router::new().route("/ws", get(open)).with_state(guard);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let (_, status) = ask(address, None).await;
    assert_eq!(status, "HTTP/1.1 401 Unauthorized");

    let now = UnixTime::now();
    let token = issuer.sign(&issuer.claims(now));
    let (mut stream, status) = ask(address, Some(&token)).await;
    assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
    let mut hello = [0; HELLO.len()];
    stream.read_exact(&mut hello).await.expect("a frame");
    assert_eq!(hello, HELLO);

    revoked.merge([(
        Kind::Sid,
        "s-1".to_owned(),
        now.saturating_add(seconds(900)),
    )]);
    let mut close = [0; CLOSE.len()];
    let frame = tokio::time::timeout(seconds(5), stream.read_exact(&mut close)).await;
    frame.expect("not closed in five seconds").expect("a frame");
    assert_eq!(close, CLOSE);
    serving.abort();
}
