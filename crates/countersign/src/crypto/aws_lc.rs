//! The one backend: AWS-LC through `aws-lc-rs`. No other file names it.
//!
//! Keys are parsed once, here, and used many times.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RsaEncoding, RsaKeyPair, RsaParameters,
};
use aws_lc_rs::{aead, constant_time, digest, hmac, rand, rsa};
use zeroize::Zeroizing;

use super::CryptoError;
#[cfg(feature = "ml-dsa")]
use crate::algorithm::MlDsa;
use crate::algorithm::{Curve, Hash, Scheme};
use crate::secret::Secret;

/// A key that checks signatures under one algorithm.
#[derive(Clone)]
pub(crate) enum Verifying {
    Mac(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Verifying {
    pub(crate) fn hmac(hash: Hash, secret: &[u8]) -> Self {
        Self::Mac(Box::new(hmac::Key::new(hmac_algorithm(hash), secret)))
    }

    /// `None` where the numbers do not form a key that this backend accepts.
    pub(crate) fn rsa(scheme: Scheme, n: &[u8], e: &[u8]) -> Option<Self> {
        let parameters: &'static RsaParameters = match scheme {
            Scheme::RsaPkcs1(Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            Scheme::RsaPkcs1(Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            Scheme::RsaPkcs1(Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            Scheme::RsaPss(Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
            Scheme::RsaPss(Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
            Scheme::RsaPss(Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        };
        PublicKeyComponents { n, e }
            .to_parsed_public_key(parameters)
            .ok()
            .map(Self::Public)
    }

    /// `None` where the point does not lie on the curve.
    pub(crate) fn ecdsa(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        let algorithm: &'static EcdsaVerificationAlgorithm = match curve {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
            Curve::Secp256k1 => &signature::ECDSA_P256K1_SHA256_FIXED,
        };
        ParsedPublicKey::new(algorithm, point(x, y))
            .ok()
            .map(Self::Public)
    }

    pub(crate) fn ed25519(x: &[u8]) -> Option<Self> {
        if x.len() != signature::ED25519_PUBLIC_KEY_LEN {
            return None;
        }
        ParsedPublicKey::new(&signature::ED25519, x)
            .ok()
            .map(Self::Public)
    }

    #[cfg(feature = "ml-dsa")]
    pub(crate) fn ml_dsa(set: MlDsa, key: &[u8]) -> Option<Self> {
        let algorithm: &'static signature::PqdsaVerificationAlgorithm = match set {
            MlDsa::Set44 => &signature::ML_DSA_44,
            MlDsa::Set65 => &signature::ML_DSA_65,
            MlDsa::Set87 => &signature::ML_DSA_87,
        };
        if key.len() != set.public_len() {
            return None;
        }
        ParsedPublicKey::new(algorithm, key).ok().map(Self::Public)
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Mac(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

/// A key that makes signatures under one algorithm.
pub(crate) enum Signing {
    Mac(Box<hmac::Key>),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair, &'static digest::Algorithm),
    Ed25519(Ed25519KeyPair),
    #[cfg(feature = "ml-dsa")]
    MlDsa(signature::PqdsaKeyPair),
}

/// The numbers of an RSA key pair (RFC 8017 §3.2), big-endian.
pub(crate) struct RsaParts<'a> {
    pub(crate) n: &'a [u8],
    pub(crate) e: &'a [u8],
    pub(crate) d: &'a [u8],
    pub(crate) p: &'a [u8],
    pub(crate) q: &'a [u8],
    pub(crate) dp: &'a [u8],
    pub(crate) dq: &'a [u8],
    pub(crate) qi: &'a [u8],
}

impl Signing {
    pub(crate) fn hmac(hash: Hash, secret: &[u8]) -> Self {
        Self::Mac(Box::new(hmac::Key::new(hmac_algorithm(hash), secret)))
    }

    /// `None` where the numbers contradict each other.
    pub(crate) fn rsa(scheme: Scheme, parts: &RsaParts<'_>) -> Option<Self> {
        let encoding: &'static dyn RsaEncoding = match scheme {
            Scheme::RsaPkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
            Scheme::RsaPkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
            Scheme::RsaPkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
            Scheme::RsaPss(Hash::Sha256) => &signature::RSA_PSS_SHA256,
            Scheme::RsaPss(Hash::Sha384) => &signature::RSA_PSS_SHA384,
            Scheme::RsaPss(Hash::Sha512) => &signature::RSA_PSS_SHA512,
            _ => return None,
        };
        let components = rsa::KeyPairComponents {
            public_key: PublicKeyComponents {
                n: parts.n,
                e: parts.e,
            },
            d: parts.d,
            p: parts.p,
            q: parts.q,
            dP: parts.dp,
            dQ: parts.dq,
            qInv: parts.qi,
        };
        RsaKeyPair::from_components(&components)
            .ok()
            .map(|pair| Self::Rsa(pair, encoding))
    }

    /// `None` where the scalar is out of range or belongs to another point.
    pub(crate) fn ecdsa(curve: Curve, d: &[u8], x: &[u8], y: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_private_key_and_public_key(ecdsa_signing(curve), d, &point(x, y))
            .ok()
            .map(|pair| Self::Ecdsa(pair, ecdsa_digest(curve)))
    }

    /// `None` where the seed belongs to another public key.
    pub(crate) fn ed25519(seed: &[u8], x: &[u8]) -> Option<Self> {
        if seed.len() != 32 {
            return None;
        }
        Ed25519KeyPair::from_seed_and_public_key(seed, x)
            .ok()
            .map(Self::Ed25519)
    }

    /// `None` where the seed belongs to another public key.
    #[cfg(feature = "ml-dsa")]
    pub(crate) fn ml_dsa(set: MlDsa, seed: &[u8], key: &[u8]) -> Option<Self> {
        let pair = signature::PqdsaKeyPair::from_seed(ml_dsa_signing(set), seed).ok()?;
        (pair.public_key().as_ref() == key).then_some(Self::MlDsa(pair))
    }

    /// Signs the text so far and appends the signature to it in the given spelling.
    pub(crate) fn sign_and_append(
        &self,
        text: &mut String,
        append: fn(&[u8], &mut String),
    ) -> Result<(), CryptoError> {
        let rng = rand::SystemRandom::new();
        match self {
            Self::Mac(key) => append(hmac::sign(key, text.as_bytes()).as_ref(), text),
            Self::Rsa(pair, encoding) => {
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &rng, text.as_bytes(), &mut made)
                    .map_err(failed)?;
                append(&made, text);
            }
            Self::Ecdsa(pair, algorithm) => {
                // Hashed apart: signing the message itself builds the same in twice as many pieces.
                let hash = digest::digest(algorithm, text.as_bytes());
                let made = pair.sign_digest(&hash).map_err(failed)?;
                append(made.as_ref(), text);
            }
            Self::Ed25519(pair) => {
                let made = pair.try_sign(text.as_bytes()).map_err(failed)?;
                append(made.as_ref(), text);
            }
            #[cfg(feature = "ml-dsa")]
            Self::MlDsa(pair) => {
                let mut made = vec![0; pair.algorithm().signature_len()];
                pair.sign(text.as_bytes(), &mut made).map_err(failed)?;
                append(&made, text);
            }
        }
        Ok(())
    }
}

/// New keys, as the numbers they are made of.
pub(crate) mod generate {
    use super::*;

    /// A PKCS#8 document with an RSA key of 2048 bits and e = 65537.
    pub(crate) fn rsa() -> Result<Secret, CryptoError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let document: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        Ok(Secret::new(document.as_ref()))
    }

    /// The private scalar.
    pub(crate) fn ecdsa(curve: Curve) -> Result<Secret, CryptoError> {
        let pair = EcdsaKeyPair::generate(ecdsa_signing(curve)).map_err(failed)?;
        let scalar = pair.private_key().as_be_bytes().map_err(failed)?;
        Ok(Secret::new(scalar.as_ref()))
    }

    pub(crate) fn secret(length: usize) -> Result<Secret, CryptoError> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        fill_random(&mut bytes)?;
        Ok(Secret::new(bytes.as_slice()))
    }
}

/// Public halves from private ones.
pub(crate) mod derive {
    use super::*;

    /// The coordinates of the point that belongs to the scalar `d`; `None` if `d` is out of range.
    pub(crate) fn ecdsa(curve: Curve, d: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        // ECPrivateKey of RFC 5915 with the two fields that are not optional.
        let length = u8::try_from(d.len())
            .ok()
            .filter(|_| d.len() == curve.len())?;
        let mut sec1 = Zeroizing::new(vec![0x30, length + 5, 0x02, 0x01, 0x01, 0x04, length]);
        sec1.extend_from_slice(d);
        let pair = EcdsaKeyPair::from_private_key_der(ecdsa_signing(curve), &sec1).ok()?;
        let (x, y) = pair
            .public_key()
            .as_ref()
            .get(1..)?
            .split_at_checked(curve.len())?;
        Some((x.to_vec(), y.to_vec()))
    }

    pub(crate) fn ed25519(seed: &[u8]) -> Option<Vec<u8>> {
        if seed.len() != 32 {
            return None;
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(pair.public_key().as_ref().to_vec())
    }

    #[cfg(feature = "ml-dsa")]
    pub(crate) fn ml_dsa(set: MlDsa, seed: &[u8]) -> Option<Vec<u8>> {
        let pair = signature::PqdsaKeyPair::from_seed(ml_dsa_signing(set), seed).ok()?;
        Some(pair.public_key().as_ref().to_vec())
    }
}

#[derive(Clone)]
pub(super) struct Mac(hmac::Key);

impl Mac {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    pub(super) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        first_32(context.sign().as_ref())
    }
}

/// The raw key is kept, and the backend's form of it made for each envelope: sealing is rare, and
/// making the form can fail, which [`super::SealingKey::new`] should not.
pub(super) struct Sealing(Zeroizing<[u8; 32]>);

impl Sealing {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*key))
    }

    fn prepared(&self) -> Result<aead::RandomizedNonceKey, CryptoError> {
        aead::RandomizedNonceKey::new(&aead::AES_256_GCM, self.0.as_slice()).map_err(failed)
    }

    pub(super) fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut sealed = Vec::with_capacity(plaintext.len() + aead::NONCE_LEN + aead::MAX_TAG_LEN);
        sealed.extend_from_slice(&[0; aead::NONCE_LEN]);
        sealed.extend_from_slice(plaintext);
        let (place, text) = sealed.split_at_mut(aead::NONCE_LEN);
        let (nonce, tag) = self
            .prepared()?
            .seal_in_place_separate_tag(aead::Aad::from(context), text)
            .map_err(failed)?;
        place.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub(super) fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Secret, CryptoError> {
        let (nonce, rest) = sealed
            .split_first_chunk::<{ aead::NONCE_LEN }>()
            .ok_or(CryptoError::NotAuthentic)?;
        let mut text = Zeroizing::new(rest.to_vec());
        let opened = self
            .prepared()?
            .open_in_place(nonce.into(), aead::Aad::from(context), &mut text)
            .map_err(|_| CryptoError::NotAuthentic)?;
        Ok(Secret::new(&*opened))
    }
}

pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), CryptoError> {
    rand::fill(bytes).map_err(failed)
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    first_32(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

fn first_32(output: &[u8]) -> [u8; 32] {
    output.first_chunk().copied().unwrap_or_default()
}

fn hmac_algorithm(hash: Hash) -> hmac::Algorithm {
    match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

fn ecdsa_digest(curve: Curve) -> &'static digest::Algorithm {
    match curve {
        Curve::P256 | Curve::Secp256k1 => &digest::SHA256,
        Curve::P384 => &digest::SHA384,
        Curve::P521 => &digest::SHA512,
    }
}

fn ecdsa_signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        Curve::Secp256k1 => &signature::ECDSA_P256K1_SHA256_FIXED_SIGNING,
    }
}

#[cfg(feature = "ml-dsa")]
fn ml_dsa_signing(set: MlDsa) -> &'static signature::PqdsaSigningAlgorithm {
    match set {
        MlDsa::Set44 => &signature::ML_DSA_44_SIGNING,
        MlDsa::Set65 => &signature::ML_DSA_65_SIGNING,
        MlDsa::Set87 => &signature::ML_DSA_87_SIGNING,
    }
}

/// SEC 1 §2.3.3: an uncompressed point.
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

fn failed(_: aws_lc_rs::error::Unspecified) -> CryptoError {
    CryptoError::Failed
}
