//! What the issuer says about itself.

use std::time::Duration;

use countersign_wire::discovery::Metadata;
use countersign_wire::paths;
use reqwest::Url;

use super::error::{FetchError, FollowError};
use super::fetch::Fetcher;

const LIMIT: usize = 256 * 1024;

/// The issuer's metadata, which must name the issuer exactly as the guard was told (RFC 8414 §3.3).
///
/// They are looked for where OpenID Connect puts them, below the issuer's path, and if that is not
/// found where RFC 8414 §3.1 does, above it. With them comes what fetches from the places they
/// name.
pub(super) async fn discover(
    fetcher: &Fetcher,
    issuer: &str,
) -> Result<(Metadata, Fetcher), FollowError> {
    let cannot = |error| FollowError::Fetch {
        what: "metadata",
        error,
    };
    let base = fetcher.address(issuer).map_err(cannot)?;
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
    let metadata: Metadata =
        serde_json::from_slice(&answer.body).map_err(|error| FollowError::NotMetadata {
            url: url.to_string(),
            problem: error.to_string(),
        })?;
    if metadata.issuer != issuer {
        return Err(FollowError::OtherIssuer {
            expected: issuer.to_owned(),
            found: printable(&metadata.issuer),
        });
    }
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
