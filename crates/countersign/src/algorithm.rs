//! The one table of signature algorithms (RFC 7518 §3.1, RFC 8037, RFC 8812, RFC 9864).
//!
//! Everything else is handed a row, never a name. `none` has no row.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// A signature algorithm of JOSE.
///
/// ```
/// use countersign::Algorithm;
///
/// assert_eq!(Algorithm::from_name("ES256"), Some(Algorithm::ES256));
/// assert_eq!(Algorithm::from_name("none"), None);
/// assert_eq!(Algorithm::EdDSA.to_string(), "EdDSA");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256 and a shared secret of at least 32 bytes.
    HS256,
    /// HMAC with SHA-384 and a shared secret of at least 48 bytes.
    HS384,
    /// HMAC with SHA-512 and a shared secret of at least 64 bytes.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// ECDSA on secp256k1 with SHA-256 (RFC 8812).
    ES256K,
    /// Ed25519 (RFC 8037). The name `Ed25519` of RFC 9864 is read as this one too.
    EdDSA,
    /// ML-DSA-44 (FIPS 204, RFC 9964), safe against quantum computers; the feature `ml-dsa`.
    #[cfg(feature = "ml-dsa")]
    MlDsa44,
    /// ML-DSA-65.
    #[cfg(feature = "ml-dsa")]
    MlDsa65,
    /// ML-DSA-87.
    #[cfg(feature = "ml-dsa")]
    MlDsa87,
}

impl Algorithm {
    /// Every algorithm of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.algorithm)
    }

    /// The name in a header's `alg`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The algorithm of that name. Names are case-sensitive (RFC 7515 §4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.name == name || row.other_name == Some(name))
            .map(|row| row.algorithm)
    }

    /// Whether one shared secret both signs and verifies (HMAC).
    pub fn is_symmetric(self) -> bool {
        matches!(self.scheme(), Scheme::Hmac(_))
    }

    /// What a key must be and how it is used.
    pub(crate) fn scheme(self) -> Scheme {
        self.row().scheme
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Hmac(Hash),
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ecdsa(Curve),
    Ed25519,
    #[cfg(feature = "ml-dsa")]
    MlDsa(MlDsa),
}

/// The parameter sets of ML-DSA.
#[cfg(feature = "ml-dsa")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MlDsa {
    Set44,
    Set65,
    Set87,
}

#[cfg(feature = "ml-dsa")]
impl MlDsa {
    /// Bytes of a public key.
    pub(crate) const fn public_len(self) -> usize {
        match self {
            Self::Set44 => 1312,
            Self::Set65 => 1952,
            Self::Set87 => 2592,
        }
    }

    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Set44 => Algorithm::MlDsa44,
            Self::Set65 => Algorithm::MlDsa65,
            Self::Set87 => Algorithm::MlDsa87,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Bytes of output, which is also the least length of an HMAC secret (RFC 7518 §3.2).
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    /// The name in a JWK's `crv`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521, Self::Secp256k1]
            .into_iter()
            .find(|curve| curve.name() == name)
    }

    /// Bytes of one coordinate, and of the private scalar.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The one algorithm of JOSE that uses this curve.
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::ES256,
            Self::P384 => Algorithm::ES384,
            Self::P521 => Algorithm::ES512,
            Self::Secp256k1 => Algorithm::ES256K,
        }
    }
}

struct Row {
    algorithm: Algorithm,
    name: &'static str,
    other_name: Option<&'static str>,
    scheme: Scheme,
}

const fn row(algorithm: Algorithm, name: &'static str, scheme: Scheme) -> Row {
    Row {
        algorithm,
        name,
        other_name: None,
        scheme,
    }
}

/// In the order of the variants of [`Algorithm`]; a test holds the two together.
static TABLE: &[Row] = &[
    row(Algorithm::HS256, "HS256", Scheme::Hmac(Hash::Sha256)),
    row(Algorithm::HS384, "HS384", Scheme::Hmac(Hash::Sha384)),
    row(Algorithm::HS512, "HS512", Scheme::Hmac(Hash::Sha512)),
    row(Algorithm::RS256, "RS256", Scheme::RsaPkcs1(Hash::Sha256)),
    row(Algorithm::RS384, "RS384", Scheme::RsaPkcs1(Hash::Sha384)),
    row(Algorithm::RS512, "RS512", Scheme::RsaPkcs1(Hash::Sha512)),
    row(Algorithm::PS256, "PS256", Scheme::RsaPss(Hash::Sha256)),
    row(Algorithm::PS384, "PS384", Scheme::RsaPss(Hash::Sha384)),
    row(Algorithm::PS512, "PS512", Scheme::RsaPss(Hash::Sha512)),
    row(Algorithm::ES256, "ES256", Scheme::Ecdsa(Curve::P256)),
    row(Algorithm::ES384, "ES384", Scheme::Ecdsa(Curve::P384)),
    row(Algorithm::ES512, "ES512", Scheme::Ecdsa(Curve::P521)),
    row(Algorithm::ES256K, "ES256K", Scheme::Ecdsa(Curve::Secp256k1)),
    Row {
        other_name: Some("Ed25519"),
        ..row(Algorithm::EdDSA, "EdDSA", Scheme::Ed25519)
    },
    #[cfg(feature = "ml-dsa")]
    row(Algorithm::MlDsa44, "ML-DSA-44", Scheme::MlDsa(MlDsa::Set44)),
    #[cfg(feature = "ml-dsa")]
    row(Algorithm::MlDsa65, "ML-DSA-65", Scheme::MlDsa(MlDsa::Set65)),
    #[cfg(feature = "ml-dsa")]
    row(Algorithm::MlDsa87, "ML-DSA-87", Scheme::MlDsa(MlDsa::Set87)),
];

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name is not in the table of algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a signature algorithm; ES256, EdDSA, RS256, PS256 and HS256 are some")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::from_name(name).ok_or(UnknownAlgorithm)
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.algorithm as usize, at);
            assert_eq!(Algorithm::from_name(row.name), Some(row.algorithm));
        }
    }

    #[test]
    fn no_spelling_of_none_is_known() {
        for name in [
            "none", "None", "NONE", "nOnE", "", " none", "hs256", "ES256 ",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
    }
}
