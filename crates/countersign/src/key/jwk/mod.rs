//! A key as JSON (RFC 7517, RFC 7518 §6, RFC 8037), and its thumbprint (RFC 7638).

mod members;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, SerializeMap as _, Serializer};

use self::members::Members;
use super::error::KeyError;
use super::material::{Material, Private, Public};
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::crypto::sha256;
use crate::json;
use crate::secret::SecretString;

/// The longest `kid`, in bytes.
pub(super) const MAX_KEY_ID: usize = 256;

/// One JSON Web Key, public or private, as it is written down.
///
/// What it says of itself (`alg`, `use`, `key_ops`, `kid`) is kept and honoured when a
/// [`SigningKey`](crate::SigningKey) or [`VerifyingKey`](crate::VerifyingKey) is made from it.
/// `x5c`, `x5u` and all other members are dropped: a certificate never stands in for a key here.
///
/// Serialising gives the public members only, and fails for a shared secret, which has none;
/// the private form leaves only through [`to_json`](Self::to_json).
///
/// ```
/// use countersign::{Algorithm, Jwk, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::ES256)?;
/// let private = key.to_jwk();
/// assert!(private.to_json().expose().contains(r#""d":"#));
/// assert!(!private.to_public_json().unwrap().contains(r#""d":"#));
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Jwk {
    pub(super) material: Material,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_id: Option<String>,
    key_use: Option<String>,
    operations: Option<Vec<String>>,
}

impl Jwk {
    pub(super) fn new(material: Material, algorithm: Algorithm, key_id: Option<&str>) -> Self {
        Self {
            material,
            algorithm: Some(algorithm),
            key_id: key_id.map(String::from),
            key_use: None,
            operations: None,
        }
    }

    /// Reads one JWK. Repeated names, a wrong type of a known member and base64url with padding
    /// are refused; unknown members are passed over (RFC 7517 §4).
    ///
    /// # Errors
    /// [`KeyError`] says which member is missing or wrong.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let members: Members = json::object(json.as_ref()).map_err(|_| {
            KeyError::Malformed("the JWK is not strict JSON with members of the right types")
        })?;
        members.try_into()
    }

    /// The key as JSON, private members included.
    pub fn to_json(&self) -> SecretString {
        let view = View {
            jwk: self,
            private: true,
        };
        SecretString::new(serde_json::to_string(&view).unwrap_or_default())
    }

    /// The public members as JSON; `None` for a shared secret.
    pub fn to_public_json(&self) -> Option<String> {
        self.material.public()?;
        serde_json::to_string(&View {
            jwk: self,
            private: false,
        })
        .ok()
    }

    /// Whether this JWK can sign: it holds a private key or a shared secret.
    pub fn is_private(&self) -> bool {
        !matches!(self.material, Material::Public(_))
    }

    pub(super) fn is_shared_secret(&self) -> bool {
        matches!(self.material, Material::Shared(_))
    }

    /// What `alg` says, where it is given.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// What `kid` says, where it is given.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The same key under another `kid`, which is cut off after 256 bytes.
    pub fn with_key_id(mut self, key_id: impl Into<String>) -> Self {
        let mut key_id = key_id.into();
        while key_id.len() > MAX_KEY_ID {
            key_id.pop();
        }
        self.key_id = Some(key_id);
        self
    }

    /// Says which algorithm the key is for, where the JWK does not.
    ///
    /// # Errors
    /// [`KeyError::WrongAlgorithm`] when the JWK says another, or the kind of key does not allow it.
    pub fn for_algorithm(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        let agrees = self.algorithm.is_none_or(|own| own == algorithm);
        if !agrees || !self.material.fits(algorithm) {
            return Err(KeyError::WrongAlgorithm(algorithm));
        }
        self.algorithm = Some(algorithm);
        Ok(self)
    }

    /// The RFC 7638 thumbprint with SHA-256.
    ///
    /// Of a shared secret it is a hash of that secret: as good as secret itself.
    pub fn thumbprint(&self) -> [u8; 32] {
        thumbprint(&self.material)
    }

    /// The algorithm to bind the key to: what it says, else what its kind leaves no choice about.
    pub(super) fn bound_algorithm(&self) -> Result<Algorithm, KeyError> {
        let algorithm = match self.algorithm {
            Some(algorithm) => algorithm,
            None => self
                .material
                .only_algorithm()
                .ok_or(KeyError::NoAlgorithm)?,
        };
        if self.material.fits(algorithm) {
            Ok(algorithm)
        } else {
            Err(KeyError::WrongAlgorithm(algorithm))
        }
    }

    /// Whether `use` and `key_ops` leave room for this operation. The private half of a pair that
    /// may sign has a public half that may verify.
    pub(super) fn allows(&self, operation: &str) -> Result<(), KeyError> {
        let for_signatures = self
            .key_use
            .as_deref()
            .is_none_or(|key_use| key_use == "sig");
        let is_pair = matches!(self.material, Material::Pair(..));
        let named = self.operations.as_ref().is_none_or(|operations| {
            operations
                .iter()
                .any(|named| named == operation || (is_pair && named == "sign"))
        });
        if for_signatures && named {
            Ok(())
        } else {
            Err(KeyError::NotForThisUse)
        }
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("private", &self.is_private())
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Writes the public members; an error for a shared secret.
impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.material.public().is_none() {
            return Err(S::Error::custom("a shared secret has no public form"));
        }
        View {
            jwk: self,
            private: false,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Members::deserialize(deserializer)?
            .try_into()
            .map_err(D::Error::custom)
    }
}

/// RFC 7638 §3: the required members in the order of their names, no white space, hashed.
pub(super) fn thumbprint(material: &Material) -> [u8; 32] {
    let b64 = base64url::encode;
    let json = match (material, material.public()) {
        (_, Some(Public::Rsa { n, e })) => {
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64(e), b64(n))
        }
        (_, Some(Public::Ec { curve, x, y })) => {
            let crv = curve.name();
            format!(
                r#"{{"crv":"{crv}","kty":"EC","x":"{}","y":"{}"}}"#,
                b64(x),
                b64(y)
            )
        }
        (_, Some(Public::Ed25519 { x })) => {
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x))
        }
        #[cfg(feature = "ml-dsa")]
        (_, Some(Public::MlDsa { set, key })) => {
            let alg = set.algorithm();
            format!(r#"{{"alg":"{alg}","kty":"AKP","pub":"{}"}}"#, b64(key))
        }
        (Material::Shared(secret), None) => {
            format!(r#"{{"k":"{}","kty":"oct"}}"#, b64(secret.expose()))
        }
        // Only a shared secret has no public half.
        (_, None) => String::new(),
    };
    sha256(zeroize::Zeroizing::new(json).as_bytes())
}

/// A JWK on its way out.
struct View<'a> {
    jwk: &'a Jwk,
    private: bool,
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let jwk = self.jwk;
        let mut map = serializer.serialize_map(None)?;
        let mut put = |name: &str, bytes: &[u8]| {
            let text = zeroize::Zeroizing::new(base64url::encode(bytes));
            map.serialize_entry(name, text.as_str())
        };
        match jwk.material.public() {
            Some(Public::Rsa { n, e }) => {
                put("n", n)?;
                put("e", e)?;
            }
            Some(Public::Ec { x, y, .. }) => {
                put("x", x)?;
                put("y", y)?;
            }
            Some(Public::Ed25519 { x }) => put("x", x)?,
            #[cfg(feature = "ml-dsa")]
            Some(Public::MlDsa { key, .. }) => put("pub", key)?,
            None => {}
        }
        if self.private {
            match &jwk.material {
                Material::Shared(secret) => put("k", secret.expose())?,
                #[cfg(feature = "ml-dsa")]
                Material::Pair(Public::MlDsa { .. }, Private::Scalar(seed)) => {
                    put("priv", seed.expose())?;
                }
                Material::Pair(_, Private::Scalar(d)) => put("d", d.expose())?,
                Material::Pair(_, Private::Rsa(rsa)) => {
                    put("d", rsa.d.expose())?;
                    put("p", rsa.p.expose())?;
                    put("q", rsa.q.expose())?;
                    put("dp", rsa.dp.expose())?;
                    put("dq", rsa.dq.expose())?;
                    put("qi", rsa.qi.expose())?;
                }
                Material::Public(_) => {}
            }
        }
        match jwk.material.public() {
            Some(Public::Rsa { .. }) => map.serialize_entry("kty", "RSA")?,
            Some(Public::Ec { curve, .. }) => {
                map.serialize_entry("kty", "EC")?;
                map.serialize_entry("crv", curve.name())?;
            }
            Some(Public::Ed25519 { .. }) => {
                map.serialize_entry("kty", "OKP")?;
                map.serialize_entry("crv", "Ed25519")?;
            }
            #[cfg(feature = "ml-dsa")]
            Some(Public::MlDsa { .. }) => map.serialize_entry("kty", "AKP")?,
            None => map.serialize_entry("kty", "oct")?,
        }
        if let Some(key_id) = &jwk.key_id {
            map.serialize_entry("kid", key_id)?;
        }
        if let Some(algorithm) = jwk.algorithm {
            map.serialize_entry("alg", algorithm.name())?;
        }
        if self.private {
            if let Some(operations) = &jwk.operations {
                map.serialize_entry("key_ops", operations)?;
            }
            if let Some(key_use) = &jwk.key_use {
                map.serialize_entry("use", key_use)?;
            }
        } else {
            map.serialize_entry("use", "sig")?;
        }
        map.end()
    }
}
