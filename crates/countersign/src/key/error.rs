//! Why something is no key, or none for what it was to be used for.

use crate::algorithm::Algorithm;
use crate::crypto::CryptoError;

/// Why a key was refused. It carries no part of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text or bytes are not the written form they should be.
    #[error("not a usable key: {0}")]
    Malformed(&'static str),
    /// A JWK lacks a member that its type requires.
    #[error("the JWK lacks the member `{0}`")]
    MissingMember(&'static str),
    /// A member of a JWK has the wrong type, length or spelling.
    #[error("the member `{0}` of the JWK is not what RFC 7518 asks for")]
    BadMember(&'static str),
    /// A kind of key that no algorithm here uses.
    #[error(
        "a key of this type or curve is not supported; RSA, P-256, P-384, P-521, secp256k1, Ed25519 and shared secrets are"
    )]
    UnsupportedKeyType,
    /// A JWK's `alg` is not a signature algorithm of the table.
    #[error("the key's `alg` is not a signature algorithm known here")]
    UnsupportedAlgorithm,
    /// The JWK does not say its algorithm and the kind of key allows several.
    #[error(
        "the key does not say which algorithm it is for; add an `alg`, or name one with `Jwk::for_algorithm`"
    )]
    NoAlgorithm,
    /// The key cannot be used with this algorithm, or is bound to another one.
    #[error("the key is not one for {0}")]
    WrongAlgorithm(Algorithm),
    /// A shared secret shorter than the hash (RFC 7518 §3.2).
    #[error(
        "a secret for {algorithm} must have at least {least} bytes; generate one with `SigningKey::generate`, or see `from_weak_secret_insecurely`"
    )]
    SecretTooShort {
        /// The algorithm it was meant for.
        algorithm: Algorithm,
        /// The least length in bytes.
        least: usize,
    },
    /// An RSA key outside 2048 to 8192 bits, with a bad exponent, or from a broken generator.
    #[error("the RSA key is weak: {0}")]
    WeakRsa(&'static str),
    /// `use` or `key_ops` reserve the key for something else.
    #[error("the key's `use` or `key_ops` do not allow this")]
    NotForThisUse,
    /// A private key was needed.
    #[error("this is a public key; signing needs the private one")]
    NotPrivate,
    /// A shared secret has no public half and no PKCS#8 form.
    #[error("a shared secret has no public half and no PKCS#8 form; `to_jwk` writes it down")]
    Symmetric,
    /// The numbers do not form a key: a point off its curve, parts that contradict each other.
    #[error("the numbers do not form a valid key")]
    Invalid,
    /// Two keys of a set have the same `kid` and algorithm.
    #[error("two keys of the set have the same id and algorithm")]
    DuplicateKeyId,
    /// A set holds shared secrets and key pairs: publishing it would give the secrets away.
    #[error("the set mixes shared secrets with key pairs; keep them in sets of their own")]
    MixedSet,
    /// The backend failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl KeyError {
    /// The stable code: `secret_too_short`, `weak_rsa_key`, …
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_key",
            Self::MissingMember(_) => "missing_member",
            Self::BadMember(_) => "bad_member",
            Self::UnsupportedKeyType => "unsupported_key_type",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::NoAlgorithm => "no_algorithm",
            Self::WrongAlgorithm(_) => "wrong_algorithm",
            Self::SecretTooShort { .. } => "secret_too_short",
            Self::WeakRsa(_) => "weak_rsa_key",
            Self::NotForThisUse => "not_for_this_use",
            Self::NotPrivate => "not_private",
            Self::Symmetric => "symmetric_key",
            Self::Invalid => "invalid_key",
            Self::DuplicateKeyId => "duplicate_key_id",
            Self::MixedSet => "mixed_key_set",
            Self::Crypto(error) => error.code(),
        }
    }
}
