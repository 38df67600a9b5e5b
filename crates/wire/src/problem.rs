//! The body of every refusal, in the shape of RFC 6749 §5.2 with one member more.

use alloc::borrow::Cow;

use serde::{Deserialize, Serialize};

/// `{"error": "...", "error_description": "...", "reason": "..."}`.
///
/// `error` is what a program switches on and comes from an RFC or from this project's
/// documentation; `error_description` is a sentence for the developer; `reason` is the finer code
/// that is the same in the library's error, the guard's counters and the documentation.
///
/// ```
/// use countersign_wire::problem::{self, Problem};
///
/// let problem = Problem::new(problem::INVALID_TOKEN, "The token expired").because("expired");
/// assert_eq!(
///     serde_json::to_string(&problem)?,
///     r#"{"error":"invalid_token","error_description":"The token expired","reason":"expired"}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The code.
    pub error: Cow<'static, str>,
    /// The sentence.
    #[serde(default)]
    pub error_description: Cow<'static, str>,
    /// The finer code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
}

impl Problem {
    /// A problem without a finer code.
    pub fn new(
        error: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            error: error.into(),
            error_description: description.into(),
            reason: None,
        }
    }

    /// Adds the finer code.
    #[must_use]
    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// 400: the request is not of the expected form (RFC 6749 §5.2, RFC 6750 §3.1).
pub const INVALID_REQUEST: &str = "invalid_request";
/// 401: the access token is expired, revoked or otherwise bad (RFC 6750 §3.1).
pub const INVALID_TOKEN: &str = "invalid_token";
/// 403: the access token is good but does not allow this (RFC 6750 §3.1).
pub const INSUFFICIENT_SCOPE: &str = "insufficient_scope";
/// 403: whoever it is, not in this way (RFC 6749 §4.1.2.1 has the name).
pub const ACCESS_DENIED: &str = "access_denied";
/// 400: the refresh token or code is bad, or was issued to another client (RFC 6749 §5.2).
pub const INVALID_GRANT: &str = "invalid_grant";
/// 401: the client could not be authenticated (RFC 6749 §5.2).
pub const INVALID_CLIENT: &str = "invalid_client";
/// 400: the client may not use this kind of grant (RFC 6749 §5.2).
pub const UNAUTHORIZED_CLIENT: &str = "unauthorized_client";
/// 400: this kind of grant is not offered (RFC 6749 §5.2).
pub const UNSUPPORTED_GRANT_TYPE: &str = "unsupported_grant_type";
/// 400: the scope is unknown, malformed or more than was granted (RFC 6749 §5.2).
pub const INVALID_SCOPE: &str = "invalid_scope";
/// 401: name and password do not belong together, or the user is unknown or disabled.
pub const INVALID_CREDENTIALS: &str = "invalid_credentials";
/// 429: too many attempts; the answer's `Retry-After` says how long to wait.
pub const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
/// 503: the server cannot do it now (RFC 6749 §4.1.2.1 has the name).
pub const TEMPORARILY_UNAVAILABLE: &str = "temporarily_unavailable";
/// 500: the server's own fault (RFC 6749 §4.1.2.1 has the name).
pub const SERVER_ERROR: &str = "server_error";
/// 404: there is no such thing.
pub const NOT_FOUND: &str = "not_found";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_body_with_less_and_more_is_read() {
        let problem: Problem =
            serde_json::from_str(r#"{"error":"invalid_grant","error_uri":"https://x"}"#)
                .expect("an RFC 6749 body");
        assert_eq!(problem, Problem::new(INVALID_GRANT, ""));
        assert!(serde_json::from_str::<Problem>(r#"{"error_description":"no code"}"#).is_err());
    }

    #[test]
    fn no_reason_is_no_member() {
        assert_eq!(
            serde_json::to_string(&Problem::new(NOT_FOUND, "No such user")).expect("plain texts"),
            r#"{"error":"not_found","error_description":"No such user"}"#
        );
    }
}
