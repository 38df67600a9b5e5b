//! How many were let in, how many not, and why.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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
    /// There are few codes, and a refusal is not what has to be fast.
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub(crate) fn accepted(&self, legacy: bool) {
        if legacy {
            self.accepted_legacy.fetch_add(1, Ordering::Relaxed);
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, code: &'static str) {
        *self
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(code)
            .or_default() += 1;
    }

    pub(crate) fn read(&self, lookups: Lookups) -> Counts {
        Counts {
            accepted: self.accepted.load(Ordering::Relaxed),
            accepted_legacy: self.accepted_legacy.load(Ordering::Relaxed),
            refused: self
                .refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            cache_hits: lookups.hits,
            cache_misses: lookups.misses,
        }
    }
}
