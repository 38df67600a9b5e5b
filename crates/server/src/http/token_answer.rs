//! How a token pair is answered, and what such an answer says to caches.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::IntoResponse;
use countersign_wire::token::{BEARER, TokenAnswer};

use crate::flow::Pair;

/// RFC 6749 §5.1: both, the second for caches that know HTTP/1.0 alone.
pub(super) const NEVER_CACHED: [(HeaderName, &str); 2] =
    [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];

/// RFC 6749 §5.1: the pair as JSON, never to be cached.
pub(super) fn token_answer(pair: Pair) -> impl IntoResponse {
    let answer = TokenAnswer {
        access_token: pair.access_token.expose().to_owned(),
        token_type: BEARER.into(),
        expires_in: pair.access_token.expires_in().as_secs(),
        refresh_token: pair.refresh_token.expose().to_owned(),
        refresh_expires_in: pair.refresh_expires_in.as_secs(),
        scope: pair.scope,
        device_token: pair.device_token.map(|token| token.expose().to_owned()),
    };
    (NEVER_CACHED, axum::Json(answer))
}
