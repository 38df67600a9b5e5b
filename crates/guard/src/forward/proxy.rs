//! Which request a proxy asks about, in the words of each proxy.
//!
//! Every proxy names the request it asks about in its own way, and passes on what the client sent
//! under all other names. So the guard believes one proxy's words only, the one its owner has: a
//! client who could choose the words could choose the rule
//! ([CVE-2025-54576](https://nvd.nist.gov/vuln/detail/CVE-2025-54576) was of this kind).

use countersign_wire::paths;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::path::PlainPath;
use crate::refusal::Why;

/// The proxy that asks, which decides where the request it asks about is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// `X-Original-Method` and `X-Original-URI`, which the configuration must set (`auth_request`).
    Nginx,
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`, which Traefik's `forwardAuth` sets unless it is
    /// told to trust the client's (`trustForwardHeader`).
    Traefik,
    /// The same headers, which Caddy's `forward_auth` sets.
    Caddy,
    /// The question's own method and, below `/verify`, its own path (`ext_authz` with
    /// `path_prefix: /verify`).
    Envoy,
}

/// The request that the proxy asks about.
#[derive(Debug)]
pub(super) struct Original {
    pub(super) method: Method,
    pub(super) path: PlainPath,
}

impl Proxy {
    pub(super) fn original(self, question: &Parts) -> Result<Original, Why> {
        let (method, target) = match self {
            Self::Nginx => (
                the_one(&question.headers, "x-original-method")?,
                the_one(&question.headers, "x-original-uri")?,
            ),
            Self::Traefik | Self::Caddy => (
                the_one(&question.headers, "x-forwarded-method")?,
                the_one(&question.headers, "x-forwarded-uri")?,
            ),
            Self::Envoy => (question.method.as_str(), below_verify(question)?),
        };
        Ok(Original {
            method: plain_method(method)?,
            path: PlainPath::of_target(target).map_err(|_| Why::AmbiguousRequest)?,
        })
    }
}

/// The value of a header that the proxy sets. Two of them would be the proxy's and the client's.
fn the_one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Why> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Why::AmbiguousRequest),
        (None, _) | (_, Some(_)) => Err(Why::NotForwarded(name)),
    }
}

/// What follows `/verify` in the question's own target.
fn below_verify(question: &Parts) -> Result<&str, Why> {
    question
        .uri
        .path_and_query()
        .and_then(|target| target.as_str().strip_prefix(paths::VERIFY))
        .filter(|rest| rest.starts_with('/'))
        .ok_or(Why::NotForwarded("path_prefix"))
}

/// Methods are told apart by case (RFC 9110 §9.1), but not by every service. All real ones are in
/// capitals.
fn plain_method(method: &str) -> Result<Method, Why> {
    Method::from_bytes(method.as_bytes())
        .ok()
        .filter(|method| !method.as_str().contains(|c: char| c.is_ascii_lowercase()))
        .ok_or(Why::AmbiguousRequest)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn original(
        proxy: Proxy,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<(String, PlainPath), Why> {
        let question = headers
            .iter()
            .fold(Request::get(target), |question, (name, value)| {
                question.header(*name, *value)
            })
            .body(())
            .expect("a request");
        let original = proxy.original(&question.into_parts().0)?;
        Ok((original.method.to_string(), original.path))
    }

    fn path(text: &str) -> PlainPath {
        PlainPath::parse(text).expect("a plain path")
    }

    const NGINX: [(&str, &str); 2] = [
        ("x-original-method", "POST"),
        ("x-original-uri", "/orders?a=b"),
    ];
    const FORWARDED: [(&str, &str); 2] = [
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-uri", "/public"),
    ];

    #[test]
    fn each_proxy_is_heard_in_its_own_words_and_no_others() {
        let both: Vec<_> = NGINX.into_iter().chain(FORWARDED).collect();
        let posted = Ok(("POST".to_owned(), path("/orders")));
        let put = Ok(("PUT".to_owned(), path("/public")));
        assert_eq!(original(Proxy::Nginx, "/verify", &both), posted);
        assert_eq!(original(Proxy::Traefik, "/verify", &both), put);
        assert_eq!(original(Proxy::Caddy, "/verify", &both), put);
        let got = Ok(("GET".to_owned(), path("/admin")));
        assert_eq!(original(Proxy::Envoy, "/verify/admin?x=/y", &both), got);
    }

    #[test]
    fn a_proxy_that_does_not_say_is_told_so() {
        let uri = Err(Why::NotForwarded("x-original-uri"));
        let method = Err(Why::NotForwarded("x-original-method"));
        assert_eq!(original(Proxy::Nginx, "/verify", &FORWARDED), method);
        assert_eq!(original(Proxy::Nginx, "/verify", &NGINX[..1]), uri);
        let twice = [NGINX[0], NGINX[1], ("x-original-uri", "/public")];
        assert_eq!(original(Proxy::Nginx, "/verify", &twice), uri);
        for target in ["/verify", "/", "/verifying", "/verify?/x", "/healthz"] {
            let outcome = original(Proxy::Envoy, target, &NGINX);
            assert_eq!(outcome, Err(Why::NotForwarded("path_prefix")), "{target}");
        }
    }

    #[test]
    fn what_the_proxy_passes_on_must_be_plain() {
        let ambiguous = Err(Why::AmbiguousRequest);
        for (method, target) in [
            ("GET", "/public/../admin"),
            ("GET", "//admin"),
            ("GET", ""),
            ("get", "/public"),
            ("Get", "/public"),
            ("", "/public"),
            ("G T", "/public"),
        ] {
            let headers = [("x-original-method", method), ("x-original-uri", target)];
            let outcome = original(Proxy::Nginx, "/verify", &headers);
            assert_eq!(outcome, ambiguous, "{method} {target}");
        }
        let outcome = original(Proxy::Envoy, "/verify/public/..;/admin", &[]);
        assert_eq!(outcome, ambiguous);
    }
}
