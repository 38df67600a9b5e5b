//! HTTP/1.1 without a client's manners.
//!
//! A client that is still sending when the server has heard enough may report the broken pipe and
//! drop the answer that came first. This one keeps what it was told.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::request::Answer;

/// Sends a `POST` of JSON, all of it if the server lets us, and takes the answer.
///
/// # Panics
/// If there is no answer, or it is not HTTP.
pub async fn post(url: &str, path: &str, body: Vec<u8>) -> Answer {
    let authority = url.trim_start_matches("http://").to_owned();
    let socket = TcpStream::connect(&authority)
        .await
        .expect("the server accepts connections");
    let (mut receive, mut send) = socket.into_split();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let sending = tokio::spawn(async move {
        // The server may have heard enough: its answer counts, not the pipe.
        if send.write_all(head.as_bytes()).await.is_ok() {
            let _ = send.write_all(&body).await;
        }
        send
    });
    let mut received = Vec::new();
    // A reset after the answer is the server's way of hanging up on the rest.
    let _ = receive.read_to_end(&mut received).await;
    drop(sending.await);
    parsed(&String::from_utf8_lossy(&received))
}

fn parsed(text: &str) -> Answer {
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer but {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status
        .unwrap_or_default()
        .parse::<u16>()
        .unwrap_or_default();
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, value)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((name, HeaderValue::try_from(value).ok()?))
        })
        .collect();
    Answer {
        status: StatusCode::from_u16(status).expect("a status line"),
        headers,
        text: body.to_owned(),
    }
}
