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
use reqwest::Url;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::error::{FetchError, FollowError};
use super::fetch::Fetcher;
use super::pace::{Pace, jittered};
use super::task::Task;
use crate::keys::{KeyCell, Refetching};

/// Where an issuer's key set is.
pub(super) struct Source {
    fetcher: Fetcher,
    url: Url,
}

/// A key set as it was fetched.
pub(super) struct FetchedKeys {
    pub(super) keys: KeySet,
    max_age: Option<Duration>,
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
        let public = all
            .iter()
            .filter(|key| !key.algorithm().is_symmetric())
            .cloned();
        let keys = KeySet::new(public).map_err(|error| {
            cannot(FetchError::Unreadable {
                problem: error.to_string(),
            })
        })?;
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

/// Keeps a [`KeyCell`] up to date until it is dropped.
pub(super) struct RemoteKeys {
    request: Request,
    _task: Task,
}

impl RemoteKeys {
    pub(super) fn start(
        source: Source,
        cell: Arc<KeyCell>,
        first: &FetchedKeys,
        pace: &Pace,
    ) -> Self {
        let request = Request {
            shared: Arc::new(Shared {
                flight: Mutex::default(),
                wanted: Notify::new(),
                answered: watch::Sender::new(()),
            }),
            cooldown: pace.cooldown,
            patience: pace.timeout * 2 + Duration::from_secs(1),
        };
        let renewal = Renewal {
            source,
            cell,
            shared: Arc::clone(&request.shared),
            pace: pace.clone(),
        };
        Self {
            request,
            _task: Task::spawn(renewal.run(first.max_age)),
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
}

impl Request {
    /// What to wait for; `None` if it was asked for too short a time ago.
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
            *flight = Flight {
                asked_at: Some(Instant::now()),
                under_way: true,
            };
            self.shared.wanted.notify_one();
        }
        let mut answered = self.shared.answered.subscribe();
        let patience = self.patience;
        Some(Box::pin(async move {
            let _outcome = tokio::time::timeout(patience, answered.changed()).await;
        }))
    }
}

/// The task's own part.
struct Renewal {
    source: Source,
    cell: Arc<KeyCell>,
    shared: Arc<Shared>,
    pace: Pace,
}

impl Renewal {
    async fn run(self, first_max_age: Option<Duration>) {
        let mut pause = self.freshness(first_max_age);
        loop {
            let asked = tokio::select! {
                () = self.shared.wanted.notified() => true,
                () = tokio::time::sleep(jittered(pause)) => false,
            };
            pause = match self.source.fetch().await {
                Ok(fetched) => {
                    self.publish(&fetched.keys);
                    self.freshness(fetched.max_age)
                }
                Err(error) => {
                    tracing::warn!(code = error.code(), %error, "the keys could not be renewed");
                    self.pace.cooldown
                }
            };
            if asked {
                let mut flight = self
                    .shared
                    .flight
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                flight.under_way = false;
                self.shared.answered.send_replace(());
            }
        }
    }

    fn publish(&self, keys: &KeySet) {
        self.cell.fetched_at(UnixTime::now());
        if !same(keys, &self.cell.published().keys) {
            tracing::info!(keys = keys.len(), "the issuer's keys changed");
            self.cell.replace(keys.clone());
        }
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
