//! A key that checks signatures.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::error::KeyError;
use super::jwk::{Jwk, MAX_KEY_ID, thumbprint};
use super::material::{Material, Public};
use super::{der, pem, strength};
use crate::algorithm::{Algorithm, Scheme};
use crate::base64url;
use crate::crypto::Verifying;
use crate::secret::Secret;

/// A key that checks signatures, bound to one algorithm when it was made. Cloning it is cheap.
///
/// ```
/// use countersign::{Algorithm, SigningKey, VerifyingKey};
///
/// let signing = SigningKey::generate(Algorithm::EdDSA)?;
/// let verifying: VerifyingKey = signing.verifying_key();
/// let copy = VerifyingKey::from_pem(Algorithm::EdDSA, &verifying.to_pem()?)?;
/// assert_eq!(copy.thumbprint(), verifying.thumbprint());
/// // A key never crosses over to another algorithm.
/// assert!(VerifyingKey::from_pem(Algorithm::ES256, &verifying.to_pem()?).is_err());
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    algorithm: Algorithm,
    key_id: Option<String>,
    thumbprint: [u8; 32],
    written: Written,
    prepared: Verifying,
}

#[derive(Clone)]
enum Written {
    Shared(Secret),
    Public(Public),
}

impl VerifyingKey {
    /// A shared secret, at least as long as the hash: 32, 48 or 64 bytes (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`], [`KeyError::WrongAlgorithm`] for one that is not HMAC.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if let Scheme::Hmac(hash) = algorithm.scheme() {
            strength::of_secret(algorithm, hash, secret)?;
        }
        Self::shared(algorithm, secret)
    }

    /// A shared secret of any length, for tokens of a system that still uses one.
    ///
    /// Whoever sees one token signed with a short or guessable secret can find the secret at
    /// leisure and then sign as they like. Replace it; until then, this is the way in.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for an empty one, [`KeyError::WrongAlgorithm`] where it is not HMAC.
    pub fn from_weak_secret_insecurely(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::Malformed("the secret is empty"));
        }
        Self::shared(algorithm, secret)
    }

    fn shared(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Self::from_material(algorithm, &Material::Shared(Secret::new(secret)))
    }

    /// A public key from PEM: `PUBLIC KEY`, `RSA PUBLIC KEY`, or the public half of a private one.
    ///
    /// # Errors
    /// What is wrong with the text or the key, or that it is not one for `algorithm`.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        Self::from_checked(algorithm, &pem::read(pem)?, None)
    }

    /// A public key from DER: a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_spki_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::from_checked(algorithm, &der::public_key_info(der)?, None)
    }

    /// A key from a JWK; of a private one, the public half.
    ///
    /// The algorithm is what `alg` says, else the only one the key's type allows.
    ///
    /// # Errors
    /// [`KeyError::NoAlgorithm`] where several are possible, [`KeyError::NotForThisUse`] where
    /// `use` or `key_ops` forbid it, and all that can be wrong with the key itself.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        jwk.allows("verify")?;
        Self::from_checked(jwk.bound_algorithm()?, &jwk.material, jwk.key_id.as_deref())
    }

    /// Checks strength, prepares, and gives an asymmetric key its thumbprint as id.
    pub(super) fn from_checked(
        algorithm: Algorithm,
        material: &Material,
        key_id: Option<&str>,
    ) -> Result<Self, KeyError> {
        if let (Scheme::Hmac(hash), Material::Shared(secret)) = (algorithm.scheme(), material) {
            strength::of_secret(algorithm, hash, secret.expose())?;
        }
        let key = Self::from_material(algorithm, material)?;
        Ok(match key_id {
            Some(key_id) => key.with_key_id(key_id),
            None => key,
        })
    }

    pub(super) fn from_material(
        algorithm: Algorithm,
        material: &Material,
    ) -> Result<Self, KeyError> {
        let (written, prepared) = match (material, material.public(), algorithm.scheme()) {
            (Material::Shared(secret), _, Scheme::Hmac(hash)) => (
                Written::Shared(secret.clone()),
                Verifying::hmac(hash, secret.expose()),
            ),
            (_, Some(public), _) => (
                Written::Public(public.clone()),
                public.verifying(algorithm)?,
            ),
            _ => return Err(KeyError::WrongAlgorithm(algorithm)),
        };
        let thumbprint = thumbprint(material);
        let key_id = material.public().map(|_| base64url::encode(&thumbprint));
        Ok(Self(Arc::new(Inner {
            algorithm,
            key_id,
            thumbprint,
            written,
            prepared,
        })))
    }

    /// The key as a JWK: public, except for a shared secret, which has no other form.
    ///
    /// [`Jwk`] gives private members away only through [`Jwk::to_json`].
    pub fn to_jwk(&self) -> Jwk {
        Jwk::new(self.material(), self.0.algorithm, self.key_id())
    }

    pub(super) fn material(&self) -> Material {
        match &self.0.written {
            Written::Shared(secret) => Material::Shared(secret.clone()),
            Written::Public(public) => Material::Public(public.clone()),
        }
    }

    /// The key as a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Symmetric`] for a shared secret.
    pub fn to_spki_der(&self) -> Result<Vec<u8>, KeyError> {
        match &self.0.written {
            Written::Shared(_) => Err(KeyError::Symmetric),
            Written::Public(public) => Ok(der::to_public_key_info(public)),
        }
    }

    /// The key as PEM, `PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError::Symmetric`] for a shared secret.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        Ok(pem::armour("PUBLIC KEY", &self.to_spki_der()?)
            .as_str()
            .into())
    }

    /// The algorithm the key is bound to.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The `kid` by which tokens name this key: for an asymmetric key its RFC 7638 thumbprint in
    /// base64url unless another was given; for a shared secret none unless given.
    pub fn key_id(&self) -> Option<&str> {
        self.0.key_id.as_deref()
    }

    /// The same key under another `kid`, which is cut off after 256 bytes.
    pub fn with_key_id(self, key_id: impl Into<String>) -> Self {
        let mut key_id = key_id.into();
        while key_id.len() > MAX_KEY_ID {
            key_id.pop();
        }
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.key_id = Some(key_id);
        Self(Arc::new(inner))
    }

    /// The RFC 7638 thumbprint (SHA-256).
    ///
    /// Of a shared secret it is a hash of that secret: keep it as close as the secret itself.
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.0.thumbprint
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.prepared.verify(message, signature)
    }

    /// Whether both are the same key for the same algorithm, whatever their ids.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.algorithm == other.0.algorithm && self.0.thumbprint == other.0.thumbprint)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.0.algorithm)
            .field("key_id", &self.0.key_id)
            .finish_non_exhaustive()
    }
}
