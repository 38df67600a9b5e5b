//! What a flow refused, or failed to do. What went wrong on our side is logged here and not told.

use std::time::Instant;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_issuer::{OauthError, Refused};
use countersign_wire::bearer::Challenge;

use super::answer::{Said, retry_after, sentence, server_failed, unavailable};
use crate::flow::FlowError;
use crate::seldom::Seldom;
use crate::store::StoreError;

pub(super) fn flow(error: &FlowError) -> Response {
    match error {
        FlowError::Refused(refused) => refusal(refused),
        FlowError::Busy => unavailable("Too many sign-ins are under way", "hash_queue_full"),
        FlowError::Store(StoreError::Overloaded) => {
            unavailable("The server is overloaded", "overloaded")
        }
        FlowError::Store(StoreError::Unwritable(why)) => {
            let description = format!("The database cannot be written: {why}");
            unavailable(&description, "storage_unavailable")
        }
        FlowError::Store(error @ StoreError::Fault) => {
            tracing::error!(%error, "a request was not answered");
            server_failed()
        }
        FlowError::Store(error) => {
            // A full disk fails every request there is, and the log may lie on it. Anything else may be
            // said once and never again.
            static FAILED: Seldom = Seldom::new();
            tracing::debug!(%error, "the database failed a request");
            let often = matches!(error, StoreError::Unavailable(_));
            let told = if often {
                FAILED.note(Instant::now())
            } else {
                Some(1)
            };
            if let Some(requests) = told {
                tracing::error!(%error, requests, "the database failed requests, this one the last of them");
            }
            unavailable("The server cannot reach its data", "storage_unavailable")
        }
        FlowError::Issuer(error) => {
            tracing::error!(%error, code = error.code(), "the issuer failed a request");
            server_failed()
        }
    }
}

fn refusal(refused: &Refused) -> Response {
    let error = refused.oauth_error();
    let status = match error {
        OauthError::InvalidCredentials | OauthError::InvalidClient => StatusCode::UNAUTHORIZED,
        OauthError::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        // RFC 7009 §2.2.1 has this status for a revocation, and no other.
        OauthError::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        OauthError::InvalidGrant
        | OauthError::UnauthorizedClient
        | OauthError::UnsupportedTokenType
        | OauthError::InvalidScope
        | OauthError::InvalidTarget
        | OauthError::InvalidRequest => StatusCode::BAD_REQUEST,
    };
    let said = Said::new(status, error.as_str(), refused.code(), sentence(refused));
    let mut response = said.into_response();
    if let Refused::TooManyAttempts { retry_after: wait }
    | Refused::TooManyRevocations { retry_after: wait } = refused
    {
        retry_after(&mut response, *wait);
    }
    if error == OauthError::InvalidCredentials {
        // RFC 9110 §15.5.2: a 401 names a scheme.
        let challenge = Challenge {
            realm: REALM,
            ..Challenge::default()
        };
        if let Ok(value) = HeaderValue::try_from(challenge.to_string()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
    }
    response
}

/// A refusal of a client that used the header: with the scheme that is taken there (RFC 6749 §5.2).
pub(super) fn of_client(error: &FlowError) -> Response {
    let mut response = flow(error);
    if matches!(error, FlowError::Refused(it) if it.oauth_error() == OauthError::InvalidClient) {
        let challenge = HeaderValue::from_static(BASIC);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

const BASIC: &str = "Basic realm=\"countersign\", charset=\"UTF-8\"";

/// The realm of every challenge this server makes.
pub(crate) const REALM: &str = "countersign";
