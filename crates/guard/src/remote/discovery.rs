//! What the issuer says about itself.

use std::time::Duration;

use countersign_wire::discovery::Metadata;
use countersign_wire::paths;
use reqwest::Url;

use super::fetch::Fetcher;
use crate::error::follow::{FetchError, FollowError};
use crate::trusted::TrustedIssuer;

const LIMIT: usize = 256 * 1024;

/// An issuer's name, and where it is reached if that is elsewhere.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) issuer: String,
    found_at: Option<String>,
}

impl Site {
    pub(super) fn of(trusted: &TrustedIssuer) -> Self {
        Self {
            issuer: trusted.issuer.clone(),
            found_at: trusted.found_at.clone(),
        }
    }

    fn address(&self) -> &str {
        self.found_at.as_ref().unwrap_or(&self.issuer)
    }

    /// Where to fetch what the metadata say is at `url`: what is below the issuer's name is below
    /// the address it was found at.
    fn reached(&self, url: String) -> String {
        let below = url.strip_prefix(self.issuer.trim_end_matches('/'));
        match (&self.found_at, below) {
            (Some(found_at), Some(rest)) if rest.starts_with('/') => {
                format!("{}{rest}", found_at.trim_end_matches('/'))
            }
            _ => url,
        }
    }
}

/// The issuer's metadata, which must name the issuer exactly as the guard was told (RFC 8414 §3.3).
///
/// They are looked for where OpenID Connect puts them, below the issuer's path, and if that is not
/// found where RFC 8414 §3.1 does, above it. With them comes what fetches from the places they
/// name.
pub(super) async fn discover(
    fetcher: &Fetcher,
    site: &Site,
) -> Result<(Metadata, Fetcher), FollowError> {
    let cannot = |error| FollowError::Fetch {
        what: "metadata",
        error,
    };
    let base = fetcher.address(site.address()).map_err(cannot)?;
    let path = base.path().trim_end_matches('/');
    let below = join(&base, &format!("{path}{}", paths::OPENID_CONFIGURATION));
    let above = join(
        &base,
        &format!("{}{path}", paths::OAUTH_AUTHORIZATION_SERVER),
    );

    let (url, answer) = match fetcher.get(&below, "application/json", LIMIT).await {
        Ok(answer) => (below, answer),
        Err(FetchError::Status { status: 404, .. }) => {
            let answer = fetcher
                .get(&above, "application/json", LIMIT)
                .await
                .map_err(cannot)?;
            (above, answer)
        }
        Err(error) => return Err(cannot(error)),
    };
    let mut metadata: Metadata =
        serde_json::from_slice(&answer.body).map_err(|error| FollowError::NotMetadata {
            url: url.to_string(),
            problem: error.to_string(),
        })?;
    if metadata.issuer != site.issuer {
        return Err(FollowError::OtherIssuer {
            expected: site.issuer.clone(),
            found: printable(&metadata.issuer),
        });
    }
    metadata.jwks_uri = site.reached(metadata.jwks_uri);
    metadata.countersign_revocations_endpoint = metadata
        .countersign_revocations_endpoint
        .map(|url| site.reached(url));
    Ok((metadata, fetcher.for_issuer(&base)))
}

/// The longest life of a token, if the issuer announces one.
pub(super) fn max_lifetime(metadata: &Metadata) -> Option<Duration> {
    metadata
        .countersign_max_token_lifetime
        .map(Duration::from_secs)
}

/// A stranger's text, fit for a log line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    url
}
