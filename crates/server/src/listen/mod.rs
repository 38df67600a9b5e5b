//! The accept loop: sockets in, requests to the router, a calm end.
//!
//! What a stranger may take is bounded ([`Limits`]). HTTP/2 is spoken over TLS to whoever asks for
//! it there; without TLS there is HTTP/1.1 alone, since a proxy speaks that to its servers and
//! nobody else should be there. On shutdown no new connection is taken, requests under way are
//! finished.

mod answering;
mod arrival;
mod at_once;
mod for_browsers;
mod patience;
mod places;
mod seen_through;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse, Response};
use countersign_issuer::throttle::Network;
use futures_util::FutureExt;
use futures_util::future::{Either, ready};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use self::answering::Desk;
pub(crate) use self::answering::Door;
use self::at_once::AtOnce;
pub(crate) use self::for_browsers::ForBrowsers;
use self::patience::{Asking, Framing, Patient};
use crate::http::named::Refuse;
use crate::http::peer::Peer;
use crate::http::proxies::TrustedProxies;
use crate::limits::Limits;
use crate::metrics::{Connections, Open, Unconnected};
use crate::seldom::Seldom;
use crate::shares::{Share, Shares};
use crate::tls::{Certificates, HTTP_2};

/// Longer than any request of ours takes, shorter than a supervisor waits before it kills.
const DRAIN: Duration = Duration::from_secs(8);
/// Up to so many times the bounds of a head it is read, to be refused by us, with a name and a line
/// in the log; past that the connection's own protocol refuses it, with neither.
const SPARE: usize = 2;
/// How many connections that are too many for their network are told so at once; more are closed
/// without a word.
const TOLD: usize = 64;
/// How long one of them may take to ask, and to go.
const TELLING: Duration = Duration::from_secs(2);
/// How many bytes the system holds for a connection that does not take them. It says that there is
/// room again only when a good part of that is gone, so with more of it a slow connection could not
/// be told from one that has stopped.
const SEND_BUFFER: usize = 128 * 1024;
/// How often the other end of an HTTP/2 connection is asked whether it is there.
const PING: Duration = Duration::from_secs(30);

/// Serves a router of another program over plain HTTP, with the same bounds and the same calm end,
/// until `stop` is ready. Its requests come whole, with at most 16 KiB of body; those with `GET` and
/// `HEAD` without one.
pub async fn serve_plain(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let limits = Limits::default();
    let refuse: Refuse = Arc::new(|_, _, _, refusal| refusal.into_response());
    let door = Door {
        limits: Limits {
            // One proxy may be all who ever asks.
            connections_per_network: limits.connections,
            ..limits
        },
        proxies: TrustedProxies::default(),
        counts: Arc::default(),
        company: Arc::default(),
        refuse,
        for_browsers: ForBrowsers::default(),
    };
    serve(listener, None, door, router, stop).await;
}

/// Serves `router` until `stop` is ready, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Certificates>>,
    door: Door,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    if let Err(error) = bound(&listener, door.limits) {
        tracing::warn!(%error, "the system holds as much for a connection as it likes");
    }
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(door.limits.connections));
    let networks = Networks::new(door.limits, door.proxies.clone());
    let counts = Arc::clone(&door.counts);
    let desk = Arc::new(Desk::new(router, door));
    let unaccepted = Seldom::new();
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
                    let Some(standing) = networks.standing(peer) else {
                        counts.failed.add(Unconnected::TooMany);
                        continue;
                    };
                    let connection = Connection {
                        peer: Peer(peer),
                        desk: Arc::clone(&desk),
                        watcher: graceful.watcher(),
                        standing,
                        counts: Arc::clone(&counts),
                        open: counts.open(),
                        place,
                    };
                    connection.spawn(socket, tls.clone());
                }
                // Out of file descriptors, most likely: wait for some to come back.
                Err(error) => {
                    counts.failed.add(Unconnected::Accept);
                    // Twenty times a second, for as long as there are none.
                    if let Some(times) = unaccepted.note(Instant::now()) {
                        tracing::warn!(%error, times, "cannot accept a connection");
                    }
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

/// What the system holds and waits for, on every connection that is accepted.
fn bound(listener: &TcpListener, limits: Limits) -> std::io::Result<()> {
    sockopt::set_socket_send_buffer_size(listener, SEND_BUFFER)?;
    // Whoever is gone without a word acknowledges nothing.
    #[cfg(target_os = "linux")]
    {
        let twice = limits.stalled.as_millis().saturating_mul(2);
        let twice = u32::try_from(twice).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(listener, twice)?;
    }
    Ok(())
}

/// How many connections each network has.
struct Networks {
    proxies: TrustedProxies,
    shares: Arc<Shares>,
    told: Arc<Semaphore>,
}

/// What a connection may hope for.
enum Standing {
    /// To be served; as one of its network's, unless it is a trusted proxy's.
    Welcome { _share: Option<Share> },
    /// To be told that its network has enough.
    TurnedAway { _told: OwnedSemaphorePermit },
}

impl Networks {
    fn new(limits: Limits, proxies: TrustedProxies) -> Self {
        Self {
            proxies,
            shares: Shares::new(limits.connections, limits.connections_per_network),
            told: Arc::new(Semaphore::new(TOLD)),
        }
    }

    /// Nothing at all, if there are too many to be told.
    fn standing(&self, peer: SocketAddr) -> Option<Standing> {
        if self.proxies.trust(peer.ip()) {
            return Some(Standing::Welcome { _share: None });
        }
        let share = self.shares.take(Network::of(peer.ip()));
        if share.is_some() {
            return Some(Standing::Welcome { _share: share });
        }
        let told = Arc::clone(&self.told).try_acquire_owned().ok()?;
        Some(Standing::TurnedAway { _told: told })
    }
}

struct Connection {
    peer: Peer,
    desk: Arc<Desk>,
    watcher: Watcher,
    standing: Standing,
    counts: Arc<Connections>,
    open: Open,
    place: OwnedSemaphorePermit,
}

/// Bytes both ways, as they are or out of TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for I {}

/// There are many connections, and each is as large as the largest of what it may come to wait for:
/// so each kind is a task of its own, and what is awaited is built outside of `async`, which would
/// keep room for every value on its way there.
impl Connection {
    fn spawn(self, socket: TcpStream, tls: Option<Arc<Certificates>>) {
        // Answers are small and complete: waiting to fill a packet only delays them.
        let _ = socket.set_nodelay(true);
        match tls {
            None => drop(tokio::spawn(AtOnce::new(self.one_by_one(socket)))),
            Some(tls) => drop(tokio::spawn(AtOnce::new(self.over_tls(socket, tls)))),
        }
    }

    async fn over_tls(self, socket: TcpStream, tls: Arc<Certificates>) {
        match timeout(self.limits().handshake, tls.accept(socket)).await {
            Ok(Ok(stream)) => match stream.get_ref().1.alpn_protocol() {
                Some(HTTP_2) => Box::pin(self.interleaved(stream)).await,
                _ => Box::pin(self.one_by_one(stream)).await,
            },
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

    fn limits(&self) -> Limits {
        let limits = self.desk.limits();
        match self.standing {
            Standing::Welcome { .. } => limits,
            Standing::TurnedAway { .. } => Limits {
                handshake: TELLING,
                head: TELLING,
                idle: TELLING,
                stalled: TELLING,
                ..limits
            },
        }
    }

    /// HTTP/1.1.
    fn one_by_one<I: Stream>(self, io: I) -> impl Future<Output = ()> + Send {
        let (limits, asking) = (self.limits(), Asking::default());
        let io = Patient::new(io, asking.clone(), Framing::OneByOne, limits);
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            // The stream itself keeps the time.
            .header_read_timeout(None)
            .max_headers(limits.headers * SPARE)
            .max_header_size(limits.head_bytes as usize * SPARE);
        let served = builder.serve_connection(TokioIo::new(io), self.service(asking));
        self.see_through(served)
    }

    /// HTTP/2.
    fn interleaved<I: Stream>(self, io: I) -> impl Future<Output = ()> + Send {
        let (limits, asking) = (self.limits(), Asking::default());
        let io = Patient::new(io, asking.clone(), Framing::Interleaved, limits);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.head_bytes.saturating_mul(2));
        let served = builder.serve_connection(TokioIo::new(io), self.service(asking));
        self.see_through(served)
    }

    fn service(
        &self,
        asking: Asking,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
    + Send
    + use<> {
        let (peer, desk, client) = (self.peer, Arc::clone(&self.desk), self.desk.asker());
        let welcome = matches!(self.standing, Standing::Welcome { .. });
        service_fn(move |request: Request<Incoming>| {
            if asking.is_idle() {
                client.asks(Instant::now());
            } else {
                client.asks_meanwhile(Instant::now());
            }
            let asked = asking.begin();
            if welcome {
                let answer = Arc::clone(&desk).answer(peer, asked, request);
                Either::Left(answer.map(Ok::<_, Infallible>))
            } else {
                Either::Right(ready(Ok(desk.turn_away(peer, asked, &request))))
            }
        })
    }

    /// It takes no new request once the server is to end.
    fn see_through<C>(self, served: C) -> impl Future<Output = ()> + Send
    where
        C: GracefulConnection<Error = hyper::Error> + Send,
    {
        let held = (self.standing, self.open, self.place);
        self.watcher.watch(served).map(move |ended| {
            drop(held);
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended early");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_connection_has_no_room_for_what_it_never_waits_for() {
        let counts = Arc::<Connections>::default();
        let door = Door {
            limits: Limits::default(),
            proxies: TrustedProxies::default(),
            counts: Arc::clone(&counts),
            company: Arc::default(),
            refuse: Arc::new(|_, _, _, refusal| refusal.into_response()),
            for_browsers: ForBrowsers::default(),
        };
        let places = Arc::new(Semaphore::new(1));
        let connection = Connection {
            peer: Peer(([192, 0, 2, 1], 7800).into()),
            desk: Arc::new(Desk::new(Router::new(), door)),
            watcher: GracefulShutdown::new().watcher(),
            standing: Standing::Welcome { _share: None },
            open: counts.open(),
            counts,
            place: places.acquire_owned().await.expect("a place"),
        };
        let (io, _other) = tokio::io::duplex(64);
        let size = size_of_val(&connection.one_by_one(io));
        assert!(
            size <= 2048,
            "{size} bytes, and there are thousands of them"
        );
    }
}
