//! The numbers a key is made of, big-endian, before they are bound to an algorithm.

use alloc::vec::Vec;

use super::error::KeyError;
use super::strength;
#[cfg(feature = "ml-dsa")]
use crate::algorithm::MlDsa;
use crate::algorithm::{Algorithm, Curve, Scheme};
use crate::crypto::{RsaParts, Signing, Verifying, derive};
use crate::secret::Secret;

/// A key of any kind.
#[derive(Clone)]
pub(super) enum Material {
    Shared(Secret),
    Public(Public),
    Pair(Public, Private),
}

#[derive(Clone)]
pub(super) enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ec {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: Vec<u8>,
    },
    #[cfg(feature = "ml-dsa")]
    MlDsa {
        set: MlDsa,
        key: Vec<u8>,
    },
}

#[derive(Clone)]
pub(super) enum Private {
    Rsa(RsaPrivate),
    /// The scalar of an EC key, the seed of an Ed25519 or ML-DSA key.
    Scalar(Secret),
}

#[derive(Clone)]
pub(super) struct RsaPrivate {
    pub(super) d: Secret,
    pub(super) p: Secret,
    pub(super) q: Secret,
    pub(super) dp: Secret,
    pub(super) dq: Secret,
    pub(super) qi: Secret,
}

impl Material {
    /// An EC key pair; the public half is worked out if it is not given.
    pub(super) fn ec_pair(
        curve: Curve,
        d: Secret,
        public: Option<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, KeyError> {
        let (x, y) = match public {
            Some(point) => point,
            None => derive::ecdsa(curve, d.expose()).ok_or(KeyError::Invalid)?,
        };
        Ok(Self::Pair(Public::Ec { curve, x, y }, Private::Scalar(d)))
    }

    /// An Ed25519 key pair; the public half is worked out if it is not given.
    pub(super) fn ed25519_pair(seed: Secret, public: Option<Vec<u8>>) -> Result<Self, KeyError> {
        let x = match public {
            Some(x) => x,
            None => derive::ed25519(seed.expose()).ok_or(KeyError::Invalid)?,
        };
        Ok(Self::Pair(Public::Ed25519 { x }, Private::Scalar(seed)))
    }

    /// An ML-DSA key pair; the public half is worked out if it is not given.
    #[cfg(feature = "ml-dsa")]
    pub(super) fn ml_dsa_pair(
        set: MlDsa,
        seed: Secret,
        public: Option<Vec<u8>>,
    ) -> Result<Self, KeyError> {
        let key = match public {
            Some(key) => key,
            None => derive::ml_dsa(set, seed.expose()).ok_or(KeyError::Invalid)?,
        };
        Ok(Self::Pair(
            Public::MlDsa { set, key },
            Private::Scalar(seed),
        ))
    }

    pub(super) fn public(&self) -> Option<&Public> {
        match self {
            Self::Shared(_) => None,
            Self::Public(public) | Self::Pair(public, _) => Some(public),
        }
    }

    /// The algorithm that this kind of key is for, where there is only one.
    pub(super) fn only_algorithm(&self) -> Option<Algorithm> {
        match self.public()? {
            Public::Rsa { .. } => None,
            Public::Ec { curve, .. } => Some(curve.algorithm()),
            Public::Ed25519 { .. } => Some(Algorithm::EdDSA),
            #[cfg(feature = "ml-dsa")]
            Public::MlDsa { set, .. } => Some(set.algorithm()),
        }
    }

    /// Whether a key of this kind can be used with `algorithm` at all.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        match (self, self.public(), algorithm.scheme()) {
            (Self::Shared(_), _, Scheme::Hmac(_))
            | (_, Some(Public::Rsa { .. }), Scheme::RsaPkcs1(_) | Scheme::RsaPss(_))
            | (_, Some(Public::Ed25519 { .. }), Scheme::Ed25519) => true,
            (_, Some(Public::Ec { curve, .. }), Scheme::Ecdsa(wanted)) => *curve == wanted,
            #[cfg(feature = "ml-dsa")]
            (_, Some(Public::MlDsa { set, .. }), Scheme::MlDsa(wanted)) => *set == wanted,
            _ => false,
        }
    }
}

impl Public {
    /// Checks the key and prepares it for `algorithm`.
    pub(super) fn verifying(&self, algorithm: Algorithm) -> Result<Verifying, KeyError> {
        let prepared = match (self, algorithm.scheme()) {
            (Self::Rsa { n, e }, scheme @ (Scheme::RsaPkcs1(_) | Scheme::RsaPss(_))) => {
                strength::of_rsa(n, e)?;
                Verifying::rsa(scheme, n, e)
            }
            (Self::Ec { curve, x, y }, Scheme::Ecdsa(wanted)) if *curve == wanted => {
                Verifying::ecdsa(*curve, x, y)
            }
            (Self::Ed25519 { x }, Scheme::Ed25519) => Verifying::ed25519(x),
            #[cfg(feature = "ml-dsa")]
            (Self::MlDsa { set, key }, Scheme::MlDsa(wanted)) if *set == wanted => {
                Verifying::ml_dsa(*set, key)
            }
            _ => return Err(KeyError::WrongAlgorithm(algorithm)),
        };
        prepared.ok_or(KeyError::Invalid)
    }
}

impl Private {
    /// Checks that this is the private half of `public` and prepares it for `algorithm`.
    pub(super) fn signing(
        &self,
        public: &Public,
        algorithm: Algorithm,
    ) -> Result<Signing, KeyError> {
        let prepared = match (self, public, algorithm.scheme()) {
            (
                Self::Rsa(private),
                Public::Rsa { n, e },
                scheme @ (Scheme::RsaPkcs1(_) | Scheme::RsaPss(_)),
            ) => {
                let parts = RsaParts {
                    n,
                    e,
                    d: private.d.expose(),
                    p: private.p.expose(),
                    q: private.q.expose(),
                    dp: private.dp.expose(),
                    dq: private.dq.expose(),
                    qi: private.qi.expose(),
                };
                Signing::rsa(scheme, &parts)
            }
            (Self::Scalar(d), Public::Ec { curve, x, y }, Scheme::Ecdsa(wanted))
                if *curve == wanted =>
            {
                Signing::ecdsa(*curve, d.expose(), x, y)
            }
            #[cfg(feature = "ml-dsa")]
            (Self::Scalar(seed), Public::MlDsa { set, key }, Scheme::MlDsa(wanted))
                if *set == wanted =>
            {
                Signing::ml_dsa(*set, seed.expose(), key)
            }
            (Self::Scalar(seed), Public::Ed25519 { x }, Scheme::Ed25519) => {
                Signing::ed25519(seed.expose(), x)
            }
            _ => return Err(KeyError::WrongAlgorithm(algorithm)),
        };
        prepared.ok_or(KeyError::Invalid)
    }
}
