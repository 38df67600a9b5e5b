//! A token in a cookie, for applications whose pages and API share an origin. Off unless asked for.
//!
//! A browser attaches cookies to requests that other sites start. So a token that came in a cookie
//! counts only if the request is not such a one: reading is free (its answer stays out of the other
//! site's reach), everything else, and every WebSocket, must come from an origin on the list. The
//! browser says where a request comes from in `Origin`, which no page can forge; where it sends
//! none, `Sec-Fetch-Site` must say that the request stays within one origin.

use countersign_wire::bearer::BearerError;
use http::header::{COOKIE, HeaderName, ORIGIN, UPGRADE};
use http::{HeaderMap, Method};

use crate::refusal::Why;

/// Which cookie holds the token, and whose pages may use it.
#[derive(Clone, Debug)]
pub(crate) struct CookieRule {
    name: String,
    origins: OwnOrigins,
}

impl CookieRule {
    pub(crate) fn new(name: String, origins: Vec<String>) -> Self {
        let origins = OwnOrigins::new(origins);
        Self { name, origins }
    }

    /// The first of the origins that no browser would write so, and whose pages would be refused.
    pub(crate) fn misspelt(&self) -> Option<&str> {
        let mut origins = self.origins.0.iter();
        origins
            .find(|origin| !is_origin(origin))
            .map(String::as_str)
    }

    /// The token in the cookie, if there is the cookie and the request may use it. Where the method
    /// is not known, the strict rule holds.
    pub(crate) fn token<'a>(
        &self,
        method: Option<&Method>,
        headers: &'a HeaderMap,
    ) -> Result<&'a str, Why> {
        let token = cookie(headers, &self.name).map_err(Why::NoToken)?;
        let reads = matches!(
            method,
            Some(&Method::GET | &Method::HEAD | &Method::OPTIONS)
        );
        if (reads && !headers.contains_key(UPGRADE)) || self.origins.started(headers) {
            Ok(token)
        } else {
            Err(Why::CrossSite)
        }
    }

    /// Whether there is such a cookie at all.
    pub(crate) fn is_present(&self, headers: &HeaderMap) -> bool {
        !matches!(cookie(headers, &self.name), Err(BearerError::Missing))
    }
}

/// The value of the one cookie called `name`.
///
/// # Errors
/// [`BearerError::Missing`] without one, [`BearerError::Repeated`] with several: a page on a
/// neighbouring host may have planted the second. [`BearerError::Malformed`] if it is not ASCII.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, BearerError> {
    // All cookies come in one header, and what others put into theirs is whatever bytes they like.
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let mut halves = pair.trim_ascii().splitn(2, |byte| *byte == b'=');
            Some((halves.next()?, halves.next()?))
        })
        .filter(|(found, value)| *found == name.as_bytes() && !value.is_empty())
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (None, _) => Err(BearerError::Missing),
        (Some(token), None) if token.is_ascii() => {
            str::from_utf8(token).map_err(|_| BearerError::Malformed)
        }
        (Some(_), None) => Err(BearerError::Malformed),
        (Some(_), Some(_)) => Err(BearerError::Repeated),
    }
}

/// The origins whose pages are one's own: `https://shop.example`, as browsers write them.
///
/// For an application that sets cookies itself and must know which requests its own pages started.
#[derive(Clone, Debug)]
pub struct OwnOrigins(Vec<String>);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl OwnOrigins {
    /// These and no others, compared byte by byte.
    pub fn new<S: Into<String>>(origins: impl IntoIterator<Item = S>) -> Self {
        Self(origins.into_iter().map(Into::into).collect())
    }

    /// Whether the browser says that one of them started this request. Where it says nothing, none
    /// did.
    pub fn started(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => self.0.iter().any(|own| origin.as_bytes() == own.as_bytes()),
            (None, _) => headers
                .get(SEC_FETCH_SITE)
                .is_some_and(|site| site == "same-origin"),
            (Some(_), Some(_)) => false,
        }
    }
}

/// Whether it is an origin as it stands in `Origin` (RFC 6454 §6.2): scheme, host, and a port that is not
/// the scheme's own. `null` is everybody's: a page in a sandbox has it, whoever wrote that page.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let own_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "/",
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_:[]".contains(c);
    !scheme.is_empty()
        && scheme.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && !host.is_empty()
        && host.chars().all(plain)
        && !host.ends_with([':', '/'])
        && !host.ends_with(own_port)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "__Host-token=a.b.c";

    fn rule() -> CookieRule {
        CookieRule::new(
            "__Host-token".to_owned(),
            vec!["https://shop.example".to_owned()],
        )
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    value.parse().expect("a header value"),
                )
            })
            .collect::<Vec<_>>()
            .into_iter()
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            })
    }

    #[track_caller]
    fn passes(method: &Method, pairs: &[(&'static str, &str)]) {
        assert_eq!(rule().token(Some(method), &headers(pairs)), Ok("a.b.c"));
    }

    #[track_caller]
    fn crosses(method: Option<&Method>, pairs: &[(&'static str, &str)]) {
        let outcome = rule().token(method, &headers(pairs)).map(str::to_owned);
        assert_eq!(outcome, Err(Why::CrossSite));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        for value in [
            TOKEN,
            "a=b; __Host-token=a.b.c; c=d",
            "x;__Host-token=a.b.c",
        ] {
            passes(&Method::GET, &[("cookie", value)]);
        }
        passes(&Method::GET, &[("cookie", "a=b"), ("cookie", TOKEN)]);
    }

    /// Browsers send what a page wrote into a cookie as it is, in UTF-8 or not.
    #[test]
    fn what_stands_in_other_cookies_does_not_matter() {
        let read = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(bytes).expect("a header value");
            headers.insert(COOKIE, value);
            cookie(&headers, "__Host-token").map(str::to_owned)
        };
        let token = || Ok("a.b.c".to_owned());
        assert_eq!(read("name=Zoë; __Host-token=a.b.c".as_bytes()), token());
        assert_eq!(read(b"__Host-token=a.b.c; name=\xff"), token());
        let planted = read(b"__Host-token=\xff; __Host-token=a.b.c");
        assert_eq!(planted, Err(BearerError::Repeated));
        let bent = read("__Host-token=ë".as_bytes());
        assert_eq!(bent, Err(BearerError::Malformed));
    }

    #[test]
    fn none_is_missing_and_two_are_too_many() {
        let outcome = |pairs: &[(&'static str, &str)]| {
            rule()
                .token(Some(&Method::GET), &headers(pairs))
                .map(str::to_owned)
        };
        for value in [
            "",
            "a=b",
            "host-token=a.b.c",
            "__Host-token=",
            "x__Host-token=a",
        ] {
            assert_eq!(
                outcome(&[("cookie", value)]),
                Err(Why::NoToken(BearerError::Missing))
            );
        }
        assert_eq!(outcome(&[]), Err(Why::NoToken(BearerError::Missing)));
        let repeated = Err(Why::NoToken(BearerError::Repeated));
        assert_eq!(outcome(&[("cookie", TOKEN), ("cookie", TOKEN)]), repeated);
        assert_eq!(
            outcome(&[("cookie", "__Host-token=a; __Host-token=b")]),
            repeated
        );
    }

    #[test]
    fn what_changes_something_must_come_from_our_own_pages() {
        let own = ("origin", "https://shop.example");
        passes(&Method::POST, &[("cookie", TOKEN), own]);
        passes(
            &Method::DELETE,
            &[("cookie", TOKEN), ("sec-fetch-site", "same-origin")],
        );
        for other in [
            ("origin", "https://evil.example"),
            ("origin", "https://shop.example.evil.example"),
            ("origin", "http://shop.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("x-requested-with", "XMLHttpRequest"),
        ] {
            crosses(Some(&Method::POST), &[("cookie", TOKEN), other]);
        }
        let forged = ("origin", "https://evil.example");
        crosses(
            Some(&Method::PUT),
            &[("cookie", TOKEN), forged, ("sec-fetch-site", "same-origin")],
        );
        crosses(Some(&Method::PUT), &[("cookie", TOKEN), own, forged]);
    }

    #[test]
    fn a_websocket_must_too_though_it_is_a_get() {
        let upgrade = ("upgrade", "websocket");
        crosses(Some(&Method::GET), &[("cookie", TOKEN), upgrade]);
        passes(
            &Method::GET,
            &[
                ("cookie", TOKEN),
                upgrade,
                ("origin", "https://shop.example"),
            ],
        );
    }

    #[test]
    fn an_unknown_method_is_taken_for_one_that_changes_something() {
        crosses(None, &[("cookie", TOKEN)]);
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for origin in [
            "https://shop.example",
            "http://127.0.0.1:5000",
            "http://localhost:8080",
            "https://[::1]:8443",
            "https://shop.example:4430",
            "https://xn--caf-dma.example",
            "chrome-extension://abcdefgh",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for text in [
            "",
            "*",
            "null",
            "shop.example",
            "localhost:5000",
            "https://",
            "://shop.example",
            "https://shop.example/",
            "https://shop.example/app",
            "https://Shop.example",
            "HTTPS://shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://shop.example:",
            "https://*.shop.example",
            "https://ada@shop.example",
            "https://café.example",
            "https://shop.example ",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
