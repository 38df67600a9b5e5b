//! The border to the cryptography: bytes in, bytes out. It knows no JSON, no token, no JWK.
//!
//! The public face is what the parts of Countersign need beside tokens: randomness, SHA-256,
//! [`MacKey`] and [`SealingKey`]. What signs and verifies tokens stays inside the crate. Only
//! `aws_lc.rs` names the backend.

mod aws_lc;
#[cfg(test)]
mod wycheproof;

use alloc::vec::Vec;
use core::fmt;

use crate::secret::Secret;

pub(crate) use aws_lc::{RsaParts, Signing, Verifying, derive, generate};

/// `N` bytes nobody can guess, from the backend's generator.
///
/// ```
/// let id: [u8; 16] = countersign::crypto::random()?;
/// assert_ne!(id, [0; 16]);
/// # Ok::<(), countersign::crypto::CryptoError>(())
/// ```
///
/// # Errors
/// When the system has no randomness to give.
pub fn random<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0; N];
    aws_lc::fill_random(&mut bytes)?;
    Ok(bytes)
}

/// SHA-256 (FIPS 180-4) of `bytes`.
///
/// ```
/// assert_eq!(countersign::crypto::sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    aws_lc::sha256(bytes)
}

/// A prepared key for HMAC-SHA256 (RFC 2104).
///
/// ```
/// use countersign::crypto::MacKey;
///
/// let key = MacKey::new(&[7; 32]);
/// let tag = key.mac(&[b"context", b"message"]);
/// assert!(key.verify(&[b"context", b"message"], &tag));
/// assert!(!key.verify(&[b"context", b"massage"], &tag));
/// ```
///
/// The parts are hashed one after the other without a mark between them: a caller whose parts
/// vary in length must put the lengths, or a separator that cannot occur, between them.
#[derive(Clone)]
pub struct MacKey(aws_lc::Mac);

impl MacKey {
    /// Prepares the key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(aws_lc::Mac::new(key))
    }

    /// The tag of the parts, taken as one message.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.tag(parts)
    }

    /// Whether `tag` is the tag of the parts. Takes the same time for every wrong tag of 32 bytes.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        aws_lc::equal(&self.mac(parts), tag)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

/// A key that seals other secrets: AES-256-GCM with a random nonce of 96 bits for each envelope.
///
/// One key may seal 2^32 envelopes (NIST SP 800-38D §8.3); key rings and settings stay far below.
///
/// ```
/// use countersign::crypto::SealingKey;
///
/// let key = SealingKey::new(&[7; 32]);
/// let sealed = key.seal(b"private", b"signing key 3")?;
/// assert_eq!(key.open(&sealed, b"signing key 3")?.expose(), b"private");
/// assert!(key.open(&sealed, b"signing key 4").is_err());
/// # Ok::<(), countersign::crypto::CryptoError>(())
/// ```
pub struct SealingKey(aws_lc::Sealing);

impl SealingKey {
    /// Prepares the key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(aws_lc::Sealing::new(key))
    }

    /// Seals `plaintext` so that only this key opens it, and only for the same `context`: a name
    /// of what it is, not secret and not stored in the envelope. Gives nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    /// [`CryptoError::Failed`] when the system has no randomness to give.
    pub fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.seal(plaintext, context)
    }

    /// Opens what [`seal`](Self::seal) gave.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`] for another key, another context or a changed envelope.
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Secret, CryptoError> {
        self.0.open(sealed, context)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

/// What can go wrong in the cryptography itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The backend failed: no randomness, or no memory.
    #[error("the cryptographic backend failed; check that the system can give random numbers")]
    Failed,
    /// An envelope does not open: another key, another context, or changed bytes.
    #[error("the sealed data does not open with this key in this place")]
    NotAuthentic,
}

impl CryptoError {
    /// The stable code: `crypto_failed`, `not_authentic`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Failed => "crypto_failed",
            Self::NotAuthentic => "not_authentic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.2, test case 1 uses a key of 20 bytes; case 2 of RFC 4231 a shorter one, so the
    /// tag here is of 32 zero bytes over nothing, from FIPS 198-1's definition by two hashes.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let key = [0x0b; 32];
        let mut inner = [0x36 ^ 0x0b; 32].to_vec();
        inner.extend([0x36; 32]);
        inner.extend(b"Hi There");
        let mut outer = [0x5c ^ 0x0b; 32].to_vec();
        outer.extend([0x5c; 32]);
        outer.extend(sha256(&inner));
        assert_eq!(MacKey::new(&key).mac(&[b"Hi", b" There"]), sha256(&outer));
    }

    #[test]
    fn no_changed_envelope_opens() {
        let key = SealingKey::new(&[1; 32]);
        let sealed = key.seal(b"", b"").unwrap();
        assert_eq!(sealed.len(), 12 + 16);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                key.open(&changed, b"").unwrap_err(),
                CryptoError::NotAuthentic
            );
        }
        for short in 0..sealed.len() {
            assert!(key.open(&sealed[..short], b"").is_err());
        }
    }
}
