//! The issuer's revocations, followed.
//!
//! What arrives is a [`Bulletin`] signed by the issuer. It is merged into the live set if
//! - its signature, type and issuer are right, by the keys the guard has now;
//! - the key that signed it was not itself withdrawn, neither before nor by this very message;
//! - it is not older than what this guard has seen of the same epoch.
//!
//! A refused message changes nothing: not the set, not the age of the news.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    AlgorithmRule, AudienceRule, KeySet, Reason, Rules, TokenError, UnixTime, Verifier,
};
use countersign_wire::revocation::{self, Bulletin, Kind, SnapshotAnswer};
use reqwest::Url;
use thiserror::Error;

use super::fetch::{FetchError, Fetcher};
use super::jwks::Request;
use super::{FollowError, Pace, Task, jittered};
use crate::keys::KeyCell;
use crate::revoked::RevokedSet;

/// One issuer's feed.
pub(super) struct Feed {
    fetcher: Fetcher,
    url: Url,
    reader: Reader,
    keys: Arc<KeyCell>,
    fresh_keys: Request,
}

/// The live set of a busy issuer has a hundred bytes for each session that ended in the last quarter of
/// an hour.
const BYTES_LIMIT: usize = 32 * 1024 * 1024;
/// Expired events are swept out this often.
const SWEEP: Duration = Duration::from_secs(10);
/// Pauses grow up to this while the issuer cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Feed {
    pub(super) fn new(
        fetcher: Fetcher,
        url: &str,
        issuer: &str,
        keys: Arc<KeyCell>,
        set: Arc<RevokedSet>,
        fresh_keys: Request,
    ) -> Result<Self, FollowError> {
        let url = fetcher.address(url).map_err(|error| FollowError::Fetch {
            what: "revocations",
            error,
        })?;
        Ok(Self {
            fetcher,
            url,
            reader: Reader::new(issuer, set),
            keys,
            fresh_keys,
        })
    }

    /// Takes the first snapshot, then follows in the background. If there is no first snapshot to be had, the
    /// set is as old as can be, and the guard's owner has said what that means.
    pub(super) async fn start(mut self, now: UnixTime, pace: &Pace) -> Task {
        if let Err(error) = self.poll(now).await {
            tracing::warn!(code = error.code(), %error, "no revocations from the issuer yet");
        }
        Task::spawn(self.run(pace.poll))
    }

    async fn run(mut self, interval: Duration) {
        let mut failures: u32 = 0;
        let mut swept = tokio::time::Instant::now();
        loop {
            let pause = interval
                .saturating_mul(1 << failures.min(10))
                .min(LONGEST_PAUSE);
            tokio::time::sleep(jittered(pause.max(interval))).await;
            match self.poll(UnixTime::now()).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::debug!(code = error.code(), %error, "no news of revocations");
                }
            }
            if swept.elapsed() >= SWEEP {
                self.reader.set.sweep(UnixTime::now());
                swept = tokio::time::Instant::now();
            }
        }
    }

    async fn poll(&mut self, now: UnixTime) -> Result<(), FeedError> {
        let fetched = self
            .fetcher
            .get(&self.url, "application/json", BYTES_LIMIT)
            .await?;
        let answer: SnapshotAnswer =
            serde_json::from_slice(&fetched.body).map_err(|error| FetchError::Unreadable {
                problem: error.to_string(),
            })?;
        let read = self
            .reader
            .read(&answer.snapshot, &self.keys.published().keys, now);
        let keys_changed = match &read {
            Ok(news) => news.withdrew_a_key,
            Err(FeedError::Untrue(error)) => error.reason() == Reason::UnknownKey,
            Err(_) => false,
        };
        if keys_changed {
            // Nobody waits for it: the withdrawal holds already, and a message that could not be checked
            // comes again.
            drop(self.fresh_keys.send());
        }
        read.map(|_| ())
    }
}

/// Reads bulletins into the live set.
struct Reader {
    issuer: String,
    set: Arc<RevokedSet>,
    /// The newest seen of each epoch.
    epochs: HashMap<String, Cursor>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cursor {
    as_of: u64,
    counter: u64,
}

/// What reading a bulletin brought.
struct News {
    withdrew_a_key: bool,
}

/// A few server processes behind one address, each with a few lives remembered.
const EPOCHS_LIMIT: usize = 64;

impl Reader {
    fn new(issuer: &str, set: Arc<RevokedSet>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            set,
            epochs: HashMap::new(),
        }
    }

    fn read(&mut self, jws: &str, keys: &KeySet, now: UnixTime) -> Result<News, FeedError> {
        let rules = Rules::new(
            self.issuer.as_str(),
            AudienceRule::any(),
            AlgorithmRule::of_the_keys(),
        )
        .typ(revocation::TYP)
        .without_expiry()
        .max_token_bytes(BYTES_LIMIT);
        let verified = Verifier::new(rules, keys.clone())
            .verify::<Bulletin>(jws, now)
            .map_err(FeedError::Untrue)?;
        let signed_by = verified.key().key_id().map(str::to_owned);
        let bulletin = verified.into_claims();

        let withdraws_its_own_key = bulletin
            .events
            .iter()
            .any(|event| event.kind == Kind::Kid && Some(&event.value) == signed_by.as_ref());
        let was_withdrawn = self
            .set
            .is_revoked(None, None, None, signed_by.as_deref(), now)
            .is_some();
        if withdraws_its_own_key || was_withdrawn {
            return Err(FeedError::WithdrawnKey);
        }
        self.advance(&bulletin)?;

        let new_key_event = |event: &&revocation::Event| {
            event.kind == Kind::Kid
                && self
                    .set
                    .is_revoked(None, None, None, Some(&event.value), now)
                    .is_none()
        };
        let withdrew_a_key = bulletin.events.iter().any(|event| new_key_event(&event));
        let as_of = UnixTime::from_secs(bulletin.as_of);
        self.set.merge(
            bulletin
                .events
                .into_iter()
                .map(|event| (event.kind, event.value, UnixTime::from_secs(event.until))),
        );
        self.set.heard(as_of, now);
        Ok(News { withdrew_a_key })
    }

    /// Moves the cursor of the bulletin's epoch, unless that would move it back.
    fn advance(&mut self, bulletin: &Bulletin) -> Result<(), FeedError> {
        let cursor = Cursor {
            as_of: bulletin.as_of,
            counter: bulletin.counter,
        };
        if let Some(seen) = self.epochs.get_mut(&bulletin.epoch) {
            if cursor.as_of < seen.as_of || cursor.counter < seen.counter {
                return Err(FeedError::Older);
            }
            *seen = cursor;
            return Ok(());
        }
        if self.epochs.len() >= EPOCHS_LIMIT {
            let oldest = self.epochs.iter().min_by_key(|(_, cursor)| cursor.as_of);
            if let Some(oldest) = oldest.map(|(epoch, _)| epoch.clone()) {
                self.epochs.remove(&oldest);
            }
        }
        self.epochs.insert(bulletin.epoch.clone(), cursor);
        Ok(())
    }
}

/// Why there are no news.
#[derive(Debug, Error)]
enum FeedError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the message is not the issuer's: {0}")]
    Untrue(#[source] TokenError),
    #[error("the message is signed with a key that was withdrawn")]
    WithdrawnKey,
    #[error("the message is older than what was seen before")]
    Older,
}

impl FeedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.code(),
            Self::Untrue(error) => error.reason().code(),
            Self::WithdrawnKey => "withdrawn_key",
            Self::Older => "older",
        }
    }
}
