//! What the server publishes about itself: its keys and its metadata.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_wire::discovery::Metadata;
use countersign_wire::paths;

use crate::flow::Authority;

/// `GET /.well-known/jwks.json` (RFC 7517 §5). Its `max-age` shrinks towards the next planned key.
pub(super) async fn key_set(
    State(authority): State<Arc<Authority>>,
    headers: HeaderMap,
) -> Response {
    let published = authority.published_keys();
    let lifetime = format!("public, max-age={}", published.max_age.as_secs());
    let caching = [(CACHE_CONTROL, lifetime), (ETAG, published.etag.clone())];
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == published.etag))
    });
    if known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(CONTENT_TYPE, "application/jwk-set+json")];
    (caching, kind, published.json).into_response()
}

/// `GET /.well-known/openid-configuration` and `…/oauth-authorization-server` (RFC 8414): what is
/// built, and nothing that is not.
pub(super) async fn metadata(State(authority): State<Arc<Authority>>) -> impl IntoResponse {
    let issuer = authority.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    let metadata = Metadata {
        issuer: issuer.to_owned(),
        jwks_uri: at(paths::JWKS),
        subject_types_supported: vec!["public".into()],
        countersign_login_endpoint: Some(at(paths::LOGIN)),
        countersign_refresh_endpoint: Some(at(paths::REFRESH)),
        countersign_logout_endpoint: Some(at(paths::LOGOUT)),
        countersign_revocations_endpoint: Some(at(paths::REVOCATIONS)),
        countersign_max_token_lifetime: Some(authority.longest_access_life().as_secs()),
        ..Metadata::default()
    };
    ([(CACHE_CONTROL, "public, max-age=300")], Json(metadata))
}
