//! `/metrics`, and who may read it.
//!
//! The numbers say how many sign in, and how busy the server is: nothing for strangers. There is no
//! password on them, as scrapers have it, so it is the way they come that is looked at. On a listener that
//! serves anything else they are for programs of this machine alone: the connection comes from
//! loopback, no header says that it was passed on, and it is this machine that was asked for by
//! name, which no page of another site can do from a browser here. Everybody else is answered as if
//! there were no such route.
//!
//! A proxy on this machine that adds no header (nginx does not by itself) looks like such a program.
//! So whoever runs a server that is known by a name of its own, and not as a program of this machine, says
//! where its numbers are to be read; see [`Readers`].

use std::future::ready;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use countersign_wire::paths;

use super::peer::Peer;
use super::problem::Rejection;
use crate::config::{Config, PlainHttp, is_loopback};
use crate::metrics::page;

/// Who may read the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Nobody: they are read elsewhere, or not at all.
    Nobody,
    /// Programs of this machine, as far as can be seen.
    ThisMachine,
    /// Whoever reaches the listener: it is there for nothing else.
    Whoever,
}

/// The route: `page` is what `readers` read. To anybody else it is no route.
pub(super) fn scraped<S>(
    readers: Readers,
    page: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    any(move |request: Request| {
        let answer = readers.answer(&request, &page);
        ready(answer.unwrap_or_else(|| Rejection::NoSuchRoute.into_response()))
    })
}

/// A router for a listener that serves nothing else.
pub fn alone(page: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    Router::new()
        .route(paths::METRICS, scraped(Readers::Whoever, page))
        .fallback(|| async { Rejection::NoSuchRoute })
}

impl Readers {
    /// Who may read them beside the API of a server that signs as `issuer`.
    pub(crate) fn beside_the_api(config: &Config, issuer: &str) -> Self {
        let authority = issuer.split("://").nth(1).unwrap_or_default();
        let host = authority.split('/').next().unwrap_or_default();
        let has_proxy =
            config.plain_http == PlainHttp::BehindProxy || !config.trusted_proxies.is_empty();
        if config.metrics_listen.is_some() || has_proxy || !is_loopback(host) {
            return Self::Nobody;
        }
        Self::ThisMachine
    }

    /// The answer to a request for the numbers; nothing for those who may not read them, who are to be
    /// told that there is no such route.
    pub fn answer(self, request: &Request, page: impl FnOnce() -> String) -> Option<Response> {
        if !self.admit(request) {
            return None;
        }
        // Not left to the router, which would tell strangers that there is something to be had.
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Some(([(ALLOW, "GET,HEAD")], Rejection::WrongMethod).into_response());
        }
        let headers = [
            (CONTENT_TYPE, page::CONTENT_TYPE),
            (CACHE_CONTROL, "no-store"),
        ];
        Some((headers, page()).into_response())
    }

    fn admit(self, request: &Request) -> bool {
        match self {
            Self::Nobody => false,
            Self::Whoever => true,
            Self::ThisMachine => {
                let peer = request.extensions().get::<Peer>();
                peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback())
                    && !is_passed_on(request.headers())
                    && asks_this_machine(request.uri(), request.headers())
            }
        }
    }
}

/// What proxies add, under whatever name.
const FORWARDING: [&str; 10] = [
    "cdn-loop",
    "client-ip",
    "forwarded",
    "max-forwards",
    "proxy-connection",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
];
/// And whole families of such names.
const FORWARDING_PREFIXES: [&str; 4] = ["cf-", "x-envoy-", "x-forwarded", "x-original-"];

fn is_passed_on(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        let is_one_of = |prefix: &str| name.starts_with(prefix);
        FORWARDING.contains(&name) || FORWARDING_PREFIXES.iter().any(|prefix| is_one_of(prefix))
    })
}

/// Whether the name that was asked for is one of loopback. A page of another site that has its own name
/// lead to this machine (DNS rebinding) asks for its own name.
fn asks_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST).and_then(|host| host.to_str().ok()),
    };
    named.is_some_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    async fn asked(readers: Readers, peer: Option<&str>, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().uri("/metrics");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(peer) = peer {
            let peer: SocketAddr = peer.parse().expect("an address");
            request = request.extension(Peer(peer));
        }
        let router: Router = Router::new().route("/metrics", scraped(readers, || "up 1\n".into()));
        let request = request.body(Body::empty()).expect("a request");
        router.oneshot(request).await.expect("an answer")
    }

    #[tokio::test]
    async fn programs_of_this_machine_read_and_nobody_else() {
        let here = ("host", "127.0.0.1:7800");
        for (peer, host) in [
            ("127.0.0.1:5000", "127.0.0.1:7800"),
            ("127.8.8.8:5000", "localhost:7800"),
            ("[::1]:5000", "[::1]:7800"),
            ("[::ffff:127.0.0.1]:5000", "localhost"),
        ] {
            let answer = asked(Readers::ThisMachine, Some(peer), &[("host", host)]).await;
            assert_eq!(answer.status(), StatusCode::OK, "{peer} {host}");
        }
        for peer in [
            None,
            Some("192.0.2.1:5000"),
            Some("[2001:db8::1]:5000"),
            Some("10.0.0.1:1"),
        ] {
            let answer = asked(Readers::ThisMachine, peer, &[here]).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{peer:?}");
        }
        for header in [
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Real-IP",
            "Via",
            "X-Original-URI",
            "True-Client-IP",
            "CF-Connecting-IP",
        ] {
            let headers = [here, (header, "127.0.0.1")];
            let answer = asked(Readers::ThisMachine, Some("127.0.0.1:5000"), &headers).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{header}");
        }
        for host in [
            "id.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.0.2.1",
        ] {
            let headers = [("host", host)];
            let answer = asked(Readers::ThisMachine, Some("127.0.0.1:5000"), &headers).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{host}");
        }
        let nameless = asked(Readers::ThisMachine, Some("127.0.0.1:5000"), &[]).await;
        assert_eq!(nameless.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn elsewhere_it_is_all_or_nobody() {
        let here = ("host", "127.0.0.1:7800");
        let nobody = asked(Readers::Nobody, Some("127.0.0.1:5000"), &[here]).await;
        assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
        let passed_on = [("host", "metrics.internal"), ("via", "1.1 proxy")];
        let whoever = asked(Readers::Whoever, Some("10.0.0.1:5000"), &passed_on).await;
        assert_eq!(whoever.status(), StatusCode::OK);
    }
}
