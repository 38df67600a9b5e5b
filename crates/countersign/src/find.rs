//! Where a byte stands in a text, looked for eight bytes at a time.

/// Where `wanted` stands first, from `start` on; the end of `bytes` if it does not.
///
/// It is no part of its callers, so that they can keep their registers.
#[inline(never)]
pub(crate) fn byte(bytes: &[u8], start: usize, wanted: u8) -> usize {
    let (words, rest) = bytes.get(start..).unwrap_or_default().as_chunks::<8>();
    let pattern = ONES * u64::from(wanted);
    let mut at = start;
    for word in words {
        let marks = zeros(u64::from_le_bytes(*word) ^ pattern);
        if marks != 0 {
            return at + first(marks);
        }
        at += 8;
    }
    at + rest
        .iter()
        .position(|byte| *byte == wanted)
        .unwrap_or(rest.len())
}

/// In every byte a one.
pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;
/// In every byte its highest bit.
pub(crate) const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks, with their highest bits, the bytes of `word` that are zero. Marks above the lowest one may
/// be wrong, which is why only the [`first`] is used.
pub(crate) const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// Which byte the lowest mark is in.
pub(crate) const fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_first_one_is_found_wherever_it_stands() {
        for length in 0..40 {
            for at in 0..=length {
                for (wanted, other) in [(b'.', b'/'), (b'"', b'!'), (b'"', b'#'), (0, 0xff)] {
                    let mut bytes = vec![other; length];
                    bytes[at..].fill(wanted);
                    for start in 0..=at {
                        assert_eq!(byte(&bytes, start, wanted), at, "{start} of {length}");
                    }
                }
            }
        }
        assert_eq!(byte(b"ab", 3, b'a'), 3, "nothing is left to look at");
    }
}
