//! One issuer, from the first question to the last guard that follows it.
//!
//! ```text
//!   find: metadata and keys -> attach: keys renewed, revocations followed
//!     ^        |
//!     +- pause +  not there yet
//! ```
//!
//! The guard's handles exist from the start and are filled when the issuer is found; until then its
//! keys are too old for any token. They count as fresh only after the first revocations were read,
//! so that there is no moment in which a token passes that was taken back before.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign::UnixTime;

use super::discovery::{Site, max_lifetime};
use super::feed::Feed;
use super::fetch::Fetcher;
use super::found::Found;
use super::jwks::{RemoteKeys, Request};
use super::task::Task;
use crate::error::follow::FollowError;
use crate::keys::{KeyCell, KeyHandle, Refetch, Refetching};
use crate::pace::{Pace, jittered};
use crate::revoked::{RevokedHandle, RevokedSet};
use crate::trusted::TrustedIssuer;

/// What the guard and the tasks that follow an issuer share.
#[derive(Clone)]
pub(super) struct Following {
    site: Site,
    keys: Arc<KeyCell>,
    /// Absent if the guard's owner keeps the revocations.
    revoked: Option<Arc<RevokedSet>>,
    /// How to ask for fresh keys, once there is somebody to ask.
    fresh_keys: Arc<OnceLock<Request>>,
    pace: Pace,
}

/// The tasks; they end when this is dropped.
pub(super) struct Attached {
    _keys: RemoteKeys,
    _feed: Option<Task>,
}

/// The task that looks for an issuer, and then holds what it [`Attached`].
pub(super) struct Search {
    _task: Task,
}

/// Pauses between attempts to find an issuer grow up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Following {
    pub(super) fn of(trusted: &TrustedIssuer, pace: &Pace) -> Self {
        let own = trusted.revoked.is_none();
        Self {
            site: Site::of(trusted),
            keys: Arc::new(KeyCell::awaited(pace.keys_good_for)),
            revoked: own.then(|| Arc::new(RevokedSet::new())),
            fresh_keys: Arc::default(),
            pace: pace.clone(),
        }
    }

    /// Fills the handles and starts to keep them up to date.
    pub(super) async fn attach(&self, found: Found) -> Result<Attached, FollowError> {
        let max_lifetime = max_lifetime(&found.metadata);
        self.keys.announce(found.first.keys.clone(), max_lifetime);
        let keys = RemoteKeys::start(&found, &self.site, Arc::clone(&self.keys), &self.pace);
        let Found {
            metadata, fetcher, ..
        } = found;
        let mut following = None;
        if let (Some(url), Some(revoked)) =
            (&metadata.countersign_revocations_endpoint, &self.revoked)
        {
            revoked.follow();
            let feed = Feed::new(
                fetcher,
                url,
                &self.site.issuer,
                Arc::clone(&self.keys),
                Arc::clone(revoked),
                keys.request(),
                &self.pace,
            )?;
            following = Some(feed.start().await);
        }
        // Set twice only if the same issuer were attached twice.
        let _ = self.fresh_keys.set(keys.request());
        self.keys.fetched_at(UnixTime::now());
        Ok(Attached {
            _keys: keys,
            _feed: following,
        })
    }
}

impl Search {
    pub(super) fn start(following: Following, fetcher: Fetcher) -> Self {
        Self {
            _task: Task::spawn(async move {
                let _attached = search(&following, &fetcher).await;
                // Held until this task is dropped, which is when the last guard is.
                std::future::pending::<()>().await;
            }),
        }
    }
}

async fn search(following: &Following, fetcher: &Fetcher) -> Attached {
    let mut attempts: u32 = 0;
    loop {
        let pause = following.pace.poll.saturating_mul(1 << attempts.min(10));
        tokio::time::sleep(jittered(pause.min(LONGEST_PAUSE))).await;
        attempts = attempts.saturating_add(1);
        let outcome = match Found::find(fetcher, &following.site).await {
            Ok(found) => following.attach(found).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(attached) => {
                tracing::info!(issuer = following.site.issuer, "the issuer is there");
                return attached;
            }
            // What no waiting changes was excluded at the start; here somebody may yet mend it.
            Err(error) => {
                following.keys.not_fetched();
                tracing::warn!(code = error.code(), %error, "waiting for the issuer");
            }
        }
    }
}

impl TrustedIssuer {
    /// Takes keys and revocations from `following`, which `tasks` keep up to date for as long as
    /// any of the handles is held.
    pub(super) fn follow(&mut self, following: Following, tasks: Arc<dyn Send + Sync>) {
        if let Some(revoked) = following.revoked {
            self.revoked = Some(RevokedHandle::fed(revoked, Arc::clone(&tasks)));
        }
        let asking = Asking {
            fresh_keys: following.fresh_keys,
            _tasks: tasks,
        };
        let keys = KeyHandle::fetched(following.keys, Arc::new(asking));
        *self = self.clone().keys(keys);
    }
}

/// Asks for fresh keys, once there is somebody to ask.
struct Asking {
    fresh_keys: Arc<OnceLock<Request>>,
    _tasks: Arc<dyn Send + Sync>,
}

impl Refetch for Asking {
    fn refetch(&self) -> Option<Refetching> {
        self.fresh_keys.get()?.send()
    }
}
