//! The accept loop: sockets in, requests to the router, a calm end.
//!
//! What a stranger may take is bounded: connections at once, time to send a request head, and time
//! for a TLS handshake. On shutdown no new connection is taken, requests under way are finished.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

const CONNECTIONS: usize = 10_000;
const REQUEST_HEAD: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longer than any request of ours takes, shorter than a supervisor waits before it kills.
const DRAIN: Duration = Duration::from_secs(8);

/// The address at the other end of the connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves a router of another program over plain HTTP, with the same bounds and the same calm end,
/// until `stop` is ready.
pub async fn serve_plain(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve(listener, None, router, stop).await;
}

/// Serves `router` until `stop` is ready, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
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
                        router: router.clone(),
                        watcher: graceful.watcher(),
                        _place: place,
                    };
                    tokio::spawn(connection.accept(socket, tls.clone()));
                }
                // Out of file descriptors, most likely: wait for some to come back.
                Err(error) => {
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
    router: Router,
    watcher: Watcher,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn accept(self, socket: TcpStream, tls: Option<TlsAcceptor>) {
        // Answers are small and complete: waiting to fill a packet only delays them.
        let _ = socket.set_nodelay(true);
        match tls {
            None => self.serve(socket).await,
            Some(tls) => match timeout(HANDSHAKE, tls.accept(socket)).await {
                Ok(Ok(stream)) => self.serve(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                Err(_) => tracing::debug!("TLS handshake took too long"),
            },
        }
    }

    async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            peer,
            router,
            watcher,
            _place,
        } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            // A task of its own: whoever hangs up in the middle must not leave half a story behind,
            // a session ended in the database of which no guard was told.
            let answer = tokio::spawn(router.clone().oneshot(request));
            async move {
                match answer.await {
                    Ok(answer) => answer,
                    Err(error) => {
                        tracing::error!(%error, "a request was not answered");
                        Ok::<Response, Infallible>(
                            StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                        )
                    }
                }
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_HEAD);
        let connection = builder.serve_connection(TokioIo::new(io), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "connection ended early");
        }
    }
}
