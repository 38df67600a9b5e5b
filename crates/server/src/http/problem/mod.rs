//! The one place where a refusal becomes a status: why a request is not answered with what it asked
//! for, and what is said instead.
//!
//! ```text
//!   flow   what a flow refused       admin   what an administrator's change ended with
//!   form   what is wrong with one    answer  the shape in which all of them leave
//! ```

mod admin;
mod answer;
mod flow;
mod form;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_issuer::Refused;
use countersign_wire::problem::{self, Problem};

use self::admin::{custodian, directory, registry};
pub(crate) use self::answer::server_failed;
use self::answer::{Said, unavailable};
pub(crate) use self::flow::REALM;
use self::flow::{flow, of_client};
use self::form::form;
use super::form_fault::FormFault;
use crate::flow::{CustodianError, DirectoryError, FlowError, RegistryError};
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
    BadQuery { taken: &'static str },
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
        let said = match self {
            Self::Client(error) => return of_client(&error),
            Self::Flow(error) => return flow(&error),
            Self::Registry(error) => return registry(&error),
            Self::Directory(error) => return directory(&error),
            Self::Custodian(error) => return custodian(&error),
            Self::NoPeer => return server_failed(),
            Self::TooBusy => return unavailable(BUSY, "too_busy"),
            Self::TooManyConnections => return unavailable(CROWD, "too_many_connections"),
            Self::TooManyFollowers => return unavailable(FOLLOWERS, "too_many_followers"),
            Self::Form(fault) => form(fault),
            Self::NotJson { line, column } => {
                let place = format!("see line {line}, column {column}");
                Said::bad("not_json", format!("The body is not JSON: {place}"))
            }
            Self::BodyMismatch { detail } => {
                let words = format!("The body does not have the right shape: {detail}");
                Said::bad("wrong_shape", words)
            }
            Self::BodyUnreadable => {
                Said::bad("body_unreadable", "The body could not be read to its end")
            }
            Self::BodyTooLarge => Said::invalid(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is larger than 16 KiB",
            ),
            Self::WrongContentType => Said::invalid(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "wrong_content_type",
                "The body must be sent as Content-Type: application/json",
            ),
            Self::Packed => Said::invalid(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "wrong_content_encoding",
                "The body must be sent as it is, without a Content-Encoding",
            ),
            Self::NothingToEnd => Said::bad(
                "nothing_to_end",
                "No session is named: send its refresh token in the body or its access token in the \
                 Authorization header; a client's own token has no session",
            ),
            Self::NothingToRefresh => Said::bad(
                "nothing_to_refresh",
                "Send the refresh token in the body, as {\"refresh_token\": \"…\"}",
            ),
            Self::CookieForClient => Said::bad(
                "cookie_for_client",
                "Only the server's own sessions are kept in a cookie: leave out the client, or \
                 the cookie",
            ),
            Self::CrossSite => Said::new(
                StatusCode::FORBIDDEN,
                problem::ACCESS_DENIED,
                "cross_site",
                "Cookies are for pages of this server's own origins; list the page's origin with \
                 --browser-origin",
            ),
            Self::BadPath => Said::bad("bad_path", "The path is not percent-encoded UTF-8"),
            Self::BadQuery { taken } => {
                let words = format!("The query string of this path takes {taken}");
                Said::bad("bad_query", words)
            }
            Self::BadCursor => Said::bad("bad_cursor", CURSOR),
            Self::BadHost => Said::bad("bad_host", "The Host header must name this server, once"),
            Self::HeadTooLarge => Said::invalid(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                "The request has more headers, or larger ones, than are read",
            ),
            Self::NoSuchRoute => Said::new(
                StatusCode::NOT_FOUND,
                problem::NOT_FOUND,
                "no_such_route",
                "There is nothing at this path",
            ),
            Self::WrongMethod => Said::invalid(
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong_method",
                "This path does not take this method; the Allow header lists those it takes",
            ),
        };
        said.into_response()
    }
}

const CURSOR: &str = "This is no cursor of this list: send the last entry of the page before as `after`, or \
                      leave it out to begin anew";
const BUSY: &str = "Too many requests are being answered";
const CROWD: &str = "There are too many connections from this network";
const FOLLOWERS: &str = "Too many follow the revocations, or too many of this network";
