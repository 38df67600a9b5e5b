//! How many were let in, how many not, and why.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::Lookups;

/// A guard's decisions since it was made. Every number only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests let in.
    pub accepted: u64,
    /// How many of those had a token of the old kind
    /// ([`GuardBuilder::legacy_secret`](crate::GuardBuilder::legacy_secret)).
    pub accepted_legacy: u64,
    /// Requests refused, by reason code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Tokens found in the cache, whether they were let in or not.
    pub cache_hits: u64,
    /// Tokens not found there.
    pub cache_misses: u64,
}

impl Counts {
    /// How many were refused for this reason.
    pub fn refused_for(&self, code: &str) -> u64 {
        self.refused.get(code).copied().unwrap_or_default()
    }
}

#[derive(Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    accepted_legacy: AtomicU64,
    refused: Refusals,
}

/// Twice as many as there are reason codes.
const PLACES: usize = 96;

/// How many were refused, by reason. A reason has a place from its first refusal on; nobody who is
/// refused waits for another.
struct Refusals([Place; PLACES]);

#[derive(Default)]
struct Place {
    code: OnceLock<&'static str>,
    count: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Place::default()))
    }
}

impl Refusals {
    fn add(&self, code: &'static str) {
        let mut places = self.0.iter();
        if let Some(place) = places.find(|place| *place.code.get_or_init(|| code) == code) {
            place.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> BTreeMap<&'static str, u64> {
        let places = self.0.iter();
        let taken = places.map_while(|place| Some((*place.code.get()?, &place.count)));
        taken
            .map(|(code, count)| (code, count.load(Ordering::Relaxed)))
            // Its place is taken, and it is not counted yet.
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

impl Counters {
    pub(crate) fn accepted(&self, legacy: bool) {
        if legacy {
            self.accepted_legacy.fetch_add(1, Ordering::Relaxed);
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refused.add(code);
    }

    pub(crate) fn read(&self, lookups: Lookups) -> Counts {
        Counts {
            accepted: self.accepted.load(Ordering::Relaxed),
            accepted_legacy: self.accepted_legacy.load(Ordering::Relaxed),
            refused: self.refused.read(),
            cache_hits: lookups.hits,
            cache_misses: lookups.misses,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::Counters;
    use crate::cache::Lookups;

    #[test]
    fn refusals_at_once_are_all_counted_each_for_its_reason() {
        const CODES: [&str; 5] = ["expired", "revoked", "denied", "closed", "missing_token"];
        let counters = Counters::default();
        thread::scope(|scope| {
            for number in 0..8 {
                let counters = &counters;
                scope.spawn(move || {
                    // Each begins with another one, so that they race for the places.
                    for round in 0..1_000 {
                        counters.refused(CODES[(number + round) % CODES.len()]);
                    }
                });
            }
        });
        let counts = counters.read(Lookups::default());
        assert_eq!(counts.refused.len(), CODES.len());
        for code in CODES {
            assert_eq!(counts.refused_for(code), 1_600, "{code}");
        }
        assert_eq!(counts.refused_for("malformed"), 0);
    }
}
