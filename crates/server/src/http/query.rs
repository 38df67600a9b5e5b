//! What stands behind the `?` of a request, as a type: every failure an answer of the house's shape. And
//! which page of a list is asked for there, the same for every list.

use axum::extract::{FromRequestParts, Query as AxumQuery};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Rejection;

/// The query string: each parameter once, and none that the route does not know.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let query = AxumQuery::try_from_uri(&parts.uri);
        query
            .map(|AxumQuery(query)| Self(query))
            .map_err(|_| Rejection::BadQuery)
    }
}

const ENTRIES: u32 = 100;
const MOST_ENTRIES: u32 = 1000;

/// Which page of a list: so many entries, from behind the last one of the page before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) after: Option<String>,
    limit: Option<u32>,
}

impl Page {
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(ENTRIES).clamp(1, MOST_ENTRIES)
    }
}
