//! `POST /refresh`: a refresh token becomes the next pair.
//!
//! The token is in the body, or, where a page left it to its browser, in a cookie: then there is no
//! body, and the next token goes into the cookie again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign::secret::SecretString;
use countersign_issuer::OauthError;
use countersign_wire::token::RefreshRequest;

use super::body::OptionalJson;
use super::browser::{self, Browser};
use super::origin::Origin;
use super::problem::Rejection;
use super::token_answer::token_answer;
use crate::flow::{Authority, FlowError, Refresh};

/// Whether no refresh with this token can come to anything any more. What the settings refuse today,
/// an audience that is not among them, may be right again tomorrow: the session is alive.
const fn is_over(error: &FlowError) -> bool {
    matches!(error, FlowError::Refused(refused)
        if matches!(refused.oauth_error(), OauthError::InvalidGrant))
}

pub(super) async fn refresh(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    mut browser: Browser,
    OptionalJson(request): OptionalJson<RefreshRequest>,
) -> Result<Response, Rejection> {
    if let Some(request) = request {
        let token = SecretString::new(request.refresh_token);
        let pair = authority
            .refresh(Refresh::first_party(&token, origin))
            .await?;
        return Ok(token_answer(pair).into_response());
    }
    let token = browser
        .refresh_token()?
        .ok_or(Rejection::NothingToRefresh)?;
    match authority
        .refresh(Refresh::first_party(&token, origin))
        .await
    {
        Ok(pair) => Ok(browser::answer(&pair)),
        Err(error) => {
            let over = is_over(&error);
            let mut response = Rejection::from(error).into_response();
            if over {
                browser::forget(&mut response);
            }
            Ok(response)
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_issuer::Refused;

    use super::*;

    #[test]
    fn a_browser_forgets_its_cookie_when_the_session_is_over_and_not_otherwise() {
        for over in [Refused::SessionEnded, Refused::UnknownRefreshToken] {
            assert!(is_over(&over.into()));
        }
        for alive in [Refused::InvalidTarget, Refused::WrongScope] {
            assert!(!is_over(&alive.into()));
        }
        assert!(!is_over(&FlowError::Busy));
    }
}
