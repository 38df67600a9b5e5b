//! What stands behind the `?` of a request, as a type: every failure an answer of the house's shape. And
//! which page of a list is asked for there, the same for every list.

use axum::extract::{FromRequestParts, Query as AxumQuery};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Rejection;

/// The query string: each parameter once, and none that the route does not know.
pub(super) struct Query<T>(pub(super) T);

/// What a route takes there.
pub(super) trait Parameters: DeserializeOwned {
    /// The same in words, for whoever sent something else.
    const TAKEN: &'static str;
}

impl<T: Parameters, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let query = AxumQuery::try_from_uri(&parts.uri);
        query
            .map(|AxumQuery(query)| Self(query))
            .map_err(|_| Rejection::BadQuery { taken: T::TAKEN })
    }
}

/// No query string. For a route that takes everything there is: one that was passed over would have been
/// meant to take less.
pub(super) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(_) => Err(Rejection::BadQuery { taken: "nothing" }),
        }
    }
}

/// Which page of a list: so many entries, from behind the last one of the page before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) after: Option<String>,
    #[serde(default)]
    limit: Entries,
}

impl Parameters for Page {
    const TAKEN: &'static str = "`after` and `limit`, a number from 1 to 1000, each at most once";
}

impl Page {
    pub(super) const fn limit(&self) -> u32 {
        self.limit.0
    }
}

/// How many entries. More than there may be are refused: whoever is given fewer than were asked for takes
/// the page for the last.
#[derive(Deserialize)]
#[serde(try_from = "u32")]
struct Entries(u32);

impl Default for Entries {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u32> for Entries {
    type Error = &'static str;

    fn try_from(entries: u32) -> Result<Self, Self::Error> {
        let may_be = (1..=1_000).contains(&entries);
        may_be.then_some(Self(entries)).ok_or("1 to 1000")
    }
}
