//! `POST /refresh`: a refresh token becomes the next pair.
//!
//! The token is in the body, or, where a page left it to its browser, in a cookie: then there is no
//! body, and the next token goes into the cookie again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use countersign::secret::SecretString;
use countersign_wire::token::RefreshRequest;

use super::body::OptionalJson;
use super::browser::{self, Browser};
use super::origin::Origin;
use super::problem::Rejection;
use super::token_answer::token_answer;
use crate::flow::{Authority, FlowError, Refresh};

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
            let over = matches!(error, FlowError::Refused(_));
            let mut response = Rejection::from(error).into_response();
            if over {
                browser::forget(&mut response);
            }
            Ok(response)
        }
    }
}
