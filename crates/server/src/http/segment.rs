//! A part of the path as text, every failure an answer of the house's shape.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::problem::Rejection;

/// The one variable part of a route's path, percent-decoded.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text))
            .map_err(|_| Rejection::BadPath)
    }
}
