//! A request between the wire and the router: counted, bounded, and seen through to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::Response;
use futures_util::FutureExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt;

use super::arrival::Arrivals;
use super::for_browsers::ForBrowsers;
use super::patience::Asked;
use super::places::{Entered, Places, Purpose};
use super::seen_through::{Panicked, SeenThrough};
use crate::company::{Asker, Company};
use crate::http::named::Refuse;
use crate::http::peer::Peer;
use crate::http::problem::{Rejection, server_failed};
use crate::http::proxies::TrustedProxies;
use crate::limits::Limits;
use crate::metrics::{Connections, Unrouted};

/// No more of an answer than this is handed over at once: what waits to be sent is still ours.
const PIECE: usize = 64 * 1024;

/// What a listener goes by.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) limits: Limits,
    /// Whose word is believed on where a request comes from.
    pub(crate) proxies: TrustedProxies,
    pub(crate) counts: Arc<Connections>,
    /// Told of every request.
    pub(crate) company: Arc<Company>,
    pub(crate) refuse: Refuse,
    pub(crate) for_browsers: ForBrowsers,
}

/// What the connections of one listener have in common.
pub(super) struct Desk {
    router: Router,
    door: Door,
    arrivals: Arrivals,
    places: Arc<Places>,
}

impl Desk {
    pub(super) fn new(router: Router, door: Door) -> Self {
        Self {
            router,
            arrivals: Arrivals::new(door.limits),
            places: Places::new(door.limits.in_flight, Arc::clone(&door.counts)),
            door,
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.door.limits
    }

    /// One more connection.
    pub(super) fn asker(&self) -> Asker {
        self.door.company.asker()
    }

    /// The answer to one request of the connection from `peer`.
    pub(super) async fn answer(
        self: Arc<Self>,
        peer: Peer,
        asked: Asked,
        request: Request<Incoming>,
    ) -> Response {
        let answer = match self.refusal(&request) {
            Some(refusal) => self.refused(peer, &request, refusal),
            None => self.admit(peer, request).await,
        };
        self.watched(answer, asked)
    }

    /// The answer to a request of a connection that is one too many.
    pub(super) fn turn_away(
        &self,
        peer: Peer,
        asked: Asked,
        request: &Request<Incoming>,
    ) -> Response {
        let mut answer = self.refused(peer, request, Rejection::TooManyConnections);
        if request.version() <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        self.watched(answer, asked)
    }

    fn refused<B>(&self, peer: Peer, request: &Request<B>, refusal: Rejection) -> Response {
        let reason = match refusal {
            Rejection::HeadTooLarge => Unrouted::HeadTooLarge,
            Rejection::BadHost => Unrouted::BadHost,
            Rejection::BodyUnreadable => Unrouted::BodyUnreadable,
            Rejection::TooManyConnections => Unrouted::TooManyConnections,
            _ => Unrouted::TooBusy,
        };
        self.door.counts.refused.add(reason);
        (self.door.refuse)(peer, request.method(), request.headers(), refusal)
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Rejection> {
        let size = |headers: &HeaderMap| -> usize {
            let lines = headers.iter();
            lines
                .map(|(name, value)| name.as_str().len() + value.len() + 4)
                .sum()
        };
        let headers = request.headers();
        let too_many = headers.len() > self.limits().headers;
        let line = request.uri().path_and_query();
        let line = line.map_or(0, |line| line.as_str().len());
        let too_large = size(headers).saturating_add(line) > self.limits().head_bytes as usize;
        if too_many || too_large {
            return Some(Rejection::HeadTooLarge);
        }
        (!names_one_host(request.version(), headers)).then_some(Rejection::BadHost)
    }

    async fn admit(&self, peer: Peer, request: Request<Incoming>) -> Response {
        let purpose = Purpose::of(request.method(), request.uri().path());
        let (head, body) = request.into_parts();
        let head = Request::from_parts(head, ());
        let origin = || self.door.proxies.origin(peer.0.ip(), head.headers());
        let body = match self.arrivals.whole(head.method(), body, origin).await {
            Ok(body) => body,
            Err(refusal) => return self.refused(peer, &head, refusal),
        };
        let Some(entered) = self.places.enter(purpose) else {
            return self.refused(peer, &head, Rejection::TooBusy);
        };
        let routed = self.route(peer, head.map(|()| body), entered);
        routed.await.unwrap_or_else(|Panicked| {
            tracing::error!("a request was not answered");
            server_failed()
        })
    }

    fn watched(&self, answer: Response, asked: Asked) -> Response {
        self.door.for_browsers.mark(answer).map(|body| {
            let rest = Bytes::new();
            Body::new(Watched { body, rest, asked })
        })
    }

    fn route(&self, peer: Peer, mut request: Request, entered: Entered) -> SeenThrough<Response> {
        request.extensions_mut().insert(peer);
        let answered = self.router.clone().oneshot(request);
        SeenThrough::new(answered.map(move |Ok(answer)| {
            drop(entered);
            answer
        }))
    }
}

/// RFC 9112 §3.2: HTTP/1.1 names one host, and whoever names several may be understood in two ways.
/// HTTP/2 has a field of its own for it.
fn names_one_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version != Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// A host with or without a port, or none at all.
fn is_host(text: &[u8]) -> bool {
    text.is_empty() || !text.contains(&b'@') && Authority::try_from(text).is_ok()
}

/// A body that is part of an answer until it has been sent.
struct Watched {
    body: Body,
    /// What is left of a piece that was too large.
    rest: Bytes,
    asked: Asked,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            let frame = Pin::new(&mut this.body).poll_frame(cx);
            this.asked.sent(matches!(frame, Poll::Ready(Some(Ok(_)))));
            match ready!(frame).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => this.rest = data,
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                None => return Poll::Ready(None),
            }
        } else {
            this.asked.sent(true);
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in ["", "x", "id.example:7800", "127.0.0.1", "[::1]:7800"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for not in ["a b", "ada@x", "x/y", "x?y", "x#y", "[::1", "http://x"] {
            assert!(!is_host(not.as_bytes()), "{not}");
        }
    }
}
