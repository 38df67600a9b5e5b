//! A request comes whole to the router: whoever sends a body slowly waits alone, and takes no place
//! among those who are answered.
//!
//! How many may wait so is bounded as well, and for each network more narrowly than for all.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use countersign_issuer::throttle::Network;
use futures_util::future::poll_immediate;
use futures_util::stream;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::http::problem::Rejection;
use crate::limits::{BODY_BYTES, BodyTooLarge, Limits};
use crate::shares::Shares;

/// Those whose bodies have not come yet.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    waiting: Arc<Shares>,
    limits: Limits,
}

impl Arrivals {
    pub(super) fn new(limits: Limits) -> Self {
        let waiting = Shares::new(limits.bodies(), limits.bodies_per_network());
        Self { waiting, limits }
    }

    /// All of a request's body. One that is longer than is read fails whoever reads it. `origin` is where the request comes from.
    pub(super) async fn whole(
        &self,
        method: &Method,
        body: Incoming,
        origin: impl FnOnce() -> IpAddr,
    ) -> Result<Body, Rejection> {
        let bodiless = matches!(*method, Method::GET | Method::HEAD);
        // RFC 9110 §9.3.1: a body means nothing there, so it is not waited for.
        if bodiless || body.is_end_stream() {
            return Ok(Body::empty());
        }
        // Nor what would not be read to its end: `Expect: 100-continue` asks just that.
        if body.size_hint().lower() > BODY_BYTES as u64 {
            return Ok(too_large());
        }
        let mut reading = std::pin::pin!(read(body));
        if let Some(read) = poll_immediate(&mut reading).await {
            return read;
        }
        let _waiting = self
            .waiting
            .take(Network::of(origin()))
            .ok_or(Rejection::TooBusy)?;
        let read = timeout(self.limits.body, reading).await;
        read.unwrap_or(Err(Rejection::BodyUnreadable))
    }
}

async fn read(body: Incoming) -> Result<Body, Rejection> {
    match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => Ok(Body::from(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(too_large()),
        Err(_) => Err(Rejection::BodyUnreadable),
    }
}

/// Most routes do not look.
fn too_large() -> Body {
    let refused = Err::<Bytes, _>(BodyTooLarge);
    Body::from_stream(stream::iter([refused]))
}
