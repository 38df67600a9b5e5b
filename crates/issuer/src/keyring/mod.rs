//! Signing keys by their lives.
//!
//! ```text
//! pending ----------> signing ----------> retiring ----------> gone
//! published, unused   makes the tokens    published until      private half
//! until verifiers     of its algorithm    its last token       destroyed
//! know it                                 has expired
//!        \________________ withdrawn: out of the set at once, because it leaked
//! ```
//!
//! Each algorithm in use has its own line of keys, and always one pending. [`plan`] looks at the
//! rows and says what is due; a server applies that in one transaction and opens the [`KeyRing`]
//! again.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use countersign::{
    Algorithm, UnixTime,
    key::{Jwk, KeySet, SigningKey},
    sign::Signer,
};

use crate::{
    error::IssuerError,
    master::MasterKey,
    record::{KeyState, SigningKeyRecord},
};

mod plan;

pub use plan::{KeyChange, KeyPolicy, max_age, next_change, plan, rotate, withdraw};

/// The `typ` of access tokens (RFC 9068 §2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// The keys of the ring, opened: those that sign, and the set that is published.
#[derive(Clone)]
pub struct KeyRing {
    /// In the order of the policy, each with the header of its access tokens.
    signing: Vec<Signer>,
    published: KeySet,
}

impl KeyRing {
    /// Opens the keys that are published.
    ///
    /// # Errors
    /// [`IssuerError::WrongMasterKey`] when one does not open, [`IssuerError::DamagedKey`] when it
    /// is no key.
    pub fn open(
        records: &[SigningKeyRecord],
        policy: &KeyPolicy,
        master: &MasterKey,
    ) -> Result<Self, IssuerError> {
        let mut signing = Vec::new();
        let mut published = Vec::new();
        for record in records.iter().filter(|record| record.state.is_published()) {
            let key = record.open(master)?;
            published.push(key.verifying_key());
            if record.state == KeyState::Signing {
                signing.push(Signer::new(key).typ(ACCESS_TOKEN));
            }
        }
        let rank = |algorithm| policy.algorithms.iter().position(|used| *used == algorithm);
        signing.sort_by_key(|signer| rank(signer.key().algorithm()).unwrap_or(usize::MAX));
        Ok(Self {
            signing,
            published: KeySet::new(published)?,
        })
    }

    /// The key that signs with the algorithm, or with the ring's first while the wanted one may not
    /// sign yet.
    ///
    /// # Errors
    /// [`IssuerError::NoSigningKey`] when none signs at all: apply the [`plan`] first.
    pub fn signing(&self, wanted: Option<Algorithm>) -> Result<&SigningKey, IssuerError> {
        self.signer(wanted).map(Signer::key)
    }

    /// What makes access tokens with that key.
    ///
    /// # Errors
    /// As [`KeyRing::signing`].
    pub(crate) fn signer(&self, wanted: Option<Algorithm>) -> Result<&Signer, IssuerError> {
        let exact =
            |signer: &&Signer| wanted.is_none_or(|wanted| signer.key().algorithm() == wanted);
        self.signing
            .iter()
            .find(exact)
            .or_else(|| self.signing.first())
            .ok_or(IssuerError::NoSigningKey)
    }

    /// The public halves of the pending, signing and retiring keys: what verifiers fetch.
    pub const fn published(&self) -> &KeySet {
        &self.published
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("signing", &self.signing)
            .field("published", &self.published.len())
            .finish()
    }
}

impl SigningKeyRecord {
    /// Makes a key for [`KeyChange::Create`] and seals it. Asymmetric keys are named by their
    /// thumbprint (RFC 7638); `kid` names those that have none.
    ///
    /// # Errors
    /// [`IssuerError::Key`] or [`IssuerError::Crypto`] when the crypto backend fails.
    pub fn generate(
        algorithm: Algorithm,
        state: KeyState,
        kid: impl Into<String>,
        master: &MasterKey,
        now: UnixTime,
    ) -> Result<Self, IssuerError> {
        let mut key = SigningKey::generate(algorithm)?;
        if key.key_id().is_none() {
            key = key.with_key_id(kid);
        }
        let kid = String::from(key.key_id().unwrap_or_default());
        let private = key.to_jwk().to_json();
        let sealed = master.seal(private.expose().as_bytes(), &context(&kid, algorithm))?;
        let mut record = Self {
            kid,
            algorithm,
            sealed: Some(sealed),
            state: KeyState::Pending,
            created_at: now,
            signing_at: None,
            retiring_at: None,
            gone_at: None,
        };
        record.enter(state, now);
        Ok(record)
    }

    /// Moves the key on in its life, with the time of it; leaving the set destroys the private
    /// half.
    pub fn enter(&mut self, state: KeyState, now: UnixTime) {
        self.state = state;
        match state {
            KeyState::Pending => {}
            KeyState::Signing => self.signing_at = Some(now),
            KeyState::Retiring => self.retiring_at = Some(now),
            KeyState::Gone | KeyState::Withdrawn => {
                self.gone_at = Some(now);
                self.sealed = None;
            }
        }
    }

    /// The same key under another master key. A destroyed one stays destroyed.
    ///
    /// # Errors
    /// [`IssuerError::WrongMasterKey`] when it does not open under the old one.
    pub fn reseal(&self, old: &MasterKey, new: &MasterKey) -> Result<Self, IssuerError> {
        let context = context(&self.kid, self.algorithm);
        let sealed = match &self.sealed {
            None => None,
            Some(sealed) => {
                let private = old.open(sealed, &context, || self.name())?;
                Some(new.seal(private.expose(), &context)?)
            }
        };
        Ok(Self {
            sealed,
            ..self.clone()
        })
    }

    fn open(&self, master: &MasterKey) -> Result<SigningKey, IssuerError> {
        let sealed = self
            .sealed
            .as_ref()
            .ok_or_else(|| IssuerError::MissingKey {
                kid: self.kid.clone(),
            })?;
        let context = context(&self.kid, self.algorithm);
        let private = master.open(sealed, &context, || self.name())?;
        let damaged = |source| IssuerError::DamagedKey {
            kid: self.kid.clone(),
            source,
        };
        let jwk = Jwk::from_json(private.expose()).map_err(damaged)?;
        let key = SigningKey::from_jwk(&jwk).map_err(damaged)?;
        Ok(key.with_key_id(self.kid.clone()))
    }

    fn name(&self) -> String {
        format!("the signing key {}", self.kid)
    }
}

impl KeyState {
    /// Whether the public half is in the key set.
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Pending | Self::Signing | Self::Retiring)
    }
}

fn context(kid: &str, algorithm: Algorithm) -> Vec<u8> {
    format!("countersign signing key v1 {} {kid}", algorithm.name()).into_bytes()
}
