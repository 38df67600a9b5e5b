//! HTTP/1.1 without a client's manners.
//!
//! A client that is still sending when the server has heard enough may report the broken pipe and
//! drop the answer that came first. This one keeps what it was told. It also sends paths as they
//! are written, which a well-bred client would tidy first.

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

/// A connection that stays open for one request after another.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    authority: String,
}

impl Connection {
    /// To the server at this URL.
    ///
    /// # Panics
    /// If it does not accept connections.
    pub async fn to(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").to_owned();
        let socket = TcpStream::connect(&authority)
            .await
            .expect("the server accepts connections");
        Self { socket, authority }
    }

    /// Sends a request without a body, with this very target and these headers, and takes the
    /// answer.
    ///
    /// # Panics
    /// If there is no answer, or not one whose length is known.
    pub async fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let host = &self.authority;
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let headers = headers.concat();
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        self.socket
            .write_all(head.as_bytes())
            .await
            .expect("the server listens");
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n\r\n") {
            let byte = self.socket.read_u8().await;
            received.push(byte.unwrap_or_else(|error| panic!("no answer to {target}: {error}")));
        }
        let mut answer = parsed(&String::from_utf8_lossy(&received));
        let length = answer.headers.get("content-length");
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let chunked = answer.headers.contains_key("transfer-encoding");
        let body = match length {
            _ if method == "HEAD" => Vec::new(),
            Some(length) => self.exactly(length).await,
            None if chunked => self.chunks().await,
            None => Vec::new(),
        };
        answer.text = String::from_utf8_lossy(&body).into_owned();
        answer
    }

    async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.socket
            .read_exact(&mut body)
            .await
            .expect("a whole body");
        body
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.socket.read_u8().await.expect("a whole body"));
            }
            let size = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
            let chunk = self.exactly(size + 2).await;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return body;
            }
        }
    }
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
