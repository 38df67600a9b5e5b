//! `POST /refresh`: a refresh token becomes the next pair.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::IntoResponse;
use countersign::secret::SecretString;
use countersign_wire::token::RefreshRequest;

use super::body::Json;
use super::login::token_answer;
use super::problem::Rejection;
use crate::flow::Authority;
use crate::listen::Peer;

pub(super) async fn refresh(
    State(authority): State<Arc<Authority>>,
    Extension(peer): Extension<Peer>,
    Json(request): Json<RefreshRequest>,
) -> Result<impl IntoResponse, Rejection> {
    let token = SecretString::new(request.refresh_token);
    let pair = authority.refresh(&token, peer.0.ip()).await?;
    Ok(token_answer(pair))
}
