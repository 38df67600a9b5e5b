//! The names of one object, to find the one that comes twice.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;

use super::JsonError;

/// Few names are compared one by one, and only when a cheap fingerprint of theirs was seen before;
/// many go into a tree, so that no object costs quadratic time.
#[derive(Default)]
pub(super) struct Names<'de> {
    fingerprints: u64,
    few: [&'de str; FEW],
    count: usize,
    many: BTreeSet<Cow<'de, str>>,
}

const FEW: usize = 16;

impl<'de> Names<'de> {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a name that has not been here yet.
    pub(super) fn insert(&mut self, name: Cow<'de, str>) -> Result<(), JsonError> {
        let place = self.count;
        self.count += 1;
        if let (Cow::Borrowed(name), Some(free)) = (&name, self.few.get_mut(place))
            && self.many.is_empty()
        {
            *free = name;
            let bit = fingerprint(name);
            let seen = self.fingerprints & bit != 0;
            self.fingerprints |= bit;
            return if seen && self.few.iter().take(place).any(|earlier| earlier == name) {
                Err(JsonError::RepeatedName)
            } else {
                Ok(())
            };
        }
        if self.many.is_empty() {
            self.many
                .extend(self.few.iter().take(place).map(|name| Cow::Borrowed(*name)));
        }
        if self.many.insert(name) {
            Ok(())
        } else {
            Err(JsonError::RepeatedName)
        }
    }
}

/// One bit of 64, from the length and two letters.
fn fingerprint(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let letter = |at: usize| u32::from(bytes.get(at).copied().unwrap_or_default());
    let mixed = letter(0)
        .wrapping_mul(31)
        .wrapping_add(letter(2).wrapping_mul(7))
        .wrapping_add(
            u32::try_from(bytes.len())
                .unwrap_or_default()
                .wrapping_mul(13),
        );
    1 << (mixed & 63)
}
