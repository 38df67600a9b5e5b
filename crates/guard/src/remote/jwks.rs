//! The issuer's public keys, fetched and kept fresh.
//!
//! ```text
//!   fresh -> old enough, or a token names an unknown key -> one flight, many waiters -> fresh
//!                                          |                     |
//!                                   cooling down:          failed: the last good set,
//!                                   refused at once        up to a bound
//! ```
//!
//! One task does all the fetching, so a request that goes away while it waits takes nothing with
//! it, and there is never more than one fetch at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign::{KeySet, UnixTime};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::discovery::{Site, discover, max_lifetime};
use super::fetch::Fetcher;
use super::found::Found;
use super::key_source::{FetchedKeys, Source};
use super::task::Task;
use crate::error::follow::FollowError;
use crate::keys::{KeyCell, Refetching};
use crate::pace::{Pace, jittered};

/// So many wait for one fetch at most.
const WAITERS: usize = 64;

/// Keeps a [`KeyCell`] up to date until it is dropped.
pub(super) struct RemoteKeys {
    request: Request,
    _task: Task,
}

impl RemoteKeys {
    pub(super) fn start(found: &Found, site: &Site, cell: Arc<KeyCell>, pace: &Pace) -> Self {
        let request = Request {
            shared: Arc::new(Shared {
                flight: Mutex::default(),
                wanted: Notify::new(),
                answered: watch::Sender::new(()),
            }),
            cooldown: pace.cooldown,
            patience: pace.timeout * 4 + Duration::from_secs(1),
        };
        let renewal = Renewal {
            site: site.clone(),
            fetcher: found.fetcher.clone(),
            source: found.source.clone(),
            cell,
            shared: Arc::clone(&request.shared),
            pace: pace.clone(),
        };
        Self {
            request,
            _task: Task::spawn(renewal.run(found.first.max_age)),
        }
    }

    /// A way to ask for fresh keys.
    pub(super) fn request(&self) -> Request {
        self.request.clone()
    }
}

/// Asks the task for fresh keys.
#[derive(Clone)]
pub(super) struct Request {
    shared: Arc<Shared>,
    cooldown: Duration,
    /// No wait is longer, whatever happens to the task.
    patience: Duration,
}

struct Shared {
    flight: Mutex<Flight>,
    wanted: Notify,
    answered: watch::Sender<()>,
}

#[derive(Default)]
struct Flight {
    asked_at: Option<Instant>,
    under_way: bool,
    /// One more is to follow at once: what is wanted may be newer than what the one under way
    /// brings.
    again: bool,
}

impl Request {
    /// Has them fetched whatever happened a moment ago. For the issuer's own word only: whatever a
    /// stranger can bring about waits for the cooldown.
    pub(super) fn insist(&self) {
        let mut flight = self
            .shared
            .flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        flight.again = flight.under_way;
        flight.under_way = true;
        flight.asked_at = Some(Instant::now());
        self.shared.wanted.notify_one();
    }

    /// What to wait for; `None` if it was asked for too short a time ago, or so many wait already that
    /// the issuer must be in distress, or somebody makes up keys: places in which others could be
    /// served are not to be waited away.
    pub(super) fn send(&self) -> Option<Refetching> {
        let mut flight = self
            .shared
            .flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !flight.under_way {
            if flight
                .asked_at
                .is_some_and(|asked_at| asked_at.elapsed() < self.cooldown)
            {
                return None;
            }
            flight.asked_at = Some(Instant::now());
            flight.under_way = true;
            self.shared.wanted.notify_one();
        }
        if self.shared.answered.receiver_count() >= WAITERS {
            return None;
        }
        let mut answered = self.shared.answered.subscribe();
        let patience = self.patience;
        Some(Box::pin(async move {
            let _outcome = tokio::time::timeout(patience, answered.changed()).await;
        }))
    }
}

/// What one fetch brings.
struct Renewed {
    keys: KeySet,
    max_age: Option<Duration>,
    max_lifetime: Option<Duration>,
}

/// The task's own part.
struct Renewal {
    site: Site,
    fetcher: Fetcher,
    source: Source,
    cell: Arc<KeyCell>,
    shared: Arc<Shared>,
    pace: Pace,
}

impl Renewal {
    async fn run(mut self, first_max_age: Option<Duration>) {
        let mut pause = self.freshness(first_max_age);
        loop {
            let asked = tokio::select! {
                () = self.shared.wanted.notified() => true,
                () = tokio::time::sleep(jittered(pause)) => false,
            };
            pause = match self.fetch().await {
                Ok(fetched) => {
                    let pause = self.freshness(fetched.max_age);
                    self.publish(fetched);
                    pause
                }
                Err(error) => {
                    self.cell.not_fetched();
                    tracing::warn!(code = error.code(), %error, "the keys could not be renewed");
                    self.pace.cooldown
                }
            };
            if asked {
                self.land();
            }
        }
    }

    /// The keys, and what the issuer announces by now. If only its announcement cannot be had, the
    /// keys are where they were.
    async fn fetch(&mut self) -> Result<Renewed, FollowError> {
        let mut longest = self.cell.published().max_lifetime;
        match discover(&self.fetcher, &self.site).await {
            Ok((metadata, fetcher)) => {
                self.source = Source::new(fetcher, &metadata.jwks_uri)?;
                longest = max_lifetime(&metadata);
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "the metadata could not be renewed");
            }
        }
        let FetchedKeys { keys, max_age, .. } = self.source.fetch().await?;
        Ok(Renewed {
            keys,
            max_age,
            max_lifetime: longest,
        })
    }

    fn land(&self) {
        let mut flight = self
            .shared
            .flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        flight.under_way = std::mem::take(&mut flight.again);
        if flight.under_way {
            self.shared.wanted.notify_one();
        }
        self.shared.answered.send_replace(());
    }

    fn publish(&self, renewed: Renewed) {
        self.cell.fetched_at(UnixTime::now());
        let before = self.cell.published();
        let max_lifetime = renewed.max_lifetime;
        if max_lifetime == before.max_lifetime && same(&renewed.keys, &before.keys) {
            return;
        }
        let keys = renewed.keys.len();
        tracing::info!(
            keys,
            "the issuer's keys, or the longest life of its tokens, changed"
        );
        self.cell.announce(renewed.keys, max_lifetime);
    }

    /// As long as the issuer says, but neither longer than we do nor so short that it becomes a
    /// flood.
    fn freshness(&self, max_age: Option<Duration>) -> Duration {
        let most = self.pace.key_age;
        max_age.unwrap_or(most).max(self.pace.cooldown).min(most)
    }
}

fn same(one: &KeySet, other: &KeySet) -> bool {
    let names = |set: &KeySet| {
        set.iter()
            .map(|key| key.key_id().map(str::to_owned))
            .collect()
    };
    let (ones, others): (Vec<_>, Vec<_>) = (names(one), names(other));
    ones == others && one.iter().all(|key| other.contains(key))
}
