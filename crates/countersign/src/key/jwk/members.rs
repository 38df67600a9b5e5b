//! A JWK on its way in: from members as they are written to the numbers of a key.
//!
//! Lengths, alphabets and what each type requires are checked here; strength and whether the
//! numbers belong together, where a key is made of them.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Jwk, MAX_KEY_ID};
use crate::algorithm::{Algorithm, Curve};
use crate::base64url;
use crate::key::error::KeyError;
use crate::key::material::{Material, Private, Public, RsaPrivate};
use crate::secret::{Secret, SecretString};

/// Every member this crate knows, unchecked.
#[derive(serde::Deserialize)]
pub(super) struct Members {
    kty: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<SecretString>,
    d: Option<SecretString>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
    oth: Option<serde::de::IgnoredAny>,
    #[cfg(feature = "ml-dsa")]
    #[serde(rename = "pub")]
    public: Option<String>,
    #[cfg(feature = "ml-dsa")]
    #[serde(rename = "priv")]
    seed: Option<SecretString>,
}

impl TryFrom<Members> for Jwk {
    type Error = KeyError;

    fn try_from(members: Members) -> Result<Self, KeyError> {
        let material = match members
            .kty
            .as_deref()
            .ok_or(KeyError::MissingMember("kty"))?
        {
            "oct" => {
                let secret = members.k.as_ref().ok_or(KeyError::MissingMember("k"))?;
                Material::Shared(secret_bytes("k", secret)?)
            }
            "RSA" => members.rsa()?,
            "EC" => members.ec()?,
            "OKP" => members.okp()?,
            #[cfg(feature = "ml-dsa")]
            "AKP" => members.akp()?,
            _ => return Err(KeyError::UnsupportedKeyType),
        };
        let algorithm = members
            .alg
            .map(|name| Algorithm::from_name(&name).ok_or(KeyError::UnsupportedAlgorithm))
            .transpose()?;
        if members
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > MAX_KEY_ID)
        {
            return Err(KeyError::BadMember("kid"));
        }
        if let Some(operations) = &members.key_ops {
            let repeated = |(at, name)| {
                operations
                    .iter()
                    .take(at)
                    .any(|earlier: &String| earlier == name)
            };
            if operations.iter().enumerate().any(repeated) {
                return Err(KeyError::BadMember("key_ops"));
            }
        }
        Ok(Self {
            material,
            algorithm,
            key_id: members.kid,
            key_use: members.key_use,
            operations: members.key_ops,
        })
    }
}

impl Members {
    fn rsa(&self) -> Result<Material, KeyError> {
        let public = Public::Rsa {
            n: positive("n", self.n.as_ref())?,
            e: positive("e", self.e.as_ref())?,
        };
        if self.oth.is_some() {
            return Err(KeyError::BadMember("oth"));
        }
        let Some(d) = &self.d else {
            return Ok(Material::Public(public));
        };
        let part = |name, value: &Option<SecretString>| {
            secret_bytes(name, value.as_ref().ok_or(KeyError::MissingMember(name))?)
        };
        let private = RsaPrivate {
            d: secret_bytes("d", d)?,
            p: part("p", &self.p)?,
            q: part("q", &self.q)?,
            dp: part("dp", &self.dp)?,
            dq: part("dq", &self.dq)?,
            qi: part("qi", &self.qi)?,
        };
        Ok(Material::Pair(public, Private::Rsa(private)))
    }

    fn ec(&self) -> Result<Material, KeyError> {
        let name = self.crv.as_deref().ok_or(KeyError::MissingMember("crv"))?;
        let curve = Curve::from_name(name).ok_or(KeyError::UnsupportedKeyType)?;
        let x = fixed("x", self.x.as_ref(), curve.len())?;
        let y = fixed("y", self.y.as_ref(), curve.len())?;
        match &self.d {
            None => Ok(Material::Public(Public::Ec { curve, x, y })),
            Some(d) => {
                let d = secret_bytes("d", d)?;
                if d.expose().len() != curve.len() {
                    return Err(KeyError::BadMember("d"));
                }
                Material::ec_pair(curve, d, Some((x, y)))
            }
        }
    }

    fn okp(&self) -> Result<Material, KeyError> {
        if self.crv.as_deref().ok_or(KeyError::MissingMember("crv"))? != "Ed25519" {
            return Err(KeyError::UnsupportedKeyType);
        }
        let x = fixed("x", self.x.as_ref(), 32)?;
        match &self.d {
            None => Ok(Material::Public(Public::Ed25519 { x })),
            Some(d) => {
                let seed = secret_bytes("d", d)?;
                if seed.expose().len() != 32 {
                    return Err(KeyError::BadMember("d"));
                }
                Material::ed25519_pair(seed, Some(x))
            }
        }
    }
}

#[cfg(feature = "ml-dsa")]
impl Members {
    /// RFC 9964 §3: the algorithm is part of the key.
    fn akp(&self) -> Result<Material, KeyError> {
        let name = self.alg.as_deref().ok_or(KeyError::MissingMember("alg"))?;
        let scheme = Algorithm::from_name(name)
            .ok_or(KeyError::UnsupportedAlgorithm)?
            .scheme();
        let crate::algorithm::Scheme::MlDsa(set) = scheme else {
            return Err(KeyError::UnsupportedAlgorithm);
        };
        let key = fixed("pub", self.public.as_ref(), set.public_len())?;
        let Some(seed) = &self.seed else {
            return Ok(Material::Public(Public::MlDsa { set, key }));
        };
        let seed = secret_bytes("priv", seed)?;
        if seed.expose().len() != 32 {
            return Err(KeyError::BadMember("priv"));
        }
        Material::ml_dsa_pair(set, seed, Some(key))
    }
}

fn secret_bytes(name: &'static str, text: &SecretString) -> Result<Secret, KeyError> {
    base64url::decode(text.expose())
        .map(Secret::new)
        .map_err(|_| KeyError::BadMember(name))
}

fn bytes(name: &'static str, text: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let text = text.ok_or(KeyError::MissingMember(name))?;
    base64url::decode(text).map_err(|_| KeyError::BadMember(name))
}

/// `Base64urlUInt` (RFC 7518 §2): no leading zero byte.
fn positive(name: &'static str, text: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(name, text)?;
    if bytes.first().is_none_or(|high| *high == 0) {
        return Err(KeyError::BadMember(name));
    }
    Ok(bytes)
}

/// A coordinate at its full length (RFC 7518 §6.2.1.2).
fn fixed(name: &'static str, text: Option<&String>, length: usize) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(name, text)?;
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(KeyError::BadMember(name))
    }
}
