//! `GET /openapi.json`: this API as OpenAPI 3.1 describes one.
//!
//! The description is written by hand in the file beside this one; tests hold it against the routes,
//! the messages and the running server. Its addresses are relative to its own.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

const DESCRIPTION: &str = include_str!("openapi.json");

pub(super) async fn openapi() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, DESCRIPTION)
}
