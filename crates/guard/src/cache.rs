//! Verdicts that were given before.
//!
//! A signature check costs tens of microseconds, a lookup here a few hundred nanoseconds. What
//! makes the shortcut safe:
//! - the hash of a token only says where to look; the token's own bytes decide;
//! - only good verdicts are kept, and the guard asks about time, key and revocation at every hit;
//! - each guard has its own cache, so a verdict never leaves the rules it was given under;
//! - memory is bounded: the table has a fixed number of places, and a newcomer takes the place of
//!   the least recently used of the few it may choose from. A flood evicts; it does not grow anything.
//!
//! The hash is seeded, so nobody outside can choose tokens that fall on one place.

use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;

/// A bounded map from a token's bytes to what became of it.
pub(crate) struct Cache<V> {
    seed: RandomState,
    shards: Box<[Mutex<Shard<V>>]>,
    sets: usize,
    ways: usize,
}

/// How often tokens were found and not found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookups {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl<V: Clone> Cache<V> {
    /// A cache with at most `capacity` places.
    pub(crate) fn new(capacity: usize) -> Self {
        let ways = capacity.clamp(1, MOST_WAYS);
        let sets = (capacity / ways).max(1);
        let shards = 1 << sets.min(MOST_SHARDS).ilog2();
        let shards = (0..shards)
            .map(|shard| {
                let own_sets = (sets - shard).div_ceil(shards);
                Mutex::new(Shard::with_places(own_sets * ways))
            })
            .collect();
        Self {
            seed: RandomState::default(),
            shards,
            sets,
            ways,
        }
    }

    /// What became of this very token.
    pub(crate) fn get(&self, token: &str) -> Option<V> {
        let place = self.place(token);
        let mut shard = self.shard(place);
        shard.clock += 1;
        let now = shard.clock;
        let found = shard.places[place.range(self.ways)]
            .iter_mut()
            .flatten()
            .find(|entry| entry.hash == place.hash && *entry.token == *token)
            .map(|entry| {
                entry.used = now;
                entry.value.clone()
            });
        match found {
            Some(_) => shard.lookups.hits += 1,
            None => shard.lookups.misses += 1,
        }
        found
    }

    /// Remembers what became of the token, in the place of the least recently used neighbour if
    /// need be.
    pub(crate) fn insert(&self, token: &str, value: V) {
        let place = self.place(token);
        let mut entry = Some(Entry {
            hash: place.hash,
            used: 0,
            token: token.into(),
            value,
        });
        let mut shard = self.shard(place);
        shard.clock += 1;
        if let Some(entry) = &mut entry {
            entry.used = shard.clock;
        }
        let hash = place.hash;
        let seat =
            shard.places[place.range(self.ways)]
                .iter_mut()
                .min_by_key(|entry| match entry {
                    Some(entry) if entry.hash == hash && *entry.token == *token => 0,
                    None => 1,
                    Some(entry) => entry.used + 1,
                });
        if let Some(seat) = seat {
            std::mem::swap(seat, &mut entry);
        }
        drop(shard);
        // What was evicted is freed here, outside the lock.
        drop(entry);
    }

    /// Forgets the token.
    pub(crate) fn remove(&self, token: &str) {
        let place = self.place(token);
        let mut shard = self.shard(place);
        let removed = shard.places[place.range(self.ways)]
            .iter_mut()
            .find(|seat| {
                seat.as_ref()
                    .is_some_and(|entry| entry.hash == place.hash && *entry.token == *token)
            })
            .and_then(Option::take);
        drop(shard);
        drop(removed);
    }

    pub(crate) fn lookups(&self) -> Lookups {
        self.shards.iter().fold(Lookups::default(), |sum, shard| {
            let own = shard.lock().unwrap_or_else(PoisonError::into_inner).lookups;
            Lookups {
                hits: sum.hits + own.hits,
                misses: sum.misses + own.misses,
            }
        })
    }

    fn place(&self, token: &str) -> Place {
        let hash = self.seed.hash_one(token.as_bytes());
        // The upper half of the product: an even spread over the sets without a division.
        let set = (u128::from(hash) * self.sets as u128) >> 64;
        let set = usize::try_from(set).unwrap_or_default();
        Place {
            hash,
            shard: set & (self.shards.len() - 1),
            set: set / self.shards.len(),
        }
    }

    fn shard(&self, place: Place) -> std::sync::MutexGuard<'_, Shard<V>> {
        self.shards[place.shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// More ways waste less of the capacity, fewer are searched faster.
const MOST_WAYS: usize = 8;
const MOST_SHARDS: usize = 64;

#[derive(Clone, Copy)]
struct Place {
    hash: u64,
    shard: usize,
    /// Within the shard.
    set: usize,
}

impl Place {
    fn range(self, ways: usize) -> std::ops::Range<usize> {
        self.set * ways..(self.set + 1) * ways
    }
}

/// Padded to a cache line, so that two cores with different tokens do not wait for each other.
#[repr(align(64))]
struct Shard<V> {
    places: Box<[Option<Entry<V>>]>,
    clock: u64,
    lookups: Lookups,
}

impl<V> Shard<V> {
    fn with_places(places: usize) -> Self {
        Self {
            places: (0..places).map(|_| None).collect(),
            clock: 0,
            lookups: Lookups::default(),
        }
    }
}

struct Entry<V> {
    hash: u64,
    used: u64,
    token: Box<str>,
    value: V,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places<V>(cache: &Cache<V>) -> usize {
        cache
            .shards
            .iter()
            .map(|shard| shard.lock().expect("not poisoned").places.len())
            .sum()
    }

    #[test]
    fn what_was_put_in_is_found_and_nothing_else() {
        let cache = Cache::new(100);
        cache.insert("a", 1);
        cache.insert("b", 2);
        assert_eq!(
            (cache.get("a"), cache.get("b"), cache.get("c")),
            (Some(1), Some(2), None)
        );
        cache.insert("a", 3);
        assert_eq!(cache.get("a"), Some(3));
        cache.remove("a");
        assert_eq!((cache.get("a"), cache.get("b")), (None, Some(2)));
        assert_eq!(cache.lookups(), Lookups { hits: 4, misses: 2 });
    }

    #[test]
    fn two_tokens_with_one_hash_are_two_tokens() {
        let cache = Cache::new(8);
        cache.insert("mine", 1);
        let place = cache.place("mine");
        // As if "theirs" hashed to the very number that "mine" does.
        for entry in cache.shard(place).places.iter_mut().flatten() {
            entry.token = "theirs".into();
        }
        assert_eq!(cache.get("mine"), None);
    }

    #[test]
    fn a_flood_evicts_and_never_grows() {
        for capacity in [1, 2, 7, 8, 9, 100, 513, 4_096] {
            let cache = Cache::new(capacity);
            let before = places(&cache);
            assert!(
                before <= capacity,
                "{before} places for a capacity of {capacity}"
            );
            assert!(capacity - before < MOST_WAYS, "{before} of {capacity}");
            for n in 0..capacity * 4 {
                cache.insert(&n.to_string(), n);
            }
            assert_eq!(places(&cache), before);
            let last = capacity * 4 - 1;
            assert_eq!(
                cache.get(&last.to_string()),
                Some(last),
                "the newcomer has a place"
            );
        }
    }

    #[test]
    fn what_is_used_stays_when_neighbours_are_evicted() {
        let cache = Cache::new(8);
        cache.insert("hot", 0);
        for n in 1..1_000 {
            assert_eq!(cache.get("hot"), Some(0));
            cache.insert(&n.to_string(), n);
        }
    }
}
