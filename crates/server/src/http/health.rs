//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Serialize;

use super::problem::Rejection;
use crate::flow::Authority;

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> impl IntoResponse {
    Json(Status { status: "ok" })
}

/// `GET /readyz`: the database answers too. 503 otherwise.
pub(super) async fn readyz(
    State(authority): State<Arc<Authority>>,
) -> Result<impl IntoResponse, Rejection> {
    authority.ready().await?;
    Ok(Json(Status { status: "ready" }))
}
