//! Every request has a name, in the answer (`X-Request-Id`) and in every line of the log about it.
//!
//! The name is ours, unless a trusted proxy has given one: a stranger's would let them write into
//! the log. What is logged of a request is its method, its route as it is written here, where it came
//! from and what came of it; never its query, its headers or its body, which may hold secrets.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use countersign::{base64url, crypto};
use countersign_wire::paths;
use tracing::{Instrument, debug, info_span, warn};

use super::peer::Peer;
use super::problem::Rejection;
use super::proxies::TrustedProxies;
use crate::flow::OtherWork;
use crate::metrics::Traffic;
use crate::seldom::Seldom;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest name that is taken over.
const LONGEST: usize = 64;

/// Whose names are taken over, and where it is counted what came of each.
#[derive(Clone)]
pub(super) struct Naming {
    pub(super) proxies: TrustedProxies,
    pub(super) traffic: Arc<Traffic>,
    /// Who is turned away comes again, and anybody can come as often as they like. Each is counted
    /// (`countersign_http_requests_total`), and each is in the log that has every request.
    pub(super) turned_away: Arc<Seldom>,
    /// Told of requests that are no sign-ins, for which these give way.
    pub(super) others: Arc<OtherWork>,
}

pub(super) async fn named(State(naming): State<Naming>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let name = name(&naming.proxies, peer, request.headers());
    if request.uri().path() != paths::LOGIN {
        naming.others.came();
    }
    let span = info_span!("request", id = %name.as_deref().unwrap_or_default());
    let mut answer = seen_through(&naming, request, next).instrument(span).await;
    if let Some(value) = name.and_then(|name| HeaderValue::try_from(name).ok()) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    answer
}

/// How a request that never reaches the router is answered.
pub(crate) type Refuse =
    Arc<dyn Fn(Peer, &Method, &HeaderMap, Rejection) -> Response + Send + Sync>;

/// The same for a request that was refused before it came to a route. Anybody can cause as many as
/// they like: the log has them where it has every request.
pub(crate) fn refusing(proxies: TrustedProxies) -> Refuse {
    Arc::new(move |peer, method, headers, rejection| {
        let name = name(&proxies, Some(peer.0.ip()), headers);
        let mut answer = rejection.into_response();
        let id = name.as_deref().unwrap_or_default();
        let status = answer.status().as_u16();
        info_span!("request", %id).in_scope(|| debug!(%method, status, "refused by a limit"));
        if let Some(value) = name.and_then(|name| HeaderValue::try_from(name).ok()) {
            answer.headers_mut().insert(REQUEST_ID, value);
        }
        answer
    })
}

async fn seen_through(naming: &Naming, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let answer = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    let (status, took) = (answer.status().as_u16(), began.elapsed());
    naming.traffic.answered(route, status, took);
    let route = route.unwrap_or("none");
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        debug!(%method, route, status, ?took, "turned away");
        if let Some(requests) = naming.turned_away.note(began) {
            warn!(
                requests,
                route, "turned away requests (503), this one the last of them"
            );
        }
    } else if answer.status().is_server_error() {
        warn!(%method, route, status, ?took, "failed");
    } else {
        debug!(%method, route, status, ?took, "answered");
    }
    answer
}

/// A trusted proxy's name for the request, or a new one.
fn name(proxies: &TrustedProxies, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<String> {
    let given = headers.get(REQUEST_ID).and_then(|name| name.to_str().ok());
    match given {
        Some(given) if is_name(given) && peer.is_some_and(|peer| proxies.trust(peer)) => {
            Some(given.to_owned())
        }
        _ => Some(base64url::encode(&crypto::random::<12>().ok()?)),
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_names_requests_and_only_with_plain_words() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().expect("a network")]);
        let named = |peer: &str, given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, given.parse().expect("a header"));
            let peer = Some(peer.parse().expect("an address"));
            name(&proxies, peer, &headers).expect("a name")
        };
        assert_eq!(named("10.0.0.1", "a-1.b:2_c"), "a-1.b:2_c");
        let long = "a".repeat(LONGEST + 1);
        for (peer, given) in [
            ("192.0.2.1", "a-1"),
            ("10.0.0.1", "two words"),
            ("10.0.0.1", "quoted\"}"),
            ("10.0.0.1", long.as_str()),
        ] {
            assert_eq!(named(peer, given).len(), 16, "{given}");
            assert_ne!(named(peer, given), named(peer, given));
        }
    }
}
