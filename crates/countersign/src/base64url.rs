//! base64url as JOSE writes it (RFC 7515 §2, RFC 4648 §5): no padding, no white space, and no bits
//! left over in the last character, so that each byte string has exactly one spelling.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Writes bytes as base64url without padding.
///
/// ```
/// assert_eq!(countersign::base64url::encode(b"\xfb\xff"), "-_8");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
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

/// Appends what `text` stands for to `out`; on an error `out` may hold a part of it.
pub(crate) fn decode_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    URL_SAFE_NO_PAD
        .decode_vec(text, out)
        .map_err(|_| DecodeError)
}

/// Appends the spelling of `bytes` to `out`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_spelling_is_refused() {
        for bad in [
            "A", "AAAAA", "AA=", "AA==", "AB", "AAB", "A A", "AA\n", "A+", "A/", "é", "AA\0",
        ] {
            assert_eq!(decode(bad), Err(DecodeError), "{bad:?}");
        }
    }

    #[test]
    fn every_length_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            assert_eq!(decode(&encode(&bytes[..length])).unwrap(), &bytes[..length]);
        }
    }
}
