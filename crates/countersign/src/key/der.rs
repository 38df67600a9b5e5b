//! Keys as DER: PKCS#8 (RFC 5958), SubjectPublicKeyInfo (RFC 5280), PKCS#1 (RFC 8017) and SEC 1
//! (RFC 5915), each read into the numbers it holds and, for the first two, written again.
//!
//! The reader takes DER and not BER: definite lengths in their shortest form, nothing left over.
//! Left out: encrypted keys, certificates, compressed points.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::error::KeyError;
use super::material::{Material, Private, Public, RsaPrivate};
use crate::algorithm::Curve;
#[cfg(feature = "ml-dsa")]
use crate::algorithm::MlDsa;
use crate::secret::Secret;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const FIELD_0: u8 = 0xa0;
const FIELD_1: u8 = 0xa1;
/// Field 1 as PKCS#8 tags it: implicitly, over a bit string.
const FIELD_1_BITS: u8 = 0x81;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The first eight bytes of the three ids of ML-DSA (RFC 9881 §2); the ninth says which set.
#[cfg(feature = "ml-dsa")]
const ML_DSA: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];
#[cfg(feature = "ml-dsa")]
const ML_DSA_SETS: [(MlDsa, u8); 3] = [
    (MlDsa::Set44, 0x11),
    (MlDsa::Set65, 0x12),
    (MlDsa::Set87, 0x13),
];
/// The seed of an ML-DSA key, tagged implicitly (RFC 9881 §6).
#[cfg(feature = "ml-dsa")]
const SEED: u8 = 0x80;

const CURVES: [(Curve, &[u8]); 4] = [
    (
        Curve::P256,
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    ),
    (Curve::P384, &[0x2b, 0x81, 0x04, 0x00, 0x22]),
    (Curve::P521, &[0x2b, 0x81, 0x04, 0x00, 0x23]),
    (Curve::Secp256k1, &[0x2b, 0x81, 0x04, 0x00, 0x0a]),
];

/// A PKCS#8 `PrivateKeyInfo`, version 1 or 2.
pub(super) fn private_key_info(document: &[u8]) -> Result<Material, KeyError> {
    let mut info = whole(document)?;
    let version = info.take(INTEGER)?;
    if version != [0] && version != [1] {
        return Err(KeyError::Malformed("the PKCS#8 version is neither 1 nor 2"));
    }
    let kind = Kind::read(info.take(SEQUENCE)?)?;
    let key = info.take(OCTET_STRING)?;
    info.take_if(FIELD_0)?;
    let public = info.take_if(FIELD_1_BITS)?.map(bits).transpose()?;
    info.end()?;
    match kind {
        Kind::Rsa => pkcs1_private(key),
        Kind::Ec(curve) => sec1(key, Some(curve)),
        Kind::Ed25519 => {
            let mut inner = Reader(key);
            let seed = Secret::new(inner.take(OCTET_STRING)?);
            inner.end()?;
            Material::ed25519_pair(seed, public.map(<[u8]>::to_vec))
        }
        #[cfg(feature = "ml-dsa")]
        Kind::MlDsa(set) => {
            let mut inner = Reader(key);
            let seed = inner
                .take_if(SEED)?
                .map(Secret::new)
                .ok_or(KeyError::Malformed(
                    "the ML-DSA key is not written as its seed, the one form supported",
                ))?;
            inner.end()?;
            Material::ml_dsa_pair(set, seed, public.map(<[u8]>::to_vec))
        }
    }
}

/// A `SubjectPublicKeyInfo`.
pub(super) fn public_key_info(document: &[u8]) -> Result<Material, KeyError> {
    let mut info = whole(document)?;
    let kind = Kind::read(info.take(SEQUENCE)?)?;
    let key = bits(info.take(BIT_STRING)?)?;
    info.end()?;
    match kind {
        Kind::Rsa => pkcs1_public(key),
        Kind::Ec(curve) => {
            let (x, y) = point(curve, key)?;
            Ok(Material::Public(Public::Ec { curve, x, y }))
        }
        Kind::Ed25519 => Ok(Material::Public(Public::Ed25519 { x: key.to_vec() })),
        #[cfg(feature = "ml-dsa")]
        Kind::MlDsa(set) => Ok(Material::Public(Public::MlDsa {
            set,
            key: key.to_vec(),
        })),
    }
}

/// A PKCS#1 `RSAPrivateKey` of two primes.
pub(super) fn pkcs1_private(document: &[u8]) -> Result<Material, KeyError> {
    let mut key = whole(document)?;
    if key.take(INTEGER)? != [0] {
        return Err(KeyError::Malformed(
            "an RSA key of more than two primes is not supported",
        ));
    }
    let n = key.number()?.to_vec();
    let e = key.number()?.to_vec();
    let private = RsaPrivate {
        d: Secret::new(key.number()?),
        p: Secret::new(key.number()?),
        q: Secret::new(key.number()?),
        dp: Secret::new(key.number()?),
        dq: Secret::new(key.number()?),
        qi: Secret::new(key.number()?),
    };
    key.end()?;
    Ok(Material::Pair(Public::Rsa { n, e }, Private::Rsa(private)))
}

/// A PKCS#1 `RSAPublicKey`.
pub(super) fn pkcs1_public(document: &[u8]) -> Result<Material, KeyError> {
    let mut key = whole(document)?;
    let n = key.number()?.to_vec();
    let e = key.number()?.to_vec();
    key.end()?;
    Ok(Material::Public(Public::Rsa { n, e }))
}

/// A SEC 1 `ECPrivateKey`; the curve stands inside it, or around it (`outer`), or both.
pub(super) fn sec1(document: &[u8], outer: Option<Curve>) -> Result<Material, KeyError> {
    let mut key = whole(document)?;
    if key.take(INTEGER)? != [1] {
        return Err(KeyError::Malformed("the version of the EC key is not 1"));
    }
    let d = key.take(OCTET_STRING)?;
    let inner = key
        .take_if(FIELD_0)?
        .map(|field| {
            let mut field = Reader(field);
            let curve = curve(field.take(OBJECT_ID)?)?;
            field.end().map(|()| curve)
        })
        .transpose()?;
    let curve = match (inner, outer) {
        (Some(inner), Some(outer)) if inner != outer => {
            return Err(KeyError::Malformed("the EC key names two different curves"));
        }
        (None, None) => return Err(KeyError::Malformed("the EC key does not name its curve")),
        (Some(curve), _) | (None, Some(curve)) => curve,
    };
    let public = key
        .take_if(FIELD_1)?
        .map(|field| {
            let mut field = Reader(field);
            let key = bits(field.take(BIT_STRING)?)?;
            field.end()?;
            point(curve, key)
        })
        .transpose()?;
    key.end()?;
    if d.len() != curve.len() {
        return Err(KeyError::Malformed(
            "the EC private key has the wrong length for its curve",
        ));
    }
    Material::ec_pair(curve, Secret::new(d), public)
}

/// Writes a key pair as PKCS#8 version 1; `None` for a public key or a shared secret.
pub(super) fn to_private_key_info(material: &Material) -> Option<Secret> {
    let Material::Pair(public, private) = material else {
        return None;
    };
    let inner = match (private, public) {
        (Private::Rsa(private), Public::Rsa { n, e }) => {
            let secrets = [
                &private.d,
                &private.p,
                &private.q,
                &private.dp,
                &private.dq,
                &private.qi,
            ];
            let numbers = [n.as_slice(), e]
                .into_iter()
                .chain(secrets.map(Secret::expose));
            let mut fields = Zeroizing::new(element(INTEGER, &[0]));
            for field in numbers {
                fields.extend_from_slice(&Zeroizing::new(number(field)));
            }
            element(SEQUENCE, &fields)
        }
        (Private::Scalar(d), Public::Ec { x, y, .. }) => {
            let public = element(BIT_STRING, &[&[0, 4], x.as_slice(), y].concat());
            let fields = Zeroizing::new(
                [
                    element(INTEGER, &[1]),
                    element(OCTET_STRING, d.expose()),
                    element(FIELD_1, &public),
                ]
                .concat(),
            );
            element(SEQUENCE, &fields)
        }
        (Private::Scalar(seed), Public::Ed25519 { .. }) => element(OCTET_STRING, seed.expose()),
        #[cfg(feature = "ml-dsa")]
        (Private::Scalar(seed), Public::MlDsa { .. }) => element(SEED, seed.expose()),
        _ => return None,
    };
    let inner = Zeroizing::new(inner);
    let fields = Zeroizing::new(
        [
            element(INTEGER, &[0]),
            kind_of(public),
            element(OCTET_STRING, &inner),
        ]
        .concat(),
    );
    Some(Secret::new(element(SEQUENCE, &fields)))
}

/// Writes a public key as `SubjectPublicKeyInfo`.
pub(super) fn to_public_key_info(public: &Public) -> Vec<u8> {
    let key = match public {
        Public::Rsa { n, e } => element(SEQUENCE, &[number(n), number(e)].concat()),
        Public::Ec { x, y, .. } => [&[4], x.as_slice(), y].concat(),
        Public::Ed25519 { x } => x.clone(),
        #[cfg(feature = "ml-dsa")]
        Public::MlDsa { key, .. } => key.clone(),
    };
    let key = element(BIT_STRING, &[&[0], key.as_slice()].concat());
    element(SEQUENCE, &[kind_of(public), key].concat())
}

enum Kind {
    Rsa,
    Ec(Curve),
    Ed25519,
    #[cfg(feature = "ml-dsa")]
    MlDsa(MlDsa),
}

impl Kind {
    /// Reads the inside of an `AlgorithmIdentifier`.
    fn read(identifier: &[u8]) -> Result<Self, KeyError> {
        let mut fields = Reader(identifier);
        let kind = fields.take(OBJECT_ID)?;
        let kind = if kind == RSA {
            fields.take_if(NULL)?;
            Self::Rsa
        } else if kind == EC {
            Self::Ec(curve(fields.take(OBJECT_ID)?)?)
        } else if kind == ED25519 {
            Self::Ed25519
        } else {
            Self::other(kind)?
        };
        fields.end().map(|()| kind)
    }
}

impl Kind {
    #[cfg(feature = "ml-dsa")]
    fn other(kind: &[u8]) -> Result<Self, KeyError> {
        let last = kind
            .strip_prefix(ML_DSA)
            .ok_or(KeyError::UnsupportedKeyType)?;
        let set = ML_DSA_SETS.iter().find(|(_, id)| last == [*id]);
        set.map(|(set, _)| Self::MlDsa(*set))
            .ok_or(KeyError::UnsupportedKeyType)
    }

    #[cfg(not(feature = "ml-dsa"))]
    fn other(_: &[u8]) -> Result<Self, KeyError> {
        Err(KeyError::UnsupportedKeyType)
    }
}

fn kind_of(public: &Public) -> Vec<u8> {
    let fields = match public {
        Public::Rsa { .. } => [element(OBJECT_ID, RSA), element(NULL, &[])].concat(),
        Public::Ec { curve, .. } => {
            let id = CURVES
                .iter()
                .find(|(known, _)| known == curve)
                .map_or(&[][..], |(_, id)| id);
            [element(OBJECT_ID, EC), element(OBJECT_ID, id)].concat()
        }
        Public::Ed25519 { .. } => element(OBJECT_ID, ED25519),
        #[cfg(feature = "ml-dsa")]
        Public::MlDsa { set, .. } => {
            let last = ML_DSA_SETS
                .iter()
                .find(|(known, _)| known == set)
                .map(|(_, id)| *id);
            element(
                OBJECT_ID,
                &ML_DSA.iter().copied().chain(last).collect::<Vec<_>>(),
            )
        }
    };
    element(SEQUENCE, &fields)
}

fn curve(id: &[u8]) -> Result<Curve, KeyError> {
    CURVES
        .iter()
        .find(|(_, known)| *known == id)
        .map(|(curve, _)| *curve)
        .ok_or(KeyError::UnsupportedKeyType)
}

fn point(curve: Curve, bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>), KeyError> {
    match bytes.split_first() {
        Some((4, coordinates)) if coordinates.len() == 2 * curve.len() => {
            let (x, y) = coordinates.split_at(curve.len());
            Ok((x.to_vec(), y.to_vec()))
        }
        _ => Err(KeyError::Malformed(
            "the EC point is not in uncompressed form",
        )),
    }
}

/// The bytes of a bit string that ends on a byte's border.
fn bits(content: &[u8]) -> Result<&[u8], KeyError> {
    content.strip_prefix(&[0]).ok_or(NOT_DER)
}

const NOT_DER: KeyError = KeyError::Malformed("the DER is broken");

/// The inside of a document that is one sequence.
fn whole(document: &[u8]) -> Result<Reader<'_>, KeyError> {
    let mut outer = Reader(document);
    let inside = outer.take(SEQUENCE)?;
    outer.end()?;
    Ok(Reader(inside))
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag.
    fn take(&mut self, tag: u8) -> Result<&'a [u8], KeyError> {
        let rest = self.0.strip_prefix(&[tag]).ok_or(NOT_DER)?;
        let (length, rest) = length(rest).ok_or(NOT_DER)?;
        let (content, rest) = rest.split_at_checked(length).ok_or(NOT_DER)?;
        self.0 = rest;
        Ok(content)
    }

    fn take_if(&mut self, tag: u8) -> Result<Option<&'a [u8]>, KeyError> {
        if self.0.first() == Some(&tag) {
            self.take(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A positive integer, without the zero byte that keeps it positive.
    fn number(&mut self) -> Result<&'a [u8], KeyError> {
        match self.take(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|high| high & 0x80 != 0) => Ok(rest),
            number @ [1..=0x7f, ..] => Ok(number),
            _ => Err(NOT_DER),
        }
    }

    fn end(&self) -> Result<(), KeyError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(NOT_DER)
        }
    }
}

/// A length in its shortest form, at most 65,535, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [short @ 0..=0x7f, rest @ ..] => Some((usize::from(*short), rest)),
        [0x81, one @ 0x80..=0xff, rest @ ..] => Some((usize::from(*one), rest)),
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => None,
    }
}

/// Writes one element. Keys are far below the 65,535 bytes that two bytes of length can say.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let mut written = Vec::with_capacity(content.len() + 4);
    written.push(tag);
    match (high, low) {
        (0, 0..=0x7f) => written.push(low),
        (0, _) => written.extend_from_slice(&[0x81, low]),
        _ => written.extend_from_slice(&[0x82, high, low]),
    }
    written.extend_from_slice(content);
    written
}

/// Writes a positive integer given without leading zeros.
fn number(digits: &[u8]) -> Vec<u8> {
    if digits.first().is_none_or(|high| high & 0x80 != 0) {
        element(INTEGER, &Zeroizing::new([&[0], digits].concat()))
    } else {
        element(INTEGER, digits)
    }
}
