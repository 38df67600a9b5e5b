//! The names of one object, to find the one that comes twice.

use alloc::collections::BTreeSet;
use alloc::string::String;

use super::error::JsonError;

/// Few names are compared one by one: first a bit in a word, then a tag that tells most names apart,
/// and only then their letters. Many go into a tree, so that no object costs quadratic time.
#[derive(Default)]
pub(super) struct Names {
    /// A bit for each name that is known by a number.
    known: u64,
    bits: u64,
    count: usize,
    tags: [u64; FEW],
    /// Where the first names stand in the text.
    places: [(u32, u32); FEW],
    many: BTreeSet<String>,
}

/// A name as it was read: as it stands in the text, or with its escapes resolved.
#[derive(Clone, Copy)]
pub(super) enum Name<'a> {
    Plain(&'a str),
    Resolved(&'a str),
}

const FEW: usize = 16;

impl Names {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.known == 0
    }

    /// Adds a name that is known by a number below 64, and so is none of the others.
    #[inline]
    pub(super) fn insert_known(&mut self, number: u8) -> Result<(), JsonError> {
        let bit = 1_u64.rotate_left(u32::from(number));
        if self.known & bit != 0 {
            return Err(JsonError::RepeatedName);
        }
        self.known |= bit;
        Ok(())
    }

    /// Adds a name that has not been here yet. `place` is where it stands in `text`, if
    /// it is plain.
    #[inline]
    pub(super) fn insert(
        &mut self,
        text: &str,
        name: Name<'_>,
        (start, end): (usize, usize),
    ) -> Result<(), JsonError> {
        let place = |at| u32::try_from(at).map_err(|_| JsonError::Syntax);
        let place = (place(start)?, place(end)?);
        let count = self.count;
        self.count += 1;
        if let Name::Plain(name) = name
            && self.many.is_empty()
            && let (Some(free), Some(free_tag)) =
                (self.places.get_mut(count), self.tags.get_mut(count))
        {
            let tag = tag(name.as_bytes());
            *free = place;
            *free_tag = tag;
            let bit = 1 << (tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58);
            let seen = self.bits & bit != 0;
            self.bits |= bit;
            return if seen && self.is_among_few(text, name, tag, count) {
                Err(JsonError::RepeatedName)
            } else {
                Ok(())
            };
        }
        let (Name::Plain(name) | Name::Resolved(name)) = name;
        self.insert_among_many(text, name, count)
    }

    fn is_among_few(&self, text: &str, name: &str, tag: u64, count: usize) -> bool {
        let earlier = self.tags.iter().zip(&self.places).take(count);
        earlier
            .into_iter()
            .any(|(own, place)| *own == tag && at(text, *place) == name)
    }

    #[cold]
    fn insert_among_many(&mut self, text: &str, name: &str, count: usize) -> Result<(), JsonError> {
        let few = self.places;
        if self.many.is_empty() {
            self.many.extend(
                few.iter()
                    .take(count)
                    .map(|place| String::from(at(text, *place))),
            );
        }
        if self.many.insert(name.into()) {
            Ok(())
        } else {
            Err(JsonError::RepeatedName)
        }
    }
}

fn at(text: &str, (start, end): (u32, u32)) -> &str {
    text.get(start as usize..end as usize).unwrap_or_default()
}

/// The length, the first four bytes, the middle one and the last of a name.
#[inline]
fn tag(name: &[u8]) -> u64 {
    match name {
        [first, second, third, fourth, .., last] => {
            let length = name.len().to_le_bytes()[0];
            let middle = name[name.len() / 2];
            u64::from_le_bytes([*first, *second, *third, *fourth, middle, *last, length, 0])
        }
        short => short
            .iter()
            .fold(short.len() as u64, |tag, byte| tag << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;

    /// Inserts the names as they stand in one text, one after the other.
    fn insert_all(names: &[String]) -> Vec<Result<(), JsonError>> {
        let text = names.concat();
        let mut set = Names::default();
        let mut start = 0;
        let mut answers = Vec::new();
        for name in names {
            let place = (start, start + name.len());
            start = place.1;
            answers.push(set.insert(&text, Name::Plain(name), place));
        }
        answers
    }

    #[test]
    fn the_name_that_comes_twice_is_found_among_few_and_among_many() {
        for count in [1, 2, 15, 16, 17, 40] {
            // The tags of these are all alike, and so are the bits.
            let mut names: Vec<_> = (0..count).map(|n| format!("name{n:04}end")).collect();
            assert!(insert_all(&names).iter().all(Result::is_ok), "{count}");
            for again in 0..count {
                names.push(names[again].clone());
                let answers = insert_all(&names);
                assert_eq!(
                    answers.last(),
                    Some(&Err(JsonError::RepeatedName)),
                    "{count} {again}"
                );
                names.pop();
            }
        }
    }
}
