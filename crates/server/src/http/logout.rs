//! `POST /logout`: a session ends, named by its refresh token or by an access token of it.
//!
//! The answer is 204 whether it was alive or over: who wants to be signed out, is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use countersign::secret::SecretString;
use countersign_guard::Caller;
use countersign_wire::token::LogoutRequest;

use super::body::OptionalJson;
use super::origin::Origin;
use super::problem::Rejection;
use crate::flow::Authority;

pub(super) async fn logout(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    caller: Option<Caller>,
    OptionalJson(body): OptionalJson<LogoutRequest>,
) -> Result<StatusCode, Rejection> {
    let refresh_token = body.unwrap_or_default().refresh_token;
    match (refresh_token, caller) {
        (Some(token), _) => {
            authority
                .sign_out(&SecretString::new(token), origin)
                .await?;
        }
        (None, Some(caller)) => {
            let session = caller.session_id().ok_or(Rejection::NothingToEnd)?;
            authority
                .end_own_session(&caller.sub, session, origin)
                .await?;
        }
        (None, None) => return Err(Rejection::NothingToEnd),
    }
    Ok(StatusCode::NO_CONTENT)
}
