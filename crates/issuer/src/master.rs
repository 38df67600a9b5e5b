//! The master key: what every stored key is sealed under (AES-256-GCM). It is never stored with
//! them.

use alloc::{string::String, vec::Vec};
use core::fmt;

use countersign::{
    base64url,
    crypto::{self, SealingKey},
    secret::{Secret, SecretString},
};
use zeroize::Zeroizing;

use crate::{error::IssuerError, record::Sealed};

/// 32 random bytes that open the database's keys. They do not print and are wiped.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A key from the crypto backend's generator.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the backend fails.
    pub fn generate() -> Result<Self, IssuerError> {
        Ok(Self(Zeroizing::new(crypto::random()?)))
    }

    /// Reads a key written as 43 characters of base64url or 64 of hexadecimal; white space around
    /// it is ignored.
    ///
    /// # Errors
    /// [`IssuerError::MasterKeyText`]; it does not repeat the text.
    pub fn from_text(text: &str) -> Result<Self, IssuerError> {
        let text = text.trim();
        let bytes = match text.len() {
            43 => base64url::decode(text).ok().map(Zeroizing::new),
            64 => from_hex(text),
            _ => None,
        };
        let bytes = bytes.ok_or(IssuerError::MasterKeyText)?;
        let bytes =
            <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| IssuerError::MasterKeyText)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The key in base64url, for the file it is kept in.
    pub fn to_text(&self) -> SecretString {
        SecretString::new(base64url::encode(self.0.as_slice()))
    }

    pub(crate) fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<Sealed, IssuerError> {
        let sealed = SealingKey::new(&self.0).seal(plaintext, context)?;
        Ok(Sealed::from_stored(sealed))
    }

    /// Opens what was sealed in the same context; `what` names it in the error.
    pub(crate) fn open(
        &self,
        sealed: &Sealed,
        context: &[u8],
        what: impl FnOnce() -> String,
    ) -> Result<Secret, IssuerError> {
        SealingKey::new(&self.0)
            .open(sealed.as_bytes(), context)
            .map_err(|_| IssuerError::WrongMasterKey { what: what() })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks_exact(2) {
        let high = char::from(*pair.first()?).to_digit(16)?;
        let low = char::from(*pair.last()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(bytes)
}
