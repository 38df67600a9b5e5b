//! How a request ended, as it is counted. Whatever a request can be rejected with is named: what is
//! new must be as well.

use countersign_issuer::OauthError;

use super::form_fault::FormFault;
use super::problem::Rejection;
use crate::flow::FlowError;
use crate::metrics::{Login, OauthOutcome};

impl From<&Rejection> for Login {
    fn from(rejection: &Rejection) -> Self {
        match class(rejection) {
            Class::Malformed => Self::InvalidRequest,
            Class::Flow(FlowError::Busy) => Self::HashQueueFull,
            Class::Unavailable | Class::Flow(FlowError::Store(_)) => Self::Unavailable,
            Class::Failed | Class::Flow(FlowError::Issuer(_)) => Self::Failed,
            Class::Flow(FlowError::Refused(refused)) => match refused.oauth_error() {
                OauthError::InvalidCredentials => Self::InvalidCredentials,
                OauthError::TooManyAttempts => Self::TooManyAttempts,
                OauthError::InvalidClient => Self::InvalidClient,
                OauthError::UnauthorizedClient => Self::UnauthorizedClient,
                OauthError::InvalidScope => Self::InvalidScope,
                OauthError::InvalidTarget => Self::InvalidTarget,
                OauthError::InvalidRequest => Self::InvalidRequest,
                // Of other requests than this one.
                OauthError::InvalidGrant
                | OauthError::UnsupportedTokenType
                | OauthError::TemporarilyUnavailable => Self::Failed,
            },
        }
    }
}

impl From<&Rejection> for OauthOutcome {
    fn from(rejection: &Rejection) -> Self {
        if let Rejection::Form(FormFault::UnsupportedGrantType) = rejection {
            return Self::UnsupportedGrantType;
        }
        match class(rejection) {
            Class::Malformed => Self::InvalidRequest,
            Class::Unavailable | Class::Flow(FlowError::Busy | FlowError::Store(_)) => {
                Self::Unavailable
            }
            Class::Failed | Class::Flow(FlowError::Issuer(_)) => Self::Failed,
            Class::Flow(FlowError::Refused(refused)) => match refused.oauth_error() {
                OauthError::InvalidGrant => Self::InvalidGrant,
                OauthError::InvalidClient => Self::InvalidClient,
                OauthError::UnauthorizedClient => Self::UnauthorizedClient,
                OauthError::UnsupportedTokenType => Self::UnsupportedTokenType,
                OauthError::TemporarilyUnavailable => Self::TooManyRevocations,
                OauthError::InvalidScope => Self::InvalidScope,
                OauthError::InvalidTarget => Self::InvalidTarget,
                // Of other requests than these.
                OauthError::InvalidCredentials
                | OauthError::TooManyAttempts
                | OauthError::InvalidRequest => Self::Failed,
            },
        }
    }
}

/// Rejections of one kind.
enum Class<'r> {
    /// The request is not what the route takes.
    Malformed,
    /// The server has no room.
    Unavailable,
    /// Nothing this route can answer: it is the server's own fault.
    Failed,
    Flow(&'r FlowError),
}

const fn class(rejection: &Rejection) -> Class<'_> {
    match rejection {
        Rejection::NotJson { .. }
        | Rejection::BodyMismatch { .. }
        | Rejection::BodyTooLarge
        | Rejection::BodyUnreadable
        | Rejection::WrongContentType
        | Rejection::Packed
        | Rejection::NothingToEnd
        | Rejection::NothingToRefresh
        | Rejection::Form(_)
        | Rejection::CookieForClient
        | Rejection::CrossSite
        | Rejection::BadPath
        | Rejection::BadQuery { .. }
        | Rejection::BadCursor
        | Rejection::BadHost
        | Rejection::HeadTooLarge
        | Rejection::NoSuchRoute
        | Rejection::WrongMethod => Class::Malformed,
        Rejection::TooBusy | Rejection::TooManyConnections | Rejection::TooManyFollowers => {
            Class::Unavailable
        }
        Rejection::NoPeer
        | Rejection::Registry(_)
        | Rejection::Directory(_)
        | Rejection::Custodian(_) => Class::Failed,
        Rejection::Flow(error) | Rejection::Client(error) => Class::Flow(error),
    }
}

#[cfg(test)]
mod tests {
    use countersign_issuer::IssuerError;

    use super::*;
    use crate::metrics::Counters;

    /// Nothing that is asked makes the server fail at a sign-in, so nobody can ask for this.
    #[test]
    fn a_sign_in_that_the_server_cannot_do_is_counted() {
        let logins = Counters::<Login>::default();
        for own_fault in [
            Rejection::Flow(FlowError::Issuer(IssuerError::NoSigningKey)),
            Rejection::NoPeer,
        ] {
            logins.add(Login::from(&own_fault));
        }
        for (result, count) in logins.read() {
            assert_eq!(count, if result == "failed" { 2 } else { 0 }, "{result}");
        }
    }
}
