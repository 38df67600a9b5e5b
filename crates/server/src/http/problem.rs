//! The one place where a refusal becomes a status.
//!
//! Every refusal leaves in one shape: `{"error", "error_description", "reason"}` (RFC 6749 §5.2),
//! never to be cached. What went wrong on our side is logged here and not told.

use std::time::{Duration, Instant};

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_issuer::{IssuerError, OauthError, Refused};
use countersign_wire::bearer::Challenge;
use countersign_wire::problem::{self, Problem};

use super::form_fault::FormFault;
use crate::flow::{CustodianError, DirectoryError, FlowError, RegistryError};
use crate::seldom::Seldom;
use crate::store::StoreError;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// The body is not JSON.
    NotJson { line: usize, column: usize },
    /// The body is JSON of another shape.
    BodyMismatch { detail: String },
    /// The body is longer than is read.
    BodyTooLarge,
    /// The body broke off.
    BodyUnreadable,
    /// The body is declared as something else than JSON.
    WrongContentType,
    /// The body is compressed.
    Packed,
    /// Neither a refresh token nor an access token says which session to end.
    NothingToEnd,
    /// There is no refresh token, neither in the body nor in a cookie.
    NothingToRefresh,
    /// The form is not what an OAuth endpoint takes.
    Form(FormFault),
    /// A session through a client, and a cookie for the refresh token.
    CookieForClient,
    /// A client's change was refused or failed.
    Registry(RegistryError),
    /// A cookie came with a request that no page of ours started.
    CrossSite,
    /// A part of the path is not text.
    BadPath,
    /// The query string is not what the route takes.
    BadQuery,
    /// A page is asked for behind something that is not in the list.
    BadCursor,
    /// An administrator's change was refused or failed.
    Directory(DirectoryError),
    /// A change of the keys was refused or failed.
    Custodian(CustodianError),
    /// The router was not given the connection's address: it is served by something else than
    /// this server's own listener.
    NoPeer,
    /// As many requests as there may be are being answered.
    TooBusy,
    /// There are as many connections of this network as there may be.
    TooManyConnections,
    /// As many follow the revocations as may.
    TooManyFollowers,
    /// The host is not named once and rightly.
    BadHost,
    /// The request's headers are more than are read.
    HeadTooLarge,
    /// There is no such path.
    NoSuchRoute,
    /// There is such a path, but not for this method.
    WrongMethod,
    /// A client did not prove who it is, by the `Authorization` header.
    Client(FlowError),
    /// The flow refused or failed.
    Flow(FlowError),
}

/// 400, for plain HTTP on a port that speaks HTTPS: said before there is a connection to answer on.
pub(crate) fn https_only() -> Problem {
    let words = "This port speaks HTTPS: call it by https://";
    Problem::new(problem::INVALID_REQUEST, words).because("https_only")
}

impl From<FlowError> for Rejection {
    fn from(error: FlowError) -> Self {
        Self::Flow(error)
    }
}

impl From<DirectoryError> for Rejection {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Password(refused) => Self::Flow(FlowError::Refused(refused)),
            DirectoryError::Store(error) => Self::Flow(FlowError::Store(error)),
            DirectoryError::Issuer(error) => Self::Flow(FlowError::Issuer(error)),
            DirectoryError::Busy => Self::Flow(FlowError::Busy),
            other => Self::Directory(other),
        }
    }
}

impl From<CustodianError> for Rejection {
    fn from(error: CustodianError) -> Self {
        match error {
            CustodianError::Store(error) => Self::Flow(FlowError::Store(error)),
            other => Self::Custodian(other),
        }
    }
}

impl From<FormFault> for Rejection {
    fn from(fault: FormFault) -> Self {
        Self::Form(fault)
    }
}

impl From<RegistryError> for Rejection {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Store(error) => Self::Flow(FlowError::Store(error)),
            RegistryError::Issuer(error) => Self::Flow(FlowError::Issuer(error)),
            other => Self::Registry(other),
        }
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Self::Flow(FlowError::Store(error))
    }
}

impl From<Refused> for Rejection {
    fn from(refused: Refused) -> Self {
        Self::Flow(FlowError::Refused(refused))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let invalid = |status| (status, problem::INVALID_REQUEST);
        let bad_request = invalid(StatusCode::BAD_REQUEST);
        let ((status, error), reason, description) = match self {
            Self::NotJson { line, column } => (
                bad_request,
                "not_json",
                format!("The body is not JSON: see line {line}, column {column}"),
            ),
            Self::BodyMismatch { detail } => (
                bad_request,
                "wrong_shape",
                format!("The body does not have the right shape: {detail}"),
            ),
            Self::BodyUnreadable => (
                bad_request,
                "body_unreadable",
                "The body could not be read to its end".into(),
            ),
            Self::NothingToEnd => (
                bad_request,
                "nothing_to_end",
                "Send the refresh token in the body or the access token in the Authorization header"
                    .into(),
            ),
            Self::NothingToRefresh => (
                bad_request,
                "nothing_to_refresh",
                "Send the refresh token in the body, as {\"refresh_token\": \"…\"}".into(),
            ),
            Self::CrossSite => (
                (StatusCode::FORBIDDEN, problem::ACCESS_DENIED),
                "cross_site",
                "Cookies are for pages of this server's own origins; list the page's origin with \
                 --browser-origin"
                    .into(),
            ),
            Self::BodyTooLarge => (
                invalid(StatusCode::PAYLOAD_TOO_LARGE),
                "body_too_large",
                "The body is larger than 16 KiB".into(),
            ),
            Self::WrongContentType => (
                invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE),
                "wrong_content_type",
                "The body must be sent as Content-Type: application/json".into(),
            ),
            Self::Packed => (
                invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE),
                "wrong_content_encoding",
                PACKED.into(),
            ),
            Self::Form(fault) => form(&fault),
            Self::CookieForClient => (
                bad_request,
                "cookie_for_client",
                "Only the server's own sessions are kept in a cookie: leave out the client, or \
                 the cookie"
                    .into(),
            ),
            Self::Registry(error) => named(registry(&error), &error),
            Self::BadPath => (bad_request, "bad_path", PATH.into()),
            Self::BadQuery => (bad_request, "bad_query", QUERY.into()),
            Self::BadCursor => (bad_request, "bad_cursor", CURSOR.into()),
            Self::Directory(error) => named(directory(&error), &error),
            Self::Custodian(error) => named(custodian(&error), &error),
            Self::NoPeer => return server_failed(),
            Self::TooBusy => return unavailable(BUSY, "too_busy"),
            Self::TooManyConnections => return unavailable(CROWD, "too_many_connections"),
            Self::TooManyFollowers => return unavailable(FOLLOWERS, "too_many_followers"),
            Self::BadHost => (
                bad_request,
                "bad_host",
                "The Host header must name this server, once".into(),
            ),
            Self::HeadTooLarge => (
                invalid(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
                "head_too_large",
                "The request has more headers, or larger ones, than are read".into(),
            ),
            Self::NoSuchRoute => (
                (StatusCode::NOT_FOUND, problem::NOT_FOUND),
                "no_such_route",
                "There is nothing at this path".into(),
            ),
            Self::WrongMethod => (
                invalid(StatusCode::METHOD_NOT_ALLOWED),
                "wrong_method",
                "This path does not take this method; the Allow header lists those it takes".into(),
            ),
            Self::Client(error) => return of_client(&error),
            Self::Flow(error) => return flow(&error),
        };
        answer(status, &Problem::new(error, description).because(reason))
    }
}

/// What an administrator's change ended with, as it is said.
fn named(
    (status, reason): (StatusCode, &'static str),
    error: &impl ToString,
) -> ((StatusCode, &'static str), &'static str, String) {
    ((status, problem_name(status)), reason, sentence(error))
}

fn form(fault: &FormFault) -> ((StatusCode, &'static str), &'static str, String) {
    let bad_request = (StatusCode::BAD_REQUEST, problem::INVALID_REQUEST);
    let (refusal, reason, description) = match fault {
        FormFault::InUrl => (
            bad_request,
            "parameters_in_url",
            "Parameters belong in the body: what is in a URL is in logs",
        ),
        FormFault::NotAForm => (
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, problem::INVALID_REQUEST),
            "wrong_content_type",
            "The body must be sent as Content-Type: application/x-www-form-urlencoded",
        ),
        FormFault::Malformed => (
            bad_request,
            "bad_form",
            "The form is not percent-encoded UTF-8",
        ),
        FormFault::Repeated => (
            bad_request,
            "repeated_parameter",
            "A parameter is given more than once",
        ),
        FormFault::Missing(name) => {
            let description = format!("The parameter {name} is missing");
            return (bad_request, "missing_parameter", description);
        }
        FormFault::SeveralProofs => (
            bad_request,
            "several_proofs",
            "A client says who it is in one way only: by the Authorization header, a secret or \
             an assertion in the body, and with one id",
        ),
        FormFault::UnsupportedGrantType => (
            (StatusCode::BAD_REQUEST, problem::UNSUPPORTED_GRANT_TYPE),
            "unsupported_grant_type",
            "The grant types are client_credentials and refresh_token",
        ),
    };
    (refusal, reason, description.to_owned())
}

fn flow(error: &FlowError) -> Response {
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

fn directory(error: &DirectoryError) -> (StatusCode, &'static str) {
    match error {
        DirectoryError::NameTaken(_) => (StatusCode::CONFLICT, "name_taken"),
        DirectoryError::UnknownUser(_) => (StatusCode::NOT_FOUND, "unknown_user"),
        DirectoryError::BadRole => (StatusCode::BAD_REQUEST, "bad_role"),
        DirectoryError::BadScope => (StatusCode::BAD_REQUEST, "bad_scope"),
        _ => (StatusCode::BAD_REQUEST, "bad_name"),
    }
}

fn custodian(error: &CustodianError) -> (StatusCode, &'static str) {
    match error {
        CustodianError::Issuer(IssuerError::UnknownKey { .. }) => {
            (StatusCode::NOT_FOUND, "unknown_key")
        }
        CustodianError::TooEarly(_) => (StatusCode::CONFLICT, "too_early"),
        CustodianError::Contended => (StatusCode::CONFLICT, "contended"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
    }
}

fn registry(error: &RegistryError) -> (StatusCode, &'static str) {
    match error {
        RegistryError::IdTaken(_) => (StatusCode::CONFLICT, "id_taken"),
        RegistryError::UnknownClient(_) => (StatusCode::NOT_FOUND, "unknown_client"),
        RegistryError::Bad(bad) => (StatusCode::BAD_REQUEST, bad.code()),
        RegistryError::AnotherMethod { .. } => (StatusCode::CONFLICT, "another_method"),
        RegistryError::Contended => (StatusCode::CONFLICT, "contended"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
    }
}

fn problem_name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => problem::NOT_FOUND,
        status if status.is_server_error() => problem::SERVER_ERROR,
        _ => problem::INVALID_REQUEST,
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
    let problem = Problem::new(error.as_str(), sentence(refused)).because(refused.code());
    let mut response = answer(status, &problem);
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
fn of_client(error: &FlowError) -> Response {
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

/// A message as the start of a sentence; the house's descriptions have no full stop.
fn sentence(words: &impl ToString) -> String {
    let mut sentence = words.to_string();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// 500. What went wrong has been logged.
pub(crate) fn server_failed() -> Response {
    let description = "The server failed; its log says why";
    let problem = Problem::new(problem::SERVER_ERROR, description).because("server_error");
    answer(StatusCode::INTERNAL_SERVER_ERROR, &problem)
}

const PATH: &str = "The path is not percent-encoded UTF-8";
const QUERY: &str = "The query string is not what this path takes";
const CURSOR: &str = "This is no cursor of this list: send the last entry of the page before as `after`, or \
                      leave it out to begin anew";
const PACKED: &str = "The body must be sent as it is, without a Content-Encoding";
const BUSY: &str = "Too many requests are being answered";
const CROWD: &str = "There are too many connections from this network";
const FOLLOWERS: &str = "Too many follow the revocations, or too many of this network";

fn unavailable(description: &str, reason: &'static str) -> Response {
    let problem = Problem::new(
        problem::TEMPORARILY_UNAVAILABLE,
        format!("{description}; try again in a moment"),
    );
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, &problem.because(reason));
    retry_after(&mut response, Duration::from_secs(1));
    response
}

fn retry_after(response: &mut Response, wait: Duration) {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
}

fn answer(status: StatusCode, problem: &Problem) -> Response {
    // Three short strings: there is nothing in them that could fail to be written.
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body).into_response()
}
