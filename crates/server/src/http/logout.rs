//! `POST /logout`: a session ends, named by its refresh token or by an access token of it.
//!
//! The answer is 204 whether it was alive or over: who wants to be signed out, is. A refresh token
//! in the body is enough; an access token beside it, which many clients attach to everything, may
//! have expired. So is one in the browser's cookie, if a page of ours sends it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign::secret::SecretString;
use countersign_guard::{Caller, Refusal, Why};
use countersign_wire::bearer::BearerError;
use countersign_wire::token::LogoutRequest;

use super::body::OptionalJson;
use super::browser::{self, Browser};
use super::origin::Origin;
use super::problem::Rejection;
use crate::flow::Authority;

pub(super) async fn logout(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    mut browser: Browser,
    caller: Result<Caller, Refusal>,
    OptionalJson(body): OptionalJson<LogoutRequest>,
) -> Result<Response, Rejection> {
    let refresh_token = body.unwrap_or_default().refresh_token;
    let was_held = browser.holds_session();
    let token = match refresh_token {
        Some(token) => Some(SecretString::new(token)),
        // A caller with an access token need not be a page: its cookie is not asked for then.
        None if caller.is_ok() && browser.demand_our_page().is_err() => None,
        None => browser.refresh_token()?,
    };
    match (token, caller) {
        (Some(token), _) => authority.sign_out(&token, origin).await?,
        (None, Ok(caller)) => {
            let session = caller.session_id().filter(|_| !caller.is_clients_own());
            let session = session.ok_or(Rejection::NothingToEnd)?;
            authority.sign_out_of(caller.sub(), session, origin).await?;
        }
        (None, Err(refusal)) => match refusal.why() {
            Why::Revoked(_) => {}
            Why::NoToken(BearerError::Missing) => return Err(Rejection::NothingToEnd),
            _ => return Ok(refusal.into_response()),
        },
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if was_held {
        browser::forget(&mut response);
    }
    Ok(response)
}
