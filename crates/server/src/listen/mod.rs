//! The accept loop: sockets in, requests to the router, a calm end.
//!
//! What a stranger may take is bounded ([`Limits`]). HTTP/2 is spoken over TLS to whoever asks for
//! it there; without TLS there is HTTP/1.1 alone, since a proxy speaks that to its servers and
//! nobody else should be there. On shutdown no new connection is taken, requests under way are
//! finished.

mod answering;
mod patience;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use self::answering::Desk;
pub(crate) use self::answering::Refuse;
use self::patience::{Asking, Framing, Patient};
use crate::limits::Limits;
use crate::metrics::{Connections, Open, Unconnected};
use crate::tls::{Certificates, HTTP_2};

/// Longer than any request of ours takes, shorter than a supervisor waits before it kills.
const DRAIN: Duration = Duration::from_secs(8);
/// Up to so many times the bounds of a head it is read, to be refused by us, with a name and a line
/// in the log; past that the connection's own protocol refuses it, with neither.
const SPARE: usize = 2;
/// How often the other end of an HTTP/2 connection is asked whether it is there.
const PING: Duration = Duration::from_secs(30);

/// The address at the other end of the connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves a router of another program over plain HTTP, with the same bounds and the same calm end,
/// until `stop` is ready.
pub async fn serve_plain(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let (limits, counts) = (Limits::default(), Arc::default());
    let refuse: Refuse = Arc::new(|_, _, _, refusal| refusal.into_response());
    serve(listener, None, limits, counts, router, refuse, stop).await;
}

/// Serves `router` until `stop` is ready, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Certificates>>,
    limits: Limits,
    counts: Arc<Connections>,
    router: Router,
    refuse: Refuse,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let desk = Desk::new(router, limits, Arc::clone(&counts), refuse);
    let mut stop = std::pin::pin!(stop);
    loop {
        if places.available_permits() == 0 {
            counts.full.add();
        }
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let Ok(place) = place else { break };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    let connection = Connection {
                        peer: Peer(peer),
                        desk: desk.clone(),
                        watcher: graceful.watcher(),
                        counts: Arc::clone(&counts),
                        _open: counts.open(),
                        _place: place,
                    };
                    tokio::spawn(connection.accept(socket, tls.clone()));
                }
                // Out of file descriptors, most likely: wait for some to come back.
                Err(error) => {
                    counts.failed.add(Unconnected::Accept);
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut stop => break,
        }
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time and were closed");
    }
}

struct Connection {
    peer: Peer,
    desk: Desk,
    watcher: Watcher,
    counts: Arc<Connections>,
    _open: Open,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn accept(self, socket: TcpStream, tls: Option<Arc<Certificates>>) {
        // Answers are small and complete: waiting to fill a packet only delays them.
        let _ = socket.set_nodelay(true);
        let Some(tls) = tls else {
            return self.serve(socket, Framing::OneByOne).await;
        };
        match timeout(self.desk.limits().handshake, tls.accept(socket)).await {
            Ok(Ok(stream)) => {
                let framing = match stream.get_ref().1.alpn_protocol() {
                    Some(HTTP_2) => Framing::Interleaved,
                    _ => Framing::OneByOne,
                };
                self.serve(stream, framing).await;
            }
            Ok(Err(error)) => {
                self.counts.failed.add(Unconnected::Handshake);
                tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => {
                self.counts.failed.add(Unconnected::HandshakeTimeout);
                tracing::debug!("TLS handshake took too long");
            }
        }
    }

    async fn serve(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        framing: Framing,
    ) {
        let Self {
            peer,
            desk,
            watcher,
            _open,
            _place,
            ..
        } = self;
        let (limits, asking) = (desk.limits(), Asking::default());
        let io = TokioIo::new(Patient::new(io, asking.clone(), framing, limits));
        let service = service_fn(move |request| desk.clone().answer(peer, asking.clone(), request));
        let ended = match framing {
            Framing::OneByOne => {
                let mut builder = http1::Builder::new();
                builder
                    .timer(TokioTimer::new())
                    // The stream itself keeps the time.
                    .header_read_timeout(None)
                    .max_headers(limits.headers * SPARE)
                    .max_header_size(limits.head_bytes as usize * SPARE);
                let connection = builder.serve_connection(io, service);
                watcher.watch(connection).await
            }
            Framing::Interleaved => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder
                    .timer(TokioTimer::new())
                    .keep_alive_interval(PING)
                    .max_concurrent_streams(limits.streams)
                    .max_header_list_size(limits.head_bytes.saturating_mul(2));
                let connection = builder.serve_connection(io, service);
                watcher.watch(connection).await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended early");
        }
    }
}
