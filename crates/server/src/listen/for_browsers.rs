//! What every answer says to a browser and to caches, whatever made it: the routes, a limit, a fault.
//!
//! There are no pages here, so a browser has no business with an answer but to hand it to the page
//! that asked. What OWASP lists for APIs, as far as it means anything for one (its REST Security
//! Cheat Sheet). `Strict-Transport-Security` is not among them: it would bind every port of the host,
//! and those are not ours.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
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

pub(super) fn marked(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.extend(ALWAYS);
    headers.entry(CACHE_CONTROL).or_insert(NOT_KEPT);
    answer
}
