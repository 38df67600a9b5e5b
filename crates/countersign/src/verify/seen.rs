//! Headers that were seen before.
//!
//! An issuer writes the same header on every token until its key changes. So the text of a header
//! whose token was signed by a key of ours is kept, with what it came to, and the next token with
//! the very same text needs no decoding and no parsing of it. Only headers under a signature that
//! holds are kept, so a stranger can put nothing here, and every text is compared in full.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use once_cell::race::OnceBox;

/// A header's text and what it came to; what was verified keeps it, and shares it with its like.
pub(super) struct Seen<T> {
    pub(super) header: Box<[u8]>,
    pub(super) meaning: T,
}

/// A fixed number of places; what finds no free one of its two is parsed each time.
pub(super) struct SeenHeaders<T> {
    places: Vec<OnceBox<Arc<Seen<T>>>>,
}

impl<T> SeenHeaders<T> {
    /// Room for a few spellings for each of so many keys.
    pub(super) fn for_keys(keys: usize) -> Self {
        let places = keys.saturating_mul(4).clamp(16, 4096).next_power_of_two();
        Self {
            places: (0..places).map(|_| OnceBox::new()).collect(),
        }
    }

    pub(super) fn get(&self, header: &[u8]) -> Option<&Arc<Seen<T>>> {
        self.candidates(header)
            .filter_map(OnceBox::get)
            .find(|seen| *seen.header == *header)
    }

    pub(super) fn keep(&self, seen: &Arc<Seen<T>>) {
        let free = self
            .candidates(&seen.header)
            .find(|place| place.get().is_none());
        if let Some(free) = free {
            // Another thread may have been faster; then its text stays.
            let _ = free.set(Box::new(Arc::clone(seen)));
        }
    }

    fn candidates(&self, header: &[u8]) -> impl Iterator<Item = &OnceBox<Arc<Seen<T>>>> {
        let first = hash(header) & (self.places.len() - 1);
        [first, first ^ 1]
            .into_iter()
            .filter_map(|at| self.places.get(at))
    }
}

/// Quick and not secret: it only picks the place.
fn hash(text: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_chunks::<8>();
    let mut mixed = text.len() as u64;
    for word in words {
        mixed = (mixed.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    for byte in rest {
        mixed = (mixed.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(FACTOR);
    }
    (mixed >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(seen: &SeenHeaders<usize>, header: &str, meaning: usize) {
        let header = header.as_bytes().into();
        seen.keep(&Arc::new(Seen { header, meaning }));
    }

    fn get(seen: &SeenHeaders<usize>, header: &str) -> Option<usize> {
        seen.get(header.as_bytes()).map(|seen| seen.meaning)
    }

    #[test]
    fn only_the_very_text_is_found() {
        let seen = SeenHeaders::for_keys(1);
        keep(&seen, "abc", 1);
        assert_eq!(get(&seen, "abc"), Some(1));
        for other in ["", "ab", "abd", "abcd"] {
            assert_eq!(get(&seen, other), None, "{other}");
        }
    }

    #[test]
    fn a_full_place_turns_the_next_away_and_keeps_the_old() {
        let seen = SeenHeaders::for_keys(1);
        let texts: Vec<_> = (0..200).map(|n| alloc::format!("header {n}")).collect();
        for (n, text) in texts.iter().enumerate() {
            keep(&seen, text, n);
        }
        let found = texts.iter().enumerate().filter(|(n, text)| {
            let meaning = get(&seen, text);
            assert!(meaning.is_none_or(|found| found == *n));
            meaning.is_some()
        });
        assert_eq!(found.count(), 16);
    }
}
