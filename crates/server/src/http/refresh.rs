//! `POST /refresh`: a refresh token becomes the next pair.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use countersign::secret::SecretString;
use countersign_wire::token::RefreshRequest;

use super::body::Json;
use super::login::token_answer;
use super::origin::Origin;
use super::problem::Rejection;
use crate::flow::Authority;

pub(super) async fn refresh(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    Json(request): Json<RefreshRequest>,
) -> Result<impl IntoResponse, Rejection> {
    let token = SecretString::new(request.refresh_token);
    let pair = authority.refresh(&token, origin).await?;
    Ok(token_answer(pair))
}
