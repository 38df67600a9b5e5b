//! Memory that strangers can write to, and cannot fill.

use alloc::collections::BTreeMap;

/// A map that does not grow past its bound. Keys are seeded hashes, so that the neighbours of a new
/// key are a fair sample of all: the least of them makes room.
pub(crate) struct Bounded<V> {
    entries: BTreeMap<u128, V>,
    bound: usize,
}

impl<V: Worth> Bounded<V> {
    const SAMPLE: usize = 8;

    pub(crate) const fn new(bound: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            bound,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value of a key, if it is remembered.
    pub(crate) fn get_mut(&mut self, key: u128) -> Option<&mut V> {
        self.entries.get_mut(&key)
    }

    /// Forgets a key whose value is not worth being remembered any more.
    pub(crate) fn forget_if(&mut self, key: u128, is_worthless: impl FnOnce(&V) -> bool) {
        if self.entries.get(&key).is_some_and(is_worthless) {
            self.entries.remove(&key);
        }
    }

    /// The value of a key, a new one if it is not remembered.
    pub(crate) fn entry(&mut self, key: u128, new: impl FnOnce() -> V) -> &mut V {
        if self.entries.len() >= self.bound && !self.entries.contains_key(&key) {
            let after = self.entries.range(key..).take(Self::SAMPLE);
            let before = self.entries.range(..key).rev().take(Self::SAMPLE);
            let least = after.chain(before).min_by_key(|(_, value)| value.worth());
            if let Some(least) = least.map(|(key, _)| *key) {
                self.entries.remove(&least);
            }
        }
        self.entries.entry(key).or_insert_with(new)
    }
}

/// What is forgotten first, when something must be: the smallest.
pub(crate) trait Worth {
    type Worth: Ord;
    fn worth(&self) -> Self::Worth;
}
