//! The accept loop: sockets in, requests to the router, a calm end.
//!
//! What a stranger may take is bounded ([`Limits`]). HTTP/2 is spoken over TLS to whoever asks for
//! it there; without TLS there is HTTP/1.1 alone, since a proxy speaks that to its servers and
//! nobody else should be there. On shutdown no new connection is taken, requests under way are
//! finished.

mod answering;
mod arrival;
mod at_once;
mod patience;
mod places;
mod seen_through;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::IntoResponse;
use countersign_issuer::throttle::Network;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use self::answering::Desk;
pub(crate) use self::answering::Door;
use self::at_once::AtOnce;
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
    let desk = Desk::new(router, door);
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
                        desk: desk.clone(),
                        watcher: graceful.watcher(),
                        standing,
                        counts: Arc::clone(&counts),
                        _open: counts.open(),
                        _place: place,
                    };
                    let served = connection.accept(socket, tls.clone());
                    tokio::spawn(AtOnce::new(served));
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
    desk: Desk,
    watcher: Watcher,
    standing: Standing,
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
        match timeout(self.limits().handshake, tls.accept(socket)).await {
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

    async fn serve(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        framing: Framing,
    ) {
        let (limits, asking) = (self.limits(), Asking::default());
        let Self {
            peer,
            desk,
            watcher,
            standing,
            _open,
            _place,
            ..
        } = self;
        let welcome = matches!(standing, Standing::Welcome { .. });
        let io = TokioIo::new(Patient::new(io, asking.clone(), framing, limits));
        let client = desk.asker();
        let service = service_fn(move |request: Request<Incoming>| {
            if asking.is_idle() {
                client.asks(Instant::now());
            } else {
                client.asks_meanwhile(Instant::now());
            }
            let (desk, asked) = (desk.clone(), asking.begin());
            async move {
                Ok::<_, Infallible>(if welcome {
                    desk.answer(peer, asked, request).await
                } else {
                    desk.turn_away(peer, asked, &request)
                })
            }
        });
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
