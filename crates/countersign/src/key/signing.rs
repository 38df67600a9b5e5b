//! A key that makes signatures.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use super::error::KeyError;
use super::jwk::Jwk;
use super::material::Material;
use super::verifying::VerifyingKey;
use super::{der, pem};
use crate::algorithm::{Algorithm, Scheme};
use crate::crypto::{CryptoError, Signing, generate};
use crate::secret::{Secret, SecretString};

/// A private key or a shared secret, bound to one algorithm when it was made. Cloning it is cheap.
///
/// ```
/// use countersign::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("2026-11");
/// assert_eq!(key.verifying_key().key_id(), Some("2026-11"));
/// assert!(SigningKey::from_secret(Algorithm::HS256, b"secret").is_err()); // too short
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    inner: Arc<Inner>,
    verifying: VerifyingKey,
}

struct Inner {
    material: Material,
    prepared: Signing,
}

impl SigningKey {
    /// A new key from the system's randomness: RSA with 2048 bits, a shared secret as long as the hash.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the system has no randomness to give.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let material = match algorithm.scheme() {
            Scheme::Hmac(hash) => Material::Shared(generate::secret(hash.len())?),
            Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) => {
                der::private_key_info(generate::rsa()?.expose())?
            }
            Scheme::Ecdsa(curve) => Material::ec_pair(curve, generate::ecdsa(curve)?, None)?,
            Scheme::Ed25519 => Material::ed25519_pair(generate::secret(32)?, None)?,
            #[cfg(feature = "ml-dsa")]
            Scheme::MlDsa(set) => Material::ml_dsa_pair(set, generate::secret(32)?, None)?,
        };
        Self::from_checked(algorithm, material, None)
    }

    /// A shared secret, at least as long as the hash: 32, 48 or 64 bytes (RFC 7518 §3.2).
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`], [`KeyError::WrongAlgorithm`] for one that is not HMAC.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::from_secret(algorithm, secret)?;
        Self::shared(verifying, secret)
    }

    /// A shared secret of any length, for a system that still uses one; see
    /// [`VerifyingKey::from_weak_secret_insecurely`] for what that costs.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for an empty one, [`KeyError::WrongAlgorithm`] where it is not HMAC.
    pub fn from_weak_secret_insecurely(
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::from_weak_secret_insecurely(algorithm, secret)?;
        Self::shared(verifying, secret)
    }

    fn shared(verifying: VerifyingKey, secret: &[u8]) -> Result<Self, KeyError> {
        let Scheme::Hmac(hash) = verifying.algorithm().scheme() else {
            return Err(KeyError::WrongAlgorithm(verifying.algorithm()));
        };
        let material = Material::Shared(Secret::new(secret));
        let prepared = Signing::hmac(hash, secret);
        Ok(Self {
            inner: Arc::new(Inner { material, prepared }),
            verifying,
        })
    }

    /// A private key from DER: a PKCS#8 `PrivateKeyInfo`.
    ///
    /// # Errors
    /// What is wrong with the bytes or the key, or that it is not one for `algorithm`.
    pub fn from_pkcs8_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::from_checked(algorithm, der::private_key_info(der)?, None)
    }

    /// A private key from PEM: `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`.
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der); [`KeyError::NotPrivate`] for a public key.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        Self::from_checked(algorithm, pem::read(pem)?, None)
    }

    /// A private key or shared secret from a JWK.
    ///
    /// The algorithm is what `alg` says, else the only one the key's type allows.
    ///
    /// # Errors
    /// [`KeyError::NotPrivate`] for a public key, [`KeyError::NoAlgorithm`] where several are
    /// possible, [`KeyError::NotForThisUse`] where `use` or `key_ops` forbid it, and all that can be
    /// wrong with the key itself.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        jwk.allows("sign")?;
        let algorithm = jwk.bound_algorithm()?;
        Self::from_checked(algorithm, jwk.material.clone(), jwk.key_id.as_deref())
    }

    fn from_checked(
        algorithm: Algorithm,
        material: Material,
        key_id: Option<&str>,
    ) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::from_checked(algorithm, &material, key_id)?;
        let prepared = match (&material, algorithm.scheme()) {
            (Material::Shared(secret), Scheme::Hmac(hash)) => Signing::hmac(hash, secret.expose()),
            (Material::Pair(public, private), _) => private.signing(public, algorithm)?,
            (Material::Public(_), _) => return Err(KeyError::NotPrivate),
            (Material::Shared(_), _) => return Err(KeyError::WrongAlgorithm(algorithm)),
        };
        Ok(Self {
            inner: Arc::new(Inner { material, prepared }),
            verifying,
        })
    }

    /// The private key as a DER PKCS#8 `PrivateKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Symmetric`] for a shared secret.
    pub fn to_pkcs8_der(&self) -> Result<Secret, KeyError> {
        der::to_private_key_info(&self.inner.material).ok_or(KeyError::Symmetric)
    }

    /// The private key as PEM, `PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyError::Symmetric`] for a shared secret.
    pub fn to_pem(&self) -> Result<SecretString, KeyError> {
        let text = pem::armour("PRIVATE KEY", self.to_pkcs8_der()?.expose());
        Ok(SecretString::new(text.as_str()))
    }

    /// The key as a private JWK.
    pub fn to_jwk(&self) -> Jwk {
        Jwk::new(self.inner.material.clone(), self.algorithm(), self.key_id())
    }

    /// The key that checks what this one signs; for a shared secret, the same secret.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// The algorithm the key is bound to.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The `kid` that tokens will carry; see [`VerifyingKey::key_id`].
    pub fn key_id(&self) -> Option<&str> {
        self.verifying.key_id()
    }

    /// The same key under another `kid`, which is cut off after 256 bytes.
    pub fn with_key_id(self, key_id: impl Into<String>) -> Self {
        Self {
            inner: self.inner,
            verifying: self.verifying.with_key_id(key_id),
        }
    }

    /// Signs the text so far and appends the signature to it in the given spelling.
    pub(crate) fn sign_and_append(
        &self,
        text: &mut String,
        append: fn(&[u8], &mut String),
    ) -> Result<(), CryptoError> {
        self.inner.prepared.sign_and_append(text, append)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("key_id", &self.key_id())
            .finish_non_exhaustive()
    }
}
