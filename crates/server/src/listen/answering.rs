//! A request between the wire and the router: counted, bounded, and seen through to its end.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_wire::paths;
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt;

use super::Peer;
use super::patience::{Asked, Asking};
use crate::http::problem::Rejection;
use crate::limits::Limits;
use crate::metrics::{Connections, Unrouted};

/// What the connections of one listener have in common.
#[derive(Clone)]
pub(super) struct Desk {
    router: Router,
    limits: Limits,
    counts: Arc<Connections>,
    refuse: Refuse,
}

/// How a request that never reaches the router is answered.
pub(crate) type Refuse =
    Arc<dyn Fn(Peer, &Method, &HeaderMap, Rejection) -> Response + Send + Sync>;

impl Desk {
    pub(super) fn new(
        router: Router,
        limits: Limits,
        counts: Arc<Connections>,
        refuse: Refuse,
    ) -> Self {
        Self {
            router,
            limits,
            counts,
            refuse,
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// The answer to one request of the connection from `peer`.
    pub(super) async fn answer(
        self,
        peer: Peer,
        asking: Asking,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let asked = asking.begin();
        let answer = if let Some(refusal) = self.refusal(&request) {
            self.counts.refused.add(Unrouted::HeadTooLarge);
            self.refused(peer, &request, refusal)
        } else if let Some(entered) = self.enter(request.uri().path()) {
            self.route(peer, request, entered).await
        } else {
            self.counts.refused.add(Unrouted::TooBusy);
            self.refused(peer, &request, Rejection::TooBusy)
        };
        Ok(answer.map(|body| {
            Body::new(Watched {
                body,
                _asked: asked,
            })
        }))
    }

    fn refused(&self, peer: Peer, request: &Request<Incoming>, refusal: Rejection) -> Response {
        (self.refuse)(peer, request.method(), request.headers(), refusal)
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Rejection> {
        let size = |headers: &HeaderMap| -> usize {
            let lines = headers.iter();
            lines
                .map(|(name, value)| name.as_str().len() + value.len() + 4)
                .sum()
        };
        let headers = request.headers();
        let too_many = headers.len() > self.limits.headers;
        let line = request.uri().path_and_query();
        let line = line.map_or(0, |line| line.as_str().len());
        let too_large = size(headers).saturating_add(line) > self.limits.head_bytes as usize;
        (too_many || too_large).then_some(Rejection::HeadTooLarge)
    }

    /// A place among those who are answered, if there is one. Whoever asks whether the process
    /// lives is always told.
    fn enter(&self, path: &str) -> Option<Entered> {
        let before = self.counts.begin();
        let entered = Entered(Arc::clone(&self.counts));
        (before < self.limits.in_flight || path == paths::HEALTHZ).then_some(entered)
    }

    async fn route(self, peer: Peer, request: Request<Incoming>, entered: Entered) -> Response {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let router = self.router;
        // A task of its own: whoever hangs up in the middle must not leave half a story behind,
        // a session ended in the database of which no guard was told.
        let answered = tokio::spawn(async move {
            let answer = router.oneshot(request).await;
            drop(entered);
            answer
        });
        match answered.await {
            Ok(Ok(answer)) => answer,
            Err(error) => {
                tracing::error!(%error, "a request was not answered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// One request among those who are answered.
struct Entered(Arc<Connections>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A body that is part of an answer until it has been sent.
struct Watched {
    body: Body,
    _asked: Asked,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
