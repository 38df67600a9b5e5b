//! What the server publishes about itself: its keys and its metadata.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign::Algorithm;
use countersign_issuer::GrantType;
use countersign_wire::discovery::Metadata;
use countersign_wire::paths;

use crate::flow::Authority;

/// How clients prove who they are.
const PROOFS: [&str; 3] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
];

/// `GET /.well-known/jwks.json` (RFC 7517 §5). Its `max-age` shrinks towards the next planned key.
pub(super) async fn key_set(
    State(authority): State<Arc<Authority>>,
    headers: HeaderMap,
) -> Response {
    let published = authority.published_keys();
    let lifetime = format!("public, max-age={}", published.max_age.as_secs());
    let caching = [(CACHE_CONTROL, lifetime), (ETAG, published.etag.clone())];
    if is_known(&headers, &published.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(CONTENT_TYPE, "application/jwk-set+json")];
    (caching, kind, published.json).into_response()
}

/// RFC 9110 §13.1.2: compared weakly, for a proxy that compresses makes `W/"…"` of ours.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Where the metadata of an issuer with a path is as well: RFC 8414 §3 puts the well-known name in
/// front of that path. Who forwards requests for the path alone need not know; who follows the RFC
/// forwards these.
pub(super) fn before_the_path(issuer: &str) -> Option<[String; 2]> {
    let (_, rest) = issuer.split_once("://")?;
    let path = &rest[rest.find('/')?..];
    // Those two mean something to the router, and nothing to an issuer.
    let is_plain = !path.contains(['{', '}']);
    let names = [
        paths::OPENID_CONFIGURATION,
        paths::OAUTH_AUTHORIZATION_SERVER,
    ];
    is_plain.then(|| names.map(|name| format!("{name}{path}")))
}

/// `GET /.well-known/openid-configuration` and `…/oauth-authorization-server` (RFC 8414): what is
/// built, and nothing that is not.
pub(super) async fn metadata(State(authority): State<Arc<Authority>>) -> impl IntoResponse {
    let issuer = authority.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    let names = |names: &[&str]| names.iter().copied().map(str::to_owned).collect::<Vec<_>>();
    let proofs = names(&PROOFS);
    let algorithms: Vec<_> = Algorithm::all()
        .filter(|algorithm| !algorithm.is_symmetric())
        .map(|algorithm| algorithm.name().to_owned())
        .collect();
    let metadata = Metadata {
        token_endpoint: Some(at(paths::OAUTH_TOKEN)),
        introspection_endpoint: Some(at(paths::OAUTH_INTROSPECT)),
        revocation_endpoint: Some(at(paths::OAUTH_REVOKE)),
        grant_types_supported: names(&GrantType::ALL.map(GrantType::as_str)),
        // A public client only says who it is: to have its own tokens, not to ask about others'.
        token_endpoint_auth_methods_supported: [proofs.as_slice(), &names(&["none"])].concat(),
        revocation_endpoint_auth_methods_supported: [proofs.as_slice(), &names(&["none"])].concat(),
        introspection_endpoint_auth_methods_supported: proofs,
        token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
        introspection_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
        revocation_endpoint_auth_signing_alg_values_supported: algorithms,
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
