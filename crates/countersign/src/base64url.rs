//! base64url as JOSE writes it (RFC 7515 §2, RFC 4648 §5): no padding, no white space, and no bits
//! left over in the last character, so that each byte string has exactly one spelling.
//!
//! Written here, over tables, because tokens are made of little else and a reader that takes only
//! this one spelling can be short and fast.

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes bytes as base64url without padding.
///
/// ```
/// assert_eq!(countersign::base64url::encode(b"\xfb\xff"), "-_8");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(encoded_len(bytes.len()));
    encode_into(bytes, &mut text);
    text
}

/// Reads base64url.
///
/// ```
/// use countersign::base64url::decode;
///
/// assert_eq!(decode("-_8").unwrap(), b"\xfb\xff");
/// assert!(decode("-_8=").is_err()); // padding
/// assert!(decode("-_9").is_err()); // bits left over
/// assert!(decode("+/8").is_err()); // the other alphabet
/// ```
///
/// # Errors
/// Anything but the one spelling [`encode`] gives.
pub fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    decode_into(text.as_bytes(), &mut bytes)?;
    Ok(bytes)
}

/// The text is not strict base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding, or with bits left over in the last character")]
pub struct DecodeError;

/// How many characters `bytes` bytes become.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes / 3 * 4 + (bytes % 3 * 4).div_ceil(3)
}

/// How many bytes `characters` characters stand for, at most.
pub(crate) const fn decoded_len(characters: usize) -> usize {
    characters / 4 * 3 + characters % 4 * 3 / 4
}

/// Appends what `text` stands for to `out`; on an error `out` is as it was.
pub(crate) fn decode_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let start = out.len();
    out.resize(start + decoded_len(text.len()), 0);
    let place = out.get_mut(start..).unwrap_or_default();
    if decode_to(text, place) {
        Ok(())
    } else {
        out.truncate(start);
        Err(DecodeError)
    }
}

/// Fills `out`, which has exactly [`decoded_len`] bytes; says whether the text was sound.
fn decode_to(text: &[u8], out: &mut [u8]) -> bool {
    let (groups, tail) = text.as_chunks::<4>();
    let (triples, last) = out.as_chunks_mut::<3>();
    // Every character outside the alphabet sets the highest bit of `seen`; it is asked once.
    let mut seen = 0;
    for ([a, b, c, d], triple) in groups.iter().zip(triples) {
        let group = VALUES[0][usize::from(*a)]
            | VALUES[1][usize::from(*b)]
            | VALUES[2][usize::from(*c)]
            | VALUES[3][usize::from(*d)];
        seen |= group;
        let [_, one, two, three] = group.to_be_bytes();
        *triple = [one, two, three];
    }
    match (tail, last) {
        ([], []) => {}
        ([a, b], [one]) => {
            let group = VALUES[0][usize::from(*a)] | VALUES[1][usize::from(*b)];
            seen |= group | stray(group & 0xffff);
            *one = group.to_be_bytes()[1];
        }
        ([a, b, c], [one, two]) => {
            let group = VALUES[0][usize::from(*a)]
                | VALUES[1][usize::from(*b)]
                | VALUES[2][usize::from(*c)];
            seen |= group | stray(group & 0xff);
            [*one, *two] = [group.to_be_bytes()[1], group.to_be_bytes()[2]];
        }
        // One character alone stands for no byte.
        _ => return false,
    }
    seen & INVALID == 0
}

const INVALID: u32 = 1 << 31;

const fn stray(bits: u32) -> u32 {
    if bits == 0 { 0 } else { INVALID }
}

/// For each place in a group of four: the six bits of each character where they belong in 24.
static VALUES: [[u32; 256]; 4] = {
    let mut values = [[INVALID; 256]; 4];
    let mut at = 0;
    while at < 64 {
        let character = ALPHABET[at] as usize;
        let mut place = 0;
        while place < 4 {
            #[expect(clippy::cast_possible_truncation, reason = "at is below 64")]
            let bits = at as u32;
            values[place][character] = bits << (18 - 6 * place);
            place += 1;
        }
        at += 1;
    }
    values
};

/// Appends the spelling of `bytes` to `out`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    const BLOCK: usize = 96;
    let mut block = [0; BLOCK / 3 * 4];
    for part in bytes.chunks(BLOCK) {
        let place = block.get_mut(..encoded_len(part.len())).unwrap_or_default();
        encode_to(part, place);
        // The alphabet is ASCII, so this is always text.
        out.push_str(core::str::from_utf8(place).unwrap_or_default());
    }
}

fn encode_to(bytes: &[u8], out: &mut [u8]) {
    let (triples, tail) = bytes.as_chunks::<3>();
    let (groups, last) = out.as_chunks_mut::<4>();
    for ([one, two, three], group) in triples.iter().zip(groups) {
        let bits = u32::from_be_bytes([0, *one, *two, *three]);
        let [a, b] = PAIRS[(bits >> 12) as usize & 0xfff];
        let [c, d] = PAIRS[bits as usize & 0xfff];
        *group = [a, b, c, d];
    }
    match (tail, last) {
        ([one], [a, b]) => [*a, *b] = PAIRS[usize::from(*one) << 4],
        ([one, two], [a, b, c]) => {
            let bits = usize::from(*one) << 16 | usize::from(*two) << 8;
            [*a, *b] = PAIRS[bits >> 12];
            [*c, _] = PAIRS[bits & 0xfff];
        }
        _ => {}
    }
}

/// For each twelve bits, their two characters.
static PAIRS: [[u8; 2]; 4096] = {
    let mut pairs = [[0; 2]; 4096];
    let mut bits = 0;
    while bits < 4096 {
        pairs[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 63]];
        bits += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn every_other_spelling_is_refused() {
        for bad in [
            "A", "AAAAA", "AA=", "AA==", "AB", "AAB", "A A", "AA\n", "A+", "A/", "é", "AA\0",
        ] {
            assert_eq!(decode(bad), Err(DecodeError), "{bad:?}");
        }
    }

    #[test]
    fn every_length_comes_back_and_is_spelled_as_elsewhere() {
        let bytes: Vec<u8> = (0..=255).rev().collect();
        for length in 0..bytes.len() {
            let text = encode(&bytes[..length]);
            assert_eq!(text, URL_SAFE_NO_PAD.encode(&bytes[..length]));
            assert_eq!(text.len(), encoded_len(length));
            assert_eq!(decoded_len(text.len()), length);
            assert_eq!(decode(&text).unwrap(), &bytes[..length]);
        }
    }

    /// All texts of up to three characters, against an implementation that is not ours.
    #[test]
    fn short_texts_are_judged_as_elsewhere() {
        for a in 0..=127 {
            for b in 0..=127 {
                for text in [&[a, b][..], &[a, b, b], &[b'A', a, b], &[a, b'A', b'A', b]] {
                    let theirs = URL_SAFE_NO_PAD.decode(text);
                    let mut ours = Vec::new();
                    let verdict = decode_into(text, &mut ours);
                    assert_eq!(verdict.is_ok(), theirs.is_ok(), "{text:?}");
                    if let Ok(theirs) = theirs {
                        assert_eq!(ours, theirs);
                    }
                }
            }
        }
    }
}
