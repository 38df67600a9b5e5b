//! A set of keys, from which a token's header selects exactly one or none.

use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::error::KeyError;
use super::jwk::Jwk;
use super::verifying::VerifyingKey;
use crate::algorithm::Algorithm;
use crate::json;

/// Keys that check signatures. Cloning it is cheap.
///
/// ```
/// use countersign::{Algorithm, KeySet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("a");
/// let published = KeySet::new([key.verifying_key()])?.to_json();
/// let fetched = KeySet::from_json(published.as_bytes())?;
/// assert!(fetched.get("a").is_some());
/// assert!(!published.contains(r#""d":"#));
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct KeySet(Arc<Inner>);

#[derive(Default)]
struct Inner {
    keys: Vec<VerifyingKey>,
    /// Places in `keys` of those that have an id, in the order of the ids.
    by_id: Vec<usize>,
}

impl KeySet {
    /// Puts keys together.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`] when two have the same `kid` and the same algorithm.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let set = Self::of(keys.into_iter().collect());
        if set.repeated_ids().next().is_some() {
            return Err(KeyError::DuplicateKeyId);
        }
        Ok(set)
    }

    fn of(keys: Vec<VerifyingKey>) -> Self {
        let mut by_id: Vec<usize> = (0..keys.len())
            .filter(|at| keys[*at].key_id().is_some())
            .collect();
        by_id.sort_by_key(|at| (keys[*at].key_id(), keys[*at].algorithm()));
        Self(Arc::new(Inner { keys, by_id }))
    }

    /// Reads a JWK Set (RFC 7517 §5) that anyone may have seen: a published one.
    ///
    /// As §5 asks, a key that is not understood, or not fit for checking signatures, is passed over.
    /// So are shared secrets: a secret that was published is none. An RSA key that does not say its
    /// `alg` is taken for RS256, since large issuers publish such keys. Of a private key only the
    /// public half is kept.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it is not strict JSON, an object with an array `keys`.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let mut keys: Vec<VerifyingKey> = Vec::new();
        for member in members(json.as_ref())? {
            let Ok(jwk) = serde_json::from_value::<Jwk>(member) else {
                continue;
            };
            if jwk.is_shared_secret() {
                continue;
            }
            let key = VerifyingKey::from_jwk(&jwk).or_else(|error| match error {
                KeyError::NoAlgorithm => {
                    VerifyingKey::from_jwk(&jwk.for_algorithm(Algorithm::RS256)?)
                }
                error => Err(error),
            });
            if let Ok(key) = key
                && !keys
                    .iter()
                    .any(|known| known.is(&key) && known.key_id() == key.key_id())
            {
                keys.push(key);
            }
        }
        Ok(Self::of(keys))
    }

    /// Reads a JWK Set of one's own, that was kept secret: shared secrets in it are keys too.
    ///
    /// One's own file should be right: a key that is not sound is an error here. Keys that are not
    /// for signatures (`use`, `key_ops`) or of another type are passed over.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json) and [`new`](Self::new), and what is wrong with a key;
    /// [`KeyError::MixedSet`] when shared secrets and key pairs stand in one set.
    pub fn from_private_json(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let mut keys: Vec<VerifyingKey> = Vec::new();
        for member in members(json.as_ref())? {
            let jwk = Jwk::from_json(member.to_string());
            match jwk.and_then(|jwk| VerifyingKey::from_jwk(&jwk)) {
                Ok(key) => keys.push(key),
                Err(KeyError::NotForThisUse | KeyError::UnsupportedKeyType) => {}
                Err(error) => return Err(error),
            }
        }
        let shared = keys
            .iter()
            .filter(|key| key.algorithm().is_symmetric())
            .count();
        if shared != 0 && shared != keys.len() {
            return Err(KeyError::MixedSet);
        }
        Self::new(keys)
    }

    /// The set as a JWK Set with the public halves only; shared secrets are left out.
    pub fn to_json(&self) -> String {
        let keys: Vec<String> = self
            .iter()
            .filter_map(|key| key.to_jwk().to_public_json())
            .collect();
        alloc::format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// The key of that id; if several algorithms share the id, any one of them.
    pub fn get(&self, key_id: &str) -> Option<&VerifyingKey> {
        self.named(key_id).next()
    }

    /// The keys in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.keys.iter()
    }

    /// The keys of this set that are to be kept, in their order.
    #[must_use]
    pub fn filtered(&self, keep: impl FnMut(&&VerifyingKey) -> bool) -> Self {
        Self::of(self.iter().filter(keep).cloned().collect())
    }

    /// The ids that several different keys of one algorithm have, as a set that was
    /// [read](Self::from_json) may: a token that names one of them is refused, because it could mean
    /// any of these keys. The other keys of the set are good.
    pub fn repeated_ids(&self) -> impl Iterator<Item = &str> {
        self.0.by_id.windows(2).filter_map(|pair| {
            let [one, other] = [pair.first()?, pair.get(1)?].map(|at| &self.0.keys[*at]);
            let same = one.key_id() == other.key_id() && one.algorithm() == other.algorithm();
            same.then(|| one.key_id()).flatten()
        })
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.keys.len()
    }

    /// Whether there is no key at all; such a set verifies nothing.
    pub fn is_empty(&self) -> bool {
        self.0.keys.is_empty()
    }

    /// Whether this very key, for the same algorithm, is in the set; ids do not matter.
    pub fn contains(&self, key: &VerifyingKey) -> bool {
        self.iter().any(|known| known.is(key))
    }

    /// The one key a header means: of its id, or, if no key has that id, the only one without an
    /// id; of the only one at all that fits, if the header names none.
    pub(crate) fn select(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&VerifyingKey, Unselected> {
        let fits = |key: &&VerifyingKey| key.algorithm() == algorithm;
        let Some(key_id) = key_id else {
            return only(self.iter().filter(fits));
        };
        if self.named(key_id).next().is_none() {
            return only(
                self.iter()
                    .filter(|key| key.key_id().is_none())
                    .filter(fits),
            );
        }
        match only(self.named(key_id).filter(fits)) {
            Err(Unselected::NoneFits) => Err(Unselected::OtherAlgorithm),
            selected => selected,
        }
    }

    fn named<'a>(&'a self, key_id: &str) -> impl Iterator<Item = &'a VerifyingKey> {
        let Inner { keys, by_id } = &*self.0;
        let start = by_id.partition_point(|at| keys[*at].key_id() < Some(key_id));
        by_id[start..]
            .iter()
            .map(|at| &keys[*at])
            .take_while(move |key| key.key_id() == Some(key_id))
    }
}

fn members(json: &[u8]) -> Result<Vec<Value>, KeyError> {
    #[derive(serde::Deserialize)]
    struct Members {
        keys: Vec<Value>,
    }
    json::object(json)
        .map(|members: Members| members.keys)
        .map_err(|_| KeyError::Malformed("the key set is not strict JSON with an array `keys`"))
}

/// Why a header selects no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unselected {
    NoneFits,
    SeveralFit,
    OtherAlgorithm,
}

impl Unselected {
    /// Of two refusals the one that says more.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::NoneFits { other } else { self }
    }
}

fn only<'a>(
    mut keys: impl Iterator<Item = &'a VerifyingKey>,
) -> Result<&'a VerifyingKey, Unselected> {
    let key = keys.next().ok_or(Unselected::NoneFits)?;
    if keys.next().is_some() {
        Err(Unselected::SeveralFit)
    } else {
        Ok(key)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
