//! Where an issuer's key set is, and one fetch of it: bounded, and public keys only.

use std::time::Duration;

use countersign::KeySet;
use reqwest::Url;

use super::fetch::Fetcher;
use crate::error::follow::{FetchError, FollowError};

/// Where an issuer's key set is.
#[derive(Clone)]
pub(super) struct Source {
    fetcher: Fetcher,
    url: Url,
}

/// A key set as it was fetched.
pub(super) struct FetchedKeys {
    pub(super) keys: KeySet,
    /// For how long its server vouches for it.
    pub(super) max_age: Option<Duration>,
    /// The answer's own `Date`.
    pub(super) date: Option<String>,
}

const BYTES_LIMIT: usize = 256 * 1024;
const KEYS_LIMIT: usize = 100;

impl Source {
    pub(super) fn new(fetcher: Fetcher, url: &str) -> Result<Self, FollowError> {
        let url = fetcher.address(url).map_err(cannot)?;
        Ok(Self { fetcher, url })
    }

    pub(super) async fn fetch(&self) -> Result<FetchedKeys, FollowError> {
        let accept = "application/jwk-set+json, application/json";
        let fetched = self
            .fetcher
            .get(&self.url, accept, BYTES_LIMIT)
            .await
            .map_err(cannot)?;
        let all = KeySet::from_json(&fetched.body).map_err(|error| {
            cannot(FetchError::Unreadable {
                problem: error.to_string(),
            })
        })?;
        if all.len() > KEYS_LIMIT {
            return Err(FollowError::TooManyKeys {
                url: self.url.to_string(),
                limit: KEYS_LIMIT,
            });
        }
        // A secret that is published is no secret: whoever reads it could sign.
        let keys = all.filtered(|key| !key.algorithm().is_symmetric());
        // One slip of the issuer's does not take its other keys away.
        for kid in keys.repeated_ids() {
            tracing::warn!(
                ?kid,
                "several of the issuer's keys have the same id; tokens that name it are refused"
            );
        }
        if keys.is_empty() {
            return Err(FollowError::NoUsableKey {
                url: self.url.to_string(),
            });
        }
        Ok(FetchedKeys {
            keys,
            max_age: fetched.max_age,
            date: fetched.date,
        })
    }
}

fn cannot(error: FetchError) -> FollowError {
    FollowError::Fetch {
        what: "keys",
        error,
    }
}
