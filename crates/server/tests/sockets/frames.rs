//! HTTP/2 by hand: frames that no well-behaved client would send.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{AT_MOST, Running};

pub(crate) const DATA: u8 = 0;
const HEADERS: u8 = 1;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// The settings' name for how much of a stream may be sent before the other end says more.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A connection that speaks HTTP/2 over TLS.
pub(crate) struct Frames(TlsStream<TcpStream>);

/// What came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
    acknowledges: bool,
}

impl Frames {
    /// Connects to a server with this certificate, and allows it `window` bytes a stream.
    pub(crate) async fn connect(running: &Running, certificate: &str, window: u32) -> Self {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let added = roots.add(certificate.expect("a certificate"));
        added.expect("a certificate to trust");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let connector = TlsConnector::from(Arc::new(config));
        let connected = connector.connect(name, running.connect().await).await;
        let mut frames = Self(connected.expect("a TLS connection"));
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        frames.0.write_all(preface).await.expect("sent");
        let mut settings = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        settings.extend(window.to_be_bytes());
        frames.send(SETTINGS, 0, 0, &settings).await.expect("sent");
        frames
    }

    /// Asks for `path`, all in one frame.
    pub(crate) async fn get(&mut self, stream: u32, path: &str, accept: &str) {
        let flags = END_HEADERS | END_STREAM;
        let head = head("GET", path, ("accept", accept));
        let sent = self.send(HEADERS, flags, stream, &head).await;
        sent.expect("sent");
    }

    /// Says that a body comes, and sends none of it.
    pub(crate) async fn post(&mut self, stream: u32, path: &str) {
        let head = head("POST", path, ("content-type", "application/json"));
        let sent = self.send(HEADERS, END_HEADERS, stream, &head).await;
        sent.expect("sent");
    }

    /// Sends the whole body.
    pub(crate) async fn body(&mut self, stream: u32, body: &str) {
        let sent = self.send(DATA, END_STREAM, stream, body.as_bytes()).await;
        sent.expect("sent");
    }

    pub(crate) async fn ping(&mut self) -> std::io::Result<()> {
        self.send(PING, 0, 0, &[0; 8]).await
    }

    /// The next frame; pings and settings are answered as they should be.
    pub(crate) async fn next(&mut self) -> std::io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, s1, s2, s3, s4] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await?;
        let frame = Frame {
            kind,
            stream: u32::from_be_bytes([s1, s2, s3, s4]),
            payload,
            acknowledges: flags & ACK != 0,
        };
        if !frame.acknowledges && (kind == PING || kind == SETTINGS) {
            let answer: &[u8] = if kind == PING { &frame.payload } else { &[] };
            self.send(kind, ACK, 0, answer).await?;
        }
        Ok(frame)
    }

    /// The head of the next answer.
    pub(crate) async fn answered(&mut self) -> Frame {
        let answered = async {
            loop {
                let frame = self.next().await.expect("an open connection");
                if frame.kind == HEADERS {
                    break frame;
                }
            }
        };
        timeout(AT_MOST, answered).await.expect("an answer")
    }

    async fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).expect("a short frame");
        let [_, a, b, c] = length.to_be_bytes();
        let [s1, s2, s3, s4] = stream.to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags, s1, s2, s3, s4];
        frame.extend(payload);
        self.0.write_all(&frame).await?;
        self.0.flush().await
    }
}

/// The head of a request, every name and value spelled out (RFC 7541 §6.2.2).
fn head(method: &str, path: &str, header: (&str, &str)) -> Vec<u8> {
    let fields = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "127.0.0.1"),
        (":path", path),
        header,
    ];
    let mut head = Vec::new();
    for (name, value) in fields {
        head.push(0);
        for text in [name, value] {
            head.push(u8::try_from(text.len()).expect("a short text"));
            head.extend(text.as_bytes());
        }
    }
    head
}
