//! Client secrets: made here, shown once, kept as a hash.
//!
//! A secret is 32 random bytes of our making, so its SHA-256 is all that need be stored: nobody
//! guesses it, and checking it costs no password hash. A new secret does not end the old one at
//! once, or every instance of a service would have to change in the same second.

use alloc::{format, vec::Vec};
use core::fmt;

use countersign::{
    UnixTime, base64url,
    crypto::{self, sha256},
    secret::SecretString,
};

use super::{Authentication, Client};
use crate::error::IssuerError;

const PREFIX: &str = "csc_";
const CONTEXT: &[u8] = b"countersign client secret v1";
/// The new one and the one before it.
const AT_A_TIME: usize = 2;

/// What a client's secret is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecretHash {
    digest: [u8; 32],
    expires_at: Option<UnixTime>,
}

impl ClientSecretHash {
    /// The hash a store holds, and the time from which it is no longer accepted.
    pub const fn from_stored(digest: [u8; 32], expires_at: Option<UnixTime>) -> Self {
        Self { digest, expires_at }
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.digest
    }

    /// From when on it is no longer accepted.
    pub const fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    fn is_accepted(&self, now: UnixTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl fmt::Debug for ClientSecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecretHash")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A client's secret, to be shown once. It does not print.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// A secret from the crypto backend's generator.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the backend fails.
    pub fn generate() -> Result<Self, IssuerError> {
        let text = format!("{PREFIX}{}", base64url::encode(&crypto::random::<32>()?));
        Ok(Self(SecretString::new(text)))
    }

    /// The text, to be shown to whoever made the client and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is kept of it.
    pub fn hash(&self) -> ClientSecretHash {
        ClientSecretHash::from_stored(digest(self.expose()), None)
    }
}

impl Client {
    /// Gives the client another secret in place of whatever it proved itself with. The newest
    /// secret it has goes on until `until`, or until its own end if that comes first; older ones,
    /// and those whose time is over, are dropped.
    pub fn add_secret(&mut self, secret: &ClientSecret, until: UnixTime, now: UnixTime) {
        let mut secrets = match &mut self.authentication {
            Authentication::Secrets(secrets) => core::mem::take(secrets),
            Authentication::None | Authentication::Keys(_) => Vec::new(),
        };
        for known in &mut secrets {
            known.expires_at = Some(known.expires_at.map_or(until, |own| own.min(until)));
        }
        secrets.retain(|known| known.is_accepted(now));
        secrets.push(secret.hash());
        let too_many = secrets.len().saturating_sub(AT_A_TIME);
        secrets.drain(..too_many);
        self.authentication = Authentication::Secrets(secrets);
    }
}

/// Whether `given` is one of the secrets that are accepted. The comparison takes the same time
/// wherever they differ.
pub(super) fn is_one_of(known: &[ClientSecretHash], given: &str, now: UnixTime) -> bool {
    let given = digest(given);
    let accepted = known.iter().filter(|known| known.is_accepted(now));
    accepted.fold(false, |found, known| found | same(&known.digest, &given))
}

/// Whether each of the secrets that are accepted of `some` is accepted of `all`.
pub(super) fn all_among(
    some: &[ClientSecretHash],
    all: &[ClientSecretHash],
    now: UnixTime,
) -> bool {
    let mut some = some.iter().filter(|known| known.is_accepted(now));
    some.all(|one| {
        let mut all = all.iter().filter(|known| known.is_accepted(now));
        all.any(|other| same(&one.digest, &other.digest))
    })
}

fn digest(secret: &str) -> [u8; 32] {
    sha256(&[CONTEXT, secret.as_bytes()].concat())
}

fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differing = one.iter().zip(other).map(|(one, other)| one ^ other);
    differing.fold(0, |all, bits| all | bits) == 0
}
