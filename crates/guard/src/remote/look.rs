//! One look at an issuer: what a guard that follows it would go by at this moment.
//!
//! For tools that explain a decision, not for making one: nothing is kept up to date. What is
//! fetched, how it is bounded and what is believed is the same as for a guard.

use std::time::SystemTime;

use countersign::{KeySet, UnixTime};
use countersign_wire::discovery::Metadata;
use countersign_wire::revocation::{Bulletin, SnapshotAnswer};

use super::discovery::Site;
use super::feed::BYTES_LIMIT;
use super::fetch::Fetcher;
use super::key_source::Source;
use super::{bulletin, discovery};
use crate::builder::GuardBuilder;
use crate::error::follow::{FetchError, FollowError};
use crate::guard::Guard;
use crate::pace::Pace;

/// A snapshot of more pieces than this is none that anybody would wait for.
const PIECES_LIMIT: usize = 1_000;

/// What an issuer says of itself, its keys, what it has taken back, and what time it has.
#[derive(Debug)]
#[non_exhaustive]
pub struct Look {
    /// What it says about itself.
    pub metadata: Metadata,
    /// Its public keys.
    pub keys: KeySet,
    /// What it has taken back.
    pub news: News,
    /// What time it has; `None` if it does not say.
    pub clock: Option<Dated>,
}

/// An issuer's revocations, as far as they can be had.
#[derive(Debug)]
pub enum News {
    /// It publishes none.
    NotOffered,
    /// It publishes them, but they could not be fetched or are not its own word.
    Unavailable(FollowError),
    /// All that live, signed by it; if it took several messages, the last of them with the events of
    /// all.
    Snapshot(Bulletin),
}

/// The issuer's `Date` header (RFC 9110 §6.6.1), and between which two moments of the own clock it
/// was written.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The header as it came.
    pub date: String,
    /// When the request was sent.
    pub asked: SystemTime,
    /// When the answer was there.
    pub answered: SystemTime,
}

impl Look {
    /// Asks the issuer at this URL. Must be called on a tokio runtime. One that is found elsewhere, has a
    /// certificate of one's own or speaks plain HTTP is asked with [`GuardBuilder::look`].
    ///
    /// # Errors
    ///
    /// [`FollowError`] where a guard could not follow it either; revocations that cannot be had are
    /// no such error.
    pub async fn at(issuer: &str) -> Result<Self, FollowError> {
        Guard::builder(issuer, "").look().await
    }

    async fn with(pace: &Pace, site: &Site) -> Result<Self, FollowError> {
        let fetcher = Fetcher::new(pace)?;
        let (metadata, fetcher) = discovery::discover(&fetcher, site).await?;
        let source = Source::new(fetcher.clone(), &metadata.jwks_uri)?;
        // The connection is there now: the time between question and answer is short.
        let asked = SystemTime::now();
        let keys = source.fetch().await?;
        let answered = SystemTime::now();
        let clock = keys.date.map(|date| Dated {
            date,
            asked,
            answered,
        });
        let keys = keys.keys;
        let news = match &metadata.countersign_revocations_endpoint {
            None => News::NotOffered,
            Some(url) => match snapshot(&fetcher, url, &site.issuer, &keys).await {
                Ok(bulletin) => News::Snapshot(bulletin),
                Err(error) => News::Unavailable(FollowError::Fetch {
                    what: "revocations",
                    error,
                }),
            },
        };
        Ok(Self {
            metadata,
            keys,
            news,
            clock,
        })
    }
}

impl<C> GuardBuilder<C> {
    /// What this guard would go by now for its first issuer, found, reached and believed as is set here.
    /// Must be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`Look::at`].
    pub async fn look(&self) -> Result<Look, FollowError> {
        Look::with(&self.pace, &Site::of(&self.first)).await
    }
}

async fn snapshot(
    fetcher: &Fetcher,
    url: &str,
    issuer: &str,
    keys: &KeySet,
) -> Result<Bulletin, FetchError> {
    let url = fetcher.address(url)?;
    let unreadable = |problem: String| FetchError::Unreadable { problem };
    let mut whole: Option<Bulletin> = None;
    let mut from = None;
    for _ in 0..PIECES_LIMIT {
        let body = fetcher.from(&url, from.as_deref(), BYTES_LIMIT).await?;
        let SnapshotAnswer { snapshot, next } =
            serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
        let (mut piece, _) =
            bulletin::verify(issuer, &snapshot, keys, UnixTime::now(), BYTES_LIMIT)
                .map_err(|error| unreadable(error.to_string()))?;
        if let Some(before) = &mut whole {
            // What was said before holds, whoever goes on: another server begins its own snapshot.
            piece.events.append(&mut before.events);
        }
        whole = Some(piece);
        from = next;
        if from.is_none() {
            break;
        }
    }
    match (whole, from) {
        (Some(whole), None) => Ok(whole),
        _ => Err(unreadable("it has no end".to_owned())),
    }
}
