//! HTTPS: a certificate chain and its key, read from PEM files, and read again when they change.
//!
//! Whoever renews the certificate puts new files in the place of the old ones and is done. They are
//! looked at every few seconds; what cannot be used is said, and the old ones go on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::config::TlsFiles;
use crate::http::problem::https_only;

/// HTTP/2, as it is called in a TLS handshake (RFC 9113 §3.2).
pub(crate) const HTTP_2: &[u8] = b"h2";

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How many bytes of a request in plain HTTP are waited for after it was refused.
const MOST_UNREAD: usize = 32 * 1024;

/// Why HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, not readable, or not PEM.
    #[error("cannot read {}: {detail}", path.display())]
    File {
        /// The file asked for.
        path: PathBuf,
        /// What the reader says of it.
        detail: String,
    },
    /// Certificate and key do not belong together, or the key is of a kind that TLS does not use.
    #[error("the TLS certificate and key cannot be used together: {0}")]
    Pair(#[from] tokio_rustls::rustls::Error),
}

/// The certificate in use, and the files it came from.
pub(crate) struct Certificates {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
}

impl Certificates {
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(files.read()?);
        Ok(Self { files, current })
    }

    /// A handshake with the certificate of this moment. Whoever speaks plain HTTP is told so in it.
    pub(crate) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        // Every method begins with a letter, every handshake with 22 (RFC 8446 §5.1).
        if socket.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
            return Err(misdirected(socket).await?);
        }
        let acceptor = TlsAcceptor::from(self.current.load_full());
        acceptor.accept(socket).await
    }

    /// Takes over what the files hold whenever they change; until it is dropped.
    pub(crate) async fn follow(&self) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_use = self.files.stamps();
        let mut seen = in_use;
        loop {
            tick.tick().await;
            let found = self.files.stamps();
            // Two files are not changed at once: only what has stood still from one look to the next
            // is read.
            let settled = found == seen;
            seen = found;
            if !settled || seen == in_use {
                continue;
            }
            in_use = seen;
            match self.files.read() {
                Ok(config) => {
                    self.current.store(Arc::new(config));
                    tracing::info!("serving another TLS certificate from now on");
                }
                Err(error) => {
                    tracing::error!(%error, "the TLS files have changed and cannot be used; the certificate before stays in use");
                }
            }
        }
    }
}

/// What tells one content of a file from another.
type Stamp = Option<(SystemTime, u64)>;

impl TlsFiles {
    fn stamps(&self) -> [Stamp; 2] {
        [&self.certificate, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }

    fn read(&self) -> Result<ServerConfig, TlsError> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(unreadable(&self.certificate, &"it holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable(&self.key, &error))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Answers a request that should have come over TLS, whatever it asks for.
async fn misdirected(mut socket: TcpStream) -> io::Result<io::Error> {
    let body = serde_json::to_string(&https_only())?;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    // What was sent and is not read would have the system throw the answer away.
    let mut rest = [0; 1024];
    for _ in 0..MOST_UNREAD / rest.len() {
        if socket.read(&mut rest).await? == 0 {
            break;
        }
    }
    Ok(io::Error::new(
        io::ErrorKind::InvalidData,
        "plain HTTP on a port that speaks HTTPS",
    ))
}

fn unreadable(path: &Path, detail: &dyn ToString) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        detail: detail.to_string(),
    }
}
