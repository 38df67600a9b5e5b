//! The address a request comes from, as an extractor.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};

use super::problem::Rejection;
use super::shared::Shared;
use crate::listen::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin(pub(super) IpAddr);

impl FromRequestParts<Shared> for Origin {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Rejection> {
        let Some(Peer(peer)) = parts.extensions.get::<Peer>().copied() else {
            return Err(Rejection::NoPeer);
        };
        let forwarded = parts.headers.get_all(FORWARDED_FOR);
        let lines: Vec<_> = forwarded.iter().map(HeaderValue::as_bytes).collect();
        Ok(Self(shared.proxies.origin(peer.ip(), lines.into_iter())))
    }
}
