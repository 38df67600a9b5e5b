//! What a stranger can take of the server before anything is known of them, HTTP/2, and TLS files
//! that change.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose preparations fail must fail loudly"
)]

mod counters;
mod crowd;
#[path = "../http/exposition.rs"]
#[expect(
    dead_code,
    reason = "the tests of the numbers themselves need more of it"
)]
mod exposition;
mod frames;
mod host;
mod limits;
mod stalled;
mod tls;

use std::time::Duration;

use countersign_server::config::Limits;
use countersign_server::{Config, Database, Server};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far above any patience of the server under test: what is tested is that it ends.
const AT_MOST: Duration = Duration::from_secs(60);

struct Running {
    server: Server,
    folder: TempDir,
}

impl Running {
    async fn start(limits: Limits, adjust: impl FnOnce(Config) -> Config) -> Self {
        countersign_witness::listen();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database: Database::Sqlite(folder.path().join("test.db")),
            limits,
            ..Config::default()
        };
        let server = Server::start(adjust(config)).await.expect("a server");
        Self { server, folder }
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.server.address()).await;
        socket.expect("a connection")
    }
}

/// Sends `text` and reads whatever comes until the other end closes.
async fn said(socket: &mut TcpStream, text: &str) -> String {
    // Who is refused at once may be gone before everything is sent.
    let _ = socket.write_all(text.as_bytes()).await;
    rest(socket).await
}

/// Reads until the other end closes.
async fn rest(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(AT_MOST, socket.read_to_end(&mut answer));
    // A reset is an end as well.
    drop(read.await.expect("the server ends the connection"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads one answer without a body, or with one that fits into what came with its head.
async fn answer(socket: &mut TcpStream) -> String {
    let mut answer = vec![0; 16 * 1024];
    let read = tokio::time::timeout(AT_MOST, socket.read(&mut answer)).await;
    let count = read.expect("an answer").expect("an open connection");
    String::from_utf8_lossy(answer.get(..count).unwrap_or_default()).into_owned()
}
