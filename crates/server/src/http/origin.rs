//! The address a request comes from, as an extractor.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::peer::Peer;
use super::problem::Rejection;
use super::shared::Shared;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin(pub(super) IpAddr);

impl FromRequestParts<Shared> for Origin {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Rejection> {
        let Some(Peer(peer)) = parts.extensions.get::<Peer>().copied() else {
            return Err(Rejection::NoPeer);
        };
        Ok(Self(shared.proxies.origin(peer.ip(), &parts.headers)))
    }
}
