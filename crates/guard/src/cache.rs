//! Verdicts that were given before.
//!
//! A signature check costs tens of microseconds, a lookup here a few hundred nanoseconds. What
//! makes the shortcut safe:
//! - a hash only says where to look; the token's own bytes decide;
//! - only good verdicts are kept, and the guard asks about time, key and revocation at every hit;
//! - each guard has its own cache, so a verdict never leaves the rules it was given under;
//! - memory is bounded: the table has a fixed number of places, and a newcomer takes the place of
//!   the least recently used of the few it may choose from. A flood evicts; it does not grow anything.
//!
//! The hash is that of the token's last characters: the end of a signature, which differs from token
//! to token and which nobody who is let in can choose. It is seeded, so nobody outside can tell which
//! tokens fall on one place.
//!
//! What was verified can tell the token it came from ([`Remembered`]), so the text is not kept beside it.

use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;

/// What became of a token, and knows which one it was.
pub(crate) trait Remembered: Clone {
    /// Whether it was this very token.
    fn is_of(&self, token: &[u8]) -> bool;
}

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

impl<V: Remembered> Cache<V> {
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
    pub(crate) fn get(&self, token: &[u8]) -> Option<V> {
        let place = self.place(token);
        let mut shard = self.shard(place);
        shard.clock = shard.clock.wrapping_add(1);
        let now = shard.clock;
        let found = shard.places[place.range(self.ways)]
            .iter_mut()
            .flatten()
            .find(|entry| entry.tag == place.tag && entry.value.is_of(token))
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
    pub(crate) fn insert(&self, token: &[u8], value: V) {
        let place = self.place(token);
        let tag = place.tag;
        let mut shard = self.shard(place);
        shard.clock = shard.clock.wrapping_add(1);
        let now = shard.clock;
        let mut entry = Some(Entry {
            tag,
            used: now,
            value,
        });
        let seat = shard.places[place.range(self.ways)]
            .iter_mut()
            .max_by_key(|seat| match seat {
                Some(entry) if entry.tag == tag && entry.value.is_of(token) => u64::MAX,
                None => u64::MAX - 1,
                // The clock may have gone round; the time between is right all the same.
                Some(entry) => u64::from(now.wrapping_sub(entry.used)),
            });
        if let Some(seat) = seat {
            std::mem::swap(seat, &mut entry);
        }
        drop(shard);
        // What was evicted is freed here, outside the lock.
        drop(entry);
    }

    /// Forgets the token.
    pub(crate) fn remove(&self, token: &[u8]) {
        let place = self.place(token);
        let mut shard = self.shard(place);
        let removed = shard.places[place.range(self.ways)]
            .iter_mut()
            .find(|seat| {
                seat.as_ref()
                    .is_some_and(|entry| entry.tag == place.tag && entry.value.is_of(token))
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

    fn place(&self, token: &[u8]) -> Place {
        let end = &token[token.len().saturating_sub(HASHED_BYTES)..];
        let hash = self.seed.hash_one(end);
        // The upper half of the product: an even spread over the sets without a division.
        let set = (u128::from(hash) * self.sets as u128) >> 64;
        let set = usize::try_from(set).unwrap_or_default();
        Place {
            // The lower bits, which do not take part in choosing the set.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "half of the hash is enough"
            )]
            tag: hash as u32,
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
/// 24 bytes of a signature in base64url.
const HASHED_BYTES: usize = 32;

#[derive(Clone, Copy)]
struct Place {
    tag: u32,
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
    clock: u32,
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

/// Sixteen bytes with a pointer for a value.
struct Entry<V> {
    /// Of the hash, so that hardly any other neighbour is looked at.
    tag: u32,
    /// What the shard's clock said.
    used: u32,
    value: V,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Verdict(String, usize);

    impl Remembered for Verdict {
        fn is_of(&self, token: &[u8]) -> bool {
            self.0.as_bytes() == token
        }
    }

    fn insert(cache: &Cache<Verdict>, token: &str, value: usize) {
        cache.insert(token.as_bytes(), Verdict(token.to_owned(), value));
    }

    fn get(cache: &Cache<Verdict>, token: &str) -> Option<usize> {
        cache.get(token.as_bytes()).map(|verdict| verdict.1)
    }

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
        insert(&cache, "a", 1);
        insert(&cache, "b", 2);
        assert_eq!(
            (get(&cache, "a"), get(&cache, "b"), get(&cache, "c")),
            (Some(1), Some(2), None)
        );
        insert(&cache, "a", 3);
        assert_eq!(get(&cache, "a"), Some(3));
        cache.remove(b"a");
        assert_eq!((get(&cache, "a"), get(&cache, "b")), (None, Some(2)));
        assert_eq!(cache.lookups(), Lookups { hits: 4, misses: 2 });
    }

    #[test]
    fn two_tokens_with_one_hash_are_two_tokens() {
        let cache = Cache::new(8);
        let end = "x".repeat(HASHED_BYTES);
        let (mine, theirs) = (format!("mine{end}"), format!("theirs{end}"));
        let tag = |token: &str| cache.place(token.as_bytes()).tag;
        assert_eq!(tag(&mine), tag(&theirs));
        insert(&cache, &mine, 1);
        assert_eq!(get(&cache, &theirs), None);
        cache.remove(theirs.as_bytes());
        insert(&cache, &theirs, 2);
        assert_eq!(
            (get(&cache, &mine), get(&cache, &theirs)),
            (Some(1), Some(2))
        );
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
                insert(&cache, &n.to_string(), n);
            }
            assert_eq!(places(&cache), before);
            let last = capacity * 4 - 1;
            assert_eq!(
                get(&cache, &last.to_string()),
                Some(last),
                "the newcomer has a place"
            );
        }
    }

    #[test]
    fn what_is_used_stays_when_neighbours_are_evicted() {
        let cache = Cache::new(8);
        // The clock goes round on the way.
        cache.shards[0].lock().expect("not poisoned").clock = u32::MAX - 500;
        insert(&cache, "hot", 0);
        for n in 1..1_000 {
            assert_eq!(get(&cache, "hot"), Some(0));
            insert(&cache, &n.to_string(), n);
        }
    }
}
