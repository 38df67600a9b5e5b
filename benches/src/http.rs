//! HTTP/1.1 as a load program needs it: one connection, one request at a time, answers with a
//! `Content-Length`. It costs a few microseconds, so that the server is what is measured.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

/// A connection that is kept open.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, as it lies in the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a str,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(to: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(16 * 1024);
        Ok(Self { stream, buffer })
    }

    /// Sends a whole request and takes in the whole answer.
    ///
    /// # Errors
    /// When the other side hangs up, or answers in a way this program does not read.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, body, end) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server hung up".into());
            }
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < end {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server hung up".into());
            }
        }
        let body = std::str::from_utf8(self.buffer.get(body..end).unwrap_or_default())?;
        Ok(Answer { status, body })
    }
}

/// Status, where the body begins and where it ends, once the head is there.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>, Failure> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let status: u16 = text.get(9..12).ok_or("no status line")?.parse()?;
    let length = text.split("\r\n").skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>())
    });
    let length = match length {
        Some(length) => length?,
        None if status == 204 => 0,
        None => return Err(format!("an answer of {status} without its length").into()),
    };
    Ok(Some((status, end + 4, end + 4 + length)))
}

impl<'a> Answer<'a> {
    /// The text of a member of the JSON body, if it holds no escape.
    ///
    /// # Errors
    /// When there is no such member; the error holds the whole answer.
    pub fn text(&self, member: &str) -> Result<&'a str, Failure> {
        let mark = format!("\"{member}\":\"");
        self.body
            .split_once(&mark)
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(text, _)| text)
            .ok_or_else(|| {
                format!("no {member} in an answer of {}: {}", self.status, self.body).into()
            })
    }
}

/// A `POST` of a JSON body, with further header lines.
pub fn post(path: &str, more: &str, body: &str) -> Vec<u8> {
    with_body(path, "application/json", more, body)
}

/// A `POST` of a form, with further header lines.
pub fn form(path: &str, more: &str, body: &str) -> Vec<u8> {
    with_body(path, "application/x-www-form-urlencoded", more, body)
}

fn with_body(path: &str, kind: &str, more: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A `GET`, with further header lines.
pub fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{more}\r\n").into_bytes()
}
