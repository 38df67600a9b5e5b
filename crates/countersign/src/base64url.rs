//! base64url as JOSE writes it (RFC 7515 §2, RFC 4648 §5): no padding, no white space, and no bits
//! left over in the last character, so that each byte string has exactly one spelling.
//!
//! Tokens are made of little else, hence the vectorised implementation behind it; that it judges
//! each text as strictly as said here is tested below.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use base64_simd::{AsOut as _, URL_SAFE_NO_PAD as STRICT};

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
#[inline]
pub(crate) fn decode_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let before = out.len();
    STRICT.decode_append(text, out).map_err(|_| {
        out.truncate(before);
        DecodeError
    })
}

/// Appends the spelling of `bytes` to `out`.
#[inline]
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    STRICT.encode_append(bytes, out);
}

/// Whether `text` is the spelling of `bytes`; nothing is allocated.
pub(crate) fn spells(text: &[u8], bytes: &[u8]) -> bool {
    /// A multiple of three, so that each piece but the last is spelled on its own.
    const PIECE: usize = 384;
    if text.len() != encoded_len(bytes.len()) {
        return false;
    }
    let mut spelling = [MaybeUninit::<u8>::uninit(); encoded_len(PIECE)];
    text.chunks(encoded_len(PIECE))
        .zip(bytes.chunks(PIECE))
        .all(|(text, bytes)| *STRICT.encode(bytes, spelling[..].as_out()) == *text)
}

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

    #[test]
    fn only_the_one_spelling_spells_it() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, 2, 3, 383, 384, 385, 386, 768, 1000] {
            let mut text = encode(&bytes[..length]).into_bytes();
            assert!(spells(&text, &bytes[..length]));
            assert!(length == 0 || !spells(&text[1..], &bytes[..length]));
            assert!(!spells(&[&*text, b"A"].concat(), &bytes[..length]));
            for at in 0..text.len() {
                let before = text[at];
                text[at] = if before == b'A' { b'B' } else { b'A' };
                assert!(!spells(&text, &bytes[..length]), "{length} at {at}");
                text[at] = before;
            }
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
