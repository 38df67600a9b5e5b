//! How every refusal leaves: one shape, `{"error", "error_description", "reason"}` (RFC 6749 §5.2), never
//! to be kept.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_wire::problem::{self, Problem};

/// A refusal in the words of whoever wrote a route.
pub(super) struct Said {
    status: StatusCode,
    error: &'static str,
    reason: &'static str,
    description: Cow<'static, str>,
}

impl Said {
    pub(super) fn new(
        status: StatusCode,
        error: &'static str,
        reason: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        let description = description.into();
        Self {
            status,
            error,
            reason,
            description,
        }
    }

    /// `invalid_request`, with this status.
    pub(super) fn invalid(
        status: StatusCode,
        reason: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(status, problem::INVALID_REQUEST, reason, description)
    }

    /// `invalid_request`, 400.
    pub(super) fn bad(reason: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, reason, description)
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let problem = Problem::new(self.error, self.description).because(self.reason);
        // Three short strings: there is nothing in them that could fail to be written.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let headers = [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ];
        (self.status, headers, body).into_response()
    }
}

/// 500. What went wrong has been logged.
pub(crate) fn server_failed() -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let description = "The server failed; its log says why";
    Said::new(status, problem::SERVER_ERROR, "server_error", description).into_response()
}

/// 503, for a moment.
pub(super) fn unavailable(description: &str, reason: &'static str) -> Response {
    let description = format!("{description}; try again in a moment");
    let (status, error) = (
        StatusCode::SERVICE_UNAVAILABLE,
        problem::TEMPORARILY_UNAVAILABLE,
    );
    let mut response = Said::new(status, error, reason, description).into_response();
    retry_after(&mut response, Duration::from_secs(1));
    response
}

/// Says when to come again, in whole seconds, and one at least.
pub(super) fn retry_after(response: &mut Response, wait: Duration) {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
}

/// A message as the start of a sentence; the house's descriptions have no full stop.
pub(super) fn sentence(words: &impl ToString) -> String {
    let mut sentence = words.to_string();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}
