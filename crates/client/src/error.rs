//! What can go wrong while staying signed in.
//!
//! Errors are cheap to clone, because one renewal answers every task that waits for it. None of them
//! contains a token, a password or what a server wrote beyond its error code.

use std::sync::Arc;
use std::time::Duration;

use countersign_wire::problem;
use reqwest::StatusCode;

use crate::storage::StorageError;

/// Why there is no token, or no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address given for a server is not usable.
    #[error("The server's address cannot be used: {reason}")]
    BadAddress {
        /// What is wrong with it.
        reason: &'static str,
    },

    /// The metadata at an issuer's address are those of another issuer (RFC 8414 §3.3).
    #[error("{asked} calls itself by another name; use the name it gives itself")]
    OtherIssuer {
        /// The address that was asked.
        asked: String,
    },

    /// The server, or the kind of login, does not have it.
    #[error("There is no {what} here")]
    NotOffered {
        /// What was asked for.
        what: &'static str,
    },

    /// A request would have taken the token to an origin it was not made for.
    #[error(
        "The token was not sent: {origin} is not among the origins of this login; name it with for_origin"
    )]
    OriginNotAllowed {
        /// The origin of the request.
        origin: String,
    },

    /// Name and password do not belong together, or the user is unknown or disabled.
    #[error("The server refused the user name or the password")]
    InvalidCredentials,

    /// The token endpoint does not know the client, or refuses its secret.
    #[error("The server refused the client's name or its secret")]
    InvalidClient,

    /// The server wants this name or this network to wait before the next attempt.
    #[error("Too many attempts{}", wait(.retry_after.as_ref()))]
    TooManyAttempts {
        /// How long to wait, as the server says.
        retry_after: Option<Duration>,
    },

    /// The server ended the session (`invalid_grant`); there is no way back but to sign in.
    #[error("The session has ended; sign in again")]
    SessionEnded,

    /// [`Client::logout`](crate::Client::logout) was called before, here or in another process that
    /// shares the login.
    #[error("This client has signed out; sign in again")]
    SignedOut,

    /// There is no login in the storage.
    #[error("Nobody is signed in: there is no login in {place}")]
    NotSignedIn {
        /// The storage.
        place: String,
    },

    /// The login's storage cannot be used, or must not be.
    #[error(transparent)]
    Storage(#[from] StorageError),

    /// Your own source of tokens had no token to give.
    #[error("The source of tokens failed: {0}")]
    Source(#[source] Arc<dyn std::error::Error + Send + Sync>),

    /// What was given for a token cannot be sent in a header (RFC 6750 §2.1).
    #[error("This is no bearer token: it is empty, or has characters that no token has")]
    NotAToken,

    /// The server is there but cannot do it now.
    #[error("{origin} cannot answer now (status {status}){}", wait(.retry_after.as_ref()))]
    Unavailable {
        /// The server.
        origin: String,
        /// What it answered.
        status: StatusCode,
        /// How long to wait, as the server says.
        retry_after: Option<Duration>,
    },

    /// The server could not be reached, or the connection broke.
    #[error("{origin} could not be reached{}", advice(.source))]
    Network {
        /// The server.
        origin: String,
        /// What the network said.
        source: Arc<reqwest::Error>,
    },

    /// The renewal took longer than it may.
    #[error("{origin} did not renew the token in time")]
    RenewalTimedOut {
        /// The server.
        origin: String,
    },

    /// The runtime was shut down while the renewal was under way.
    #[error("The renewal of the token was interrupted")]
    Interrupted,

    /// The server answered what its contract does not contain.
    #[error("{origin} gave an answer that this client does not understand (status {status}{}", code_or_place(.error.as_deref()))]
    UnexpectedAnswer {
        /// The server.
        origin: String,
        /// What it answered.
        status: StatusCode,
        /// The error code in the body, if there was one.
        error: Option<String>,
    },

    /// What should hold an authority's certificate holds none.
    #[error("There is no certificate (PEM) of an authority in it")]
    NoCertificate,

    /// The request itself failed: it could not be built, sent, or its answer not be read.
    #[error("The request failed: {0}")]
    Request(#[source] Arc<reqwest::Error>),
}

impl ClientError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => "bad_address",
            Self::OtherIssuer { .. } => "other_issuer",
            Self::NotOffered { .. } => "not_offered",
            Self::OriginNotAllowed { .. } => "origin_not_allowed",
            Self::InvalidCredentials => problem::INVALID_CREDENTIALS,
            Self::TooManyAttempts { .. } => problem::TOO_MANY_ATTEMPTS,
            Self::SessionEnded => problem::INVALID_GRANT,
            Self::SignedOut => "signed_out",
            Self::NotSignedIn { .. } => "not_signed_in",
            Self::InvalidClient => problem::INVALID_CLIENT,
            Self::Storage(error) => error.code(),
            Self::Source(_) => "source_failed",
            Self::NotAToken => "not_a_token",
            Self::Unavailable { .. } => problem::TEMPORARILY_UNAVAILABLE,
            Self::Network { .. } => "network",
            Self::RenewalTimedOut { .. } => "timed_out",
            Self::Interrupted => "interrupted",
            Self::UnexpectedAnswer { .. } => "unexpected_answer",
            Self::NoCertificate => "no_certificate",
            Self::Request(_) => "request_failed",
        }
    }

    /// Whether the server said no to who is asking: wrong credentials, or a session that is over.
    /// Everything else is trouble on the way.
    pub fn is_refused(&self) -> bool {
        matches!(
            self,
            Self::InvalidCredentials
                | Self::InvalidClient
                | Self::SessionEnded
                | Self::SignedOut
                | Self::NotSignedIn { .. }
        )
    }

    /// Whether the same attempt may succeed later; the tokens are kept.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::TooManyAttempts { .. }
                | Self::Unavailable { .. }
                | Self::Network { .. }
                | Self::RenewalTimedOut { .. }
                | Self::Interrupted
                | Self::Source(_)
                | Self::Storage(StorageError::Busy { .. })
        )
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyAttempts { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}

impl From<reqwest::Error> for ClientError {
    /// Leaves out the URL's query, which may hold secrets of the caller's.
    fn from(mut error: reqwest::Error) -> Self {
        if let Some(url) = error.url_mut() {
            url.set_query(None);
        }
        Self::Request(Arc::new(error))
    }
}

fn wait(retry_after: Option<&Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!("; try again in {} s", wait.as_secs())
    })
}

/// Whoever answers without an error code of OAuth's is no auth server, most likely.
fn code_or_place(error: Option<&str>) -> String {
    error.map_or_else(
        || "); is that the address of an auth server, and its path right?".to_owned(),
        |error| format!(", error {error})"),
    )
}

/// What is probably wrong with an address that cannot be reached.
fn advice(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if said.contains("InvalidContentType") {
            return "; there is somebody who does not speak TLS: is it http:// that is meant?";
        }
        if said.contains("UnknownIssuer") {
            return "; no authority that is trusted here has signed its certificate: if it is one of \
                    your own, name that (--cacert FILE, or `trust_authority`)";
        }
        if said.contains("invalid HTTP version") {
            return "; there is somebody who does not speak plain HTTP: is it https:// that is meant?";
        }
        cause = error.source();
    }
    ""
}
