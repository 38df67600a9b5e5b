//! Where the public keys come from, and how a guard learns that they changed.
//!
//! A [`KeyHandle`] is shared between whoever renews the keys (a server's own key ring, the fetcher
//! in `remote/`, a test) and the guards that use them. Replacing a set bumps a number; a guard
//! compares that number on every request, which costs a load, and rebuilds what depends on the keys
//! when it moved.

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign::{KeySet, UnixTime};

/// A key set that can be replaced while guards use it. Clones share one set.
#[derive(Clone)]
pub struct KeyHandle {
    cell: Arc<KeyCell>,
    refetch: Option<Arc<dyn Refetch>>,
}

impl KeyHandle {
    /// A set that stays as it is until [`replace`](Self::replace) is called.
    pub fn fixed(keys: KeySet) -> Self {
        Self {
            cell: Arc::new(KeyCell::new(keys, None, Duration::MAX)),
            refetch: None,
        }
    }

    /// From now on every guard that holds this handle uses `keys`, and nothing that was verified
    /// with a key that is no longer among them passes.
    pub fn replace(&self, keys: KeySet) {
        self.cell.replace(keys);
    }

    /// From now on the issuer's tokens live that long at most, from their issue to their expiry: a
    /// guard that holds this handle refuses those that live longer.
    pub fn announce(&self, max_lifetime: Duration) {
        let keys = self.current();
        self.cell.announce(keys, Some(max_lifetime));
    }

    /// The set as it is now.
    pub fn current(&self) -> KeySet {
        self.cell.published().keys.clone()
    }

    /// How long ago the set was fetched; `None` if it does not come from afar, [`Duration::MAX`] if
    /// it was never fetched yet.
    pub fn age(&self, now: UnixTime) -> Option<Duration> {
        self.cell.age(now)
    }

    #[cfg(feature = "remote")]
    pub(crate) fn fetched(cell: Arc<KeyCell>, refetch: Arc<dyn Refetch>) -> Self {
        Self {
            cell,
            refetch: Some(refetch),
        }
    }

    pub(crate) fn cell(&self) -> &KeyCell {
        &self.cell
    }

    /// Asks for fresh keys; `None` if there is nobody to ask or it was done a moment ago.
    pub(crate) fn refetch(&self) -> Option<Refetching> {
        self.refetch.as_ref()?.refetch()
    }
}

impl Debug for KeyHandle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHandle")
            .field("keys", &self.current().len())
            .field("fetched", &self.refetch.is_some())
            .finish_non_exhaustive()
    }
}

/// Ends when the keys were fetched, or could not be.
pub(crate) type Refetching = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Somebody who can fetch the keys again because a token names one that is not in the set.
pub(crate) trait Refetch: Send + Sync {
    /// `None` if it was done too short a time ago.
    fn refetch(&self) -> Option<Refetching>;
}

/// What a handle's clones share.
pub(crate) struct KeyCell {
    published: ArcSwap<Published>,
    generation: AtomicU64,
    /// Seconds; [`NEVER`] if the set does not come from afar, [`NOT_YET`] if it has yet to.
    fetched_at: AtomicU64,
    /// How often the set was fetched, and how often it could not be.
    fetches: AtomicU64,
    failed_fetches: AtomicU64,
    /// How old a fetched set may become.
    good_for: Duration,
    replacing: Mutex<()>,
}

const NEVER: u64 = u64::MAX;
const NOT_YET: u64 = u64::MAX - 1;

/// A key set, and what the issuer announced with it.
pub(crate) struct Published {
    pub(crate) generation: u64,
    pub(crate) keys: KeySet,
    pub(crate) max_lifetime: Option<Duration>,
}

impl KeyCell {
    /// A set from afar that has not arrived yet: too old for any token.
    #[cfg(feature = "remote")]
    pub(crate) fn awaited(good_for: Duration) -> Self {
        let cell = Self::new(KeySet::default(), None, good_for);
        cell.fetched_at.store(NOT_YET, Ordering::Relaxed);
        cell
    }

    fn new(keys: KeySet, max_lifetime: Option<Duration>, good_for: Duration) -> Self {
        Self {
            published: ArcSwap::from_pointee(Published {
                generation: 0,
                keys,
                max_lifetime,
            }),
            generation: AtomicU64::new(0),
            fetched_at: AtomicU64::new(NEVER),
            fetches: AtomicU64::new(0),
            failed_fetches: AtomicU64::new(0),
            good_for,
            replacing: Mutex::new(()),
        }
    }

    pub(crate) fn replace(&self, keys: KeySet) {
        self.publish(keys, |before| before);
    }

    /// A set of an issuer, and what it announces.
    pub(crate) fn announce(&self, keys: KeySet, max_lifetime: Option<Duration>) {
        self.publish(keys, |_| max_lifetime);
    }

    fn publish(&self, keys: KeySet, lifetime: impl FnOnce(Option<Duration>) -> Option<Duration>) {
        let _one_at_a_time = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = self.published.load();
        let generation = before.generation + 1;
        let max_lifetime = lifetime(before.max_lifetime);
        self.published.store(Arc::new(Published {
            generation,
            keys,
            max_lifetime,
        }));
        self.generation.store(generation, Ordering::Release);
    }

    /// Rises with every replacement.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// The set was fetched, and found to be as it is.
    #[cfg(feature = "remote")]
    pub(crate) fn fetched_at(&self, time: UnixTime) {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        self.fetched_at.store(time.as_secs(), Ordering::Relaxed);
    }

    /// It could not be fetched.
    #[cfg(feature = "remote")]
    pub(crate) fn not_fetched(&self) {
        self.failed_fetches.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was fetched, and how often it could not be.
    pub(crate) fn fetches(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.fetches), read(&self.failed_fetches))
    }

    pub(crate) fn is_too_old(&self, now: UnixTime) -> bool {
        self.age(now)
            .is_some_and(|age| age > self.good_for || age == Duration::MAX)
    }

    fn age(&self, now: UnixTime) -> Option<Duration> {
        match self.fetched_at.load(Ordering::Relaxed) {
            NEVER => None,
            NOT_YET => Some(Duration::MAX),
            secs => Some(now.since(UnixTime::from_secs(secs))),
        }
    }
}
