//! What every answer says to a browser and to caches, whatever made it: the routes, a limit, a fault.
//!
//! There are no pages here, so a browser has no business with an answer but to hand it to the page
//! that asked. What OWASP lists for APIs, as far as it means anything for one (its REST Security
//! Cheat Sheet).

use std::time::Duration;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    // It is what it says it is.
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Should it be shown all the same, it runs and loads nothing, and no page has it in a frame.
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];
/// Unless the answer says otherwise: most have tokens, or are about somebody.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// What the answers of one listener say.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForBrowsers {
    strict_transport: Option<HeaderValue>,
}

impl ForBrowsers {
    /// Of a listener that speaks HTTPS, whose host browsers are to ask by that alone for so long. Over
    /// plain HTTP nobody may say so (RFC 6797 §7.2).
    pub(crate) fn over_https_for(time: Duration) -> Self {
        Self {
            strict_transport: HeaderValue::try_from(format!("max-age={}", time.as_secs())).ok(),
        }
    }

    pub(super) fn mark(&self, mut answer: Response) -> Response {
        let headers = answer.headers_mut();
        headers.extend(ALWAYS);
        headers.entry(CACHE_CONTROL).or_insert(NOT_KEPT);
        if let Some(value) = &self.strict_transport {
            headers.insert(STRICT_TRANSPORT_SECURITY, value.clone());
        }
        answer
    }
}
