//! An issuer that answered: its metadata and its keys, as they were then.

use countersign_wire::discovery::Metadata;
use tokio::time::Instant;

use super::discovery::{Site, discover};
use super::fetch::Fetcher;
use super::key_source::{FetchedKeys, Source};
use crate::error::follow::FollowError;
use crate::pace::{Pace, jittered};

/// An issuer that was there.
pub(super) struct Found {
    pub(super) metadata: Metadata,
    pub(super) fetcher: Fetcher,
    pub(super) source: Source,
    pub(super) first: FetchedKeys,
}

impl Found {
    pub(super) async fn find(fetcher: &Fetcher, site: &Site) -> Result<Self, FollowError> {
        let (metadata, fetcher) = discover(fetcher, site).await?;
        let source = Source::new(fetcher.clone(), &metadata.jwks_uri)?;
        let first = source.fetch().await?;
        Ok(Self {
            metadata,
            fetcher,
            source,
            first,
        })
    }
}

/// [`Found::find`], again and again while the issuer may yet come up and patience lasts.
pub(super) async fn found_in_time(
    fetcher: &Fetcher,
    site: &Site,
    pace: &Pace,
) -> Result<Found, FollowError> {
    let started = Instant::now();
    loop {
        match Found::find(fetcher, site).await {
            Err(error) if error.may_pass() && started.elapsed() < pace.patience => {
                tracing::info!(code = error.code(), %error, "waiting for the issuer");
                tokio::time::sleep(jittered(pace.poll)).await;
            }
            outcome => return outcome,
        }
    }
}
