//! Why a request was not let in, and what it is told.
//!
//! One place turns a reason into an answer: RFC 6750 §3 says which status, which code and which
//! challenge. The application may replace the whole answer, status included; the reason stays the
//! same in logs and counters.

use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;

use bytes::Bytes;
use countersign::{Reason, TokenError};
use countersign_wire::bearer::{BearerError, Challenge};
use countersign_wire::problem::{self, Problem};
use countersign_wire::revocation::Kind;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;

/// A request that is not let in.
///
/// As it is, it answers by RFC 6750: a status, a `WWW-Authenticate` challenge and a JSON body. It
/// never contains the token or anything the token claims.
#[derive(Clone)]
pub struct Refusal {
    why: Why,
    answer: Arc<Answer>,
}

/// The reason of a [`Refusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// There is no token to check.
    NoToken(BearerError),
    /// The token did not pass verification.
    BadToken(TokenError),
    /// The claim that says what its bearer may do stands in the token twice, by its whole name and along
    /// the dots in it, and the two differ.
    AmbiguousClaim(Arc<str>),
    /// The token names an issuer the guard does not know.
    UnknownIssuer,
    /// The token passed once, but on a second look later it does not any more.
    NoLongerGood(Reason),
    /// The token was good, but it, its session, its user or its key was taken back.
    Revoked(Kind),
    /// The token has none of the scopes asked for; one of these would do.
    MissingScope(Arc<[Box<str>]>),
    /// The caller has none of the roles asked for; one of these would do.
    MissingRole(Arc<[Box<str>]>),
    /// The application's own requirement, by the name it was given.
    Denied(Arc<str>),
    /// The token came in a cookie, on a request that another site may have started.
    CrossSite,
    /// The request can be read in more than one way, and so could be for more than one rule.
    AmbiguousRequest,
    /// Nobody may make such a request.
    Closed,
    /// The proxy did not say, in this place, which request it asks about: it is not set up as it
    /// should be.
    NotForwarded(&'static str),
    /// The token is of the old kind, and the time until which those were accepted is over.
    LegacyEnded,
    /// The issuer could not be reached for so long that its keys are too old to be trusted.
    KeysTooOld,
    /// The revocations are older than the guard's owner allows.
    RevocationsTooOld,
}

impl Why {
    /// The stable reason code, the same in counters, logs, bodies and documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoToken(error) => error.code(),
            Self::BadToken(error) => error.reason().code(),
            Self::AmbiguousClaim(_) => Reason::BadClaim.code(),
            Self::UnknownIssuer => Reason::WrongIssuer.code(),
            Self::NoLongerGood(reason) => reason.code(),
            Self::Revoked(_) => "revoked",
            Self::MissingScope(_) => Reason::InsufficientScope.code(),
            Self::MissingRole(_) => "missing_role",
            Self::Denied(_) => "denied",
            Self::CrossSite => "cross_site",
            Self::AmbiguousRequest => "ambiguous_request",
            Self::Closed => "closed",
            Self::NotForwarded(_) => "not_forwarded",
            Self::LegacyEnded => "legacy_ended",
            Self::KeysTooOld => "keys_too_old",
            Self::RevocationsTooOld => "revocations_too_old",
        }
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken(error) => Display::fmt(error, f),
            Self::BadToken(error) => Display::fmt(error, f),
            Self::AmbiguousClaim(name) => write!(
                f,
                "the token has two things that '{name}' can mean, a claim of that name and one along its \
                 dots, and they differ"
            ),
            Self::UnknownIssuer => f.write_str("the token is from an issuer not trusted here"),
            Self::NoLongerGood(Reason::Expired) => f.write_str("the token has expired meanwhile"),
            Self::NoLongerGood(_) => f.write_str("the token is no longer good; get a new one"),
            Self::Revoked(Kind::Sid) => f.write_str("the session has ended; sign in again"),
            Self::Revoked(Kind::Sub) => f.write_str("the user may no longer sign in"),
            Self::Revoked(Kind::Jti) => f.write_str("the token was withdrawn"),
            Self::Revoked(Kind::Kid) => {
                f.write_str("the key that signed the token was withdrawn; get a new token")
            }
            Self::MissingScope(scopes) => {
                write!(f, "the token lacks the scope '{}'", scopes.join("' or '"))
            }
            Self::MissingRole(roles) => {
                write!(f, "the caller lacks the role '{}'", roles.join("' or '"))
            }
            Self::Denied(name) => write!(f, "the caller does not meet the requirement '{name}'"),
            Self::CrossSite => {
                f.write_str("a cookie counts only on requests from the application's own pages")
            }
            Self::AmbiguousRequest => f.write_str(
                "the path, the method or a header can be read in more than one way; send a path \
                 without dot segments, doubled or encoded slashes and ';', a method in capitals, and \
                 no header that looks like the guard's own (X-Auth_Roles) or names another path or \
                 method (X-Original-URL, X-HTTP-Method-Override)",
            ),
            Self::Closed => f.write_str("nobody may make this request"),
            Self::NotForwarded(place) => write!(
                f,
                "the proxy in front does not say, exactly once in '{place}', which request it asks \
                 about; see to its settings"
            ),
            Self::LegacyEnded => {
                f.write_str("tokens of the old kind are no longer accepted; sign in again")
            }
            Self::KeysTooOld => {
                f.write_str("the issuer's keys could not be renewed for too long; try again later")
            }
            Self::RevocationsTooOld => f.write_str(
                "the issuer's revocations could not be renewed for too long; try again later",
            ),
        }
    }
}

impl Refusal {
    /// Why.
    pub fn why(&self) -> &Why {
        &self.why
    }

    /// The stable reason code: `missing_token`, `expired`, `revoked`, `insufficient_scope`, ….
    pub fn reason_code(&self) -> &'static str {
        self.why.code()
    }

    /// The status by RFC 6750 §3.1: 400, 401 or 403; or 503 where the guard itself cannot decide,
    /// and 500 where a proxy does not tell it what to decide about.
    pub fn status(&self) -> StatusCode {
        match self.kind() {
            Status::NoCredentials | Status::InvalidToken => StatusCode::UNAUTHORIZED,
            Status::InvalidRequest => StatusCode::BAD_REQUEST,
            Status::InsufficientScope | Status::Forbidden => StatusCode::FORBIDDEN,
            Status::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Status::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The value of `WWW-Authenticate`; none if no other credentials would change the answer.
    pub fn challenge(&self) -> Option<String> {
        let kind = self.kind();
        if matches!(
            kind,
            Status::Forbidden | Status::Unavailable | Status::Misconfigured
        ) {
            return None;
        }
        let description = self.description();
        let told = kind != Status::NoCredentials;
        let challenge = Challenge {
            realm: &self.answer.realm,
            error: told.then(|| kind.error()),
            description: told.then_some(&description),
            scope: match &self.why {
                Why::MissingScope(scopes) => scopes.first().map(AsRef::as_ref),
                _ => None,
            },
            resource_metadata: self.answer.resource_metadata.as_deref(),
        };
        Some(challenge.to_string())
    }

    /// The body.
    pub fn problem(&self) -> Problem {
        Problem::new(self.kind().error(), self.description()).because(self.reason_code())
    }

    /// The answer: the application's own if the guard was given one, else by RFC 6750.
    pub fn response<B: From<Bytes>>(&self) -> Response<B> {
        let response = match &self.answer.replacement {
            Some(replacement) => replacement(self),
            None => self.standard_response(),
        };
        response.map(B::from)
    }

    /// The answer by RFC 6750, whatever the application does otherwise.
    pub fn standard_response(&self) -> Response<Bytes> {
        self.respond(self.status(), &self.problem())
    }

    /// An answer of the application's own making: this status and this JSON, with the challenge and
    /// the caching rule that belong to a refusal. A body that cannot be serialised is left empty.
    ///
    /// ```
    /// # use countersign_guard::Guard;
    /// use http::StatusCode;
    ///
    /// let builder = Guard::builder("https://id.example", "orders").on_refusal(|refusal| {
    ///     let status = match refusal.reason_code() {
    ///         "missing_token" => StatusCode::FORBIDDEN,
    ///         _ => refusal.status(),
    ///     };
    ///     refusal.respond(status, &serde_json::json!({ "message": refusal.description() }))
    /// });
    /// ```
    pub fn respond(&self, status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge().and_then(|text| text.try_into().ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.kind() == Status::Unavailable {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }

    /// The reason as a sentence for whoever sent the request.
    pub fn description(&self) -> String {
        let reason = self.why.to_string();
        let mut letters = reason.chars();
        letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(letters)
            .collect()
    }

    pub(crate) fn new(why: Why, answer: &Arc<Answer>) -> Self {
        Self {
            why,
            answer: Arc::clone(answer),
        }
    }

    fn kind(&self) -> Status {
        match &self.why {
            Why::NoToken(BearerError::Missing) => Status::NoCredentials,
            Why::NoToken(BearerError::Malformed | BearerError::Repeated) => Status::InvalidRequest,
            Why::BadToken(error) if error.reason() == Reason::InsufficientScope => {
                Status::InsufficientScope
            }
            Why::BadToken(_)
            | Why::AmbiguousClaim(_)
            | Why::UnknownIssuer
            | Why::LegacyEnded
            | Why::NoLongerGood(_)
            | Why::Revoked(_) => Status::InvalidToken,
            Why::MissingScope(_) | Why::MissingRole(_) | Why::Denied(_) => {
                Status::InsufficientScope
            }
            Why::CrossSite | Why::AmbiguousRequest | Why::Closed => Status::Forbidden,
            Why::NotForwarded(_) => Status::Misconfigured,
            Why::KeysTooOld | Why::RevocationsTooOld => Status::Unavailable,
        }
    }
}

impl Debug for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.why, f)
    }
}

impl std::error::Error for Refusal {}

/// How a guard answers; its refusals share it.
pub(crate) struct Answer {
    pub(crate) realm: String,
    pub(crate) resource_metadata: Option<String>,
    pub(crate) replacement: Option<Replacement>,
}

/// The application's own answer.
pub(crate) type Replacement = Box<dyn Fn(&Refusal) -> Response<Bytes> + Send + Sync>;

const RETRY_AFTER_SECONDS: &str = "5";

/// The cases of RFC 6750 §3.1, and ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    NoCredentials,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
    Forbidden,
    Unavailable,
    Misconfigured,
}

impl Status {
    fn error(self) -> &'static str {
        match self {
            // The body has a code in every case; only the challenge leaves it out.
            Self::NoCredentials | Self::InvalidToken => problem::INVALID_TOKEN,
            Self::InvalidRequest => problem::INVALID_REQUEST,
            Self::InsufficientScope => problem::INSUFFICIENT_SCOPE,
            Self::Forbidden => problem::ACCESS_DENIED,
            Self::Unavailable => problem::TEMPORARILY_UNAVAILABLE,
            Self::Misconfigured => problem::SERVER_ERROR,
        }
    }
}
