//! The least strength a key must have.

use super::error::KeyError;
use crate::algorithm::{Algorithm, Hash};

/// A shared secret as long as the hash (RFC 7518 §3.2).
pub(super) fn of_secret(algorithm: Algorithm, hash: Hash, secret: &[u8]) -> Result<(), KeyError> {
    if secret.len() < hash.len() {
        return Err(KeyError::SecretTooShort {
            algorithm,
            least: hash.len(),
        });
    }
    Ok(())
}

/// 2048 to 8192 bits (RFC 7518 §3.3), an odd exponent above 1, and not from the generator whose
/// keys can be taken apart (ROCA, CVE-2017-15361).
pub(super) fn of_rsa(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let bits = bit_length(n);
    if bits < 2048 {
        return Err(KeyError::WeakRsa("it has fewer than 2048 bits"));
    }
    if bits > 8192 {
        return Err(KeyError::WeakRsa("it has more than 8192 bits"));
    }
    if n.last().is_none_or(|low| low & 1 == 0) {
        return Err(KeyError::WeakRsa("its modulus is even"));
    }
    if e.last().is_none_or(|low| low & 1 == 0) || bit_length(e) < 2 {
        return Err(KeyError::WeakRsa(
            "its exponent is not an odd number above 1",
        ));
    }
    if bit_length(e) > 33 {
        return Err(KeyError::WeakRsa("its exponent is longer than 33 bits"));
    }
    if has_roca_shape(n) {
        return Err(KeyError::WeakRsa(
            "it comes from the flawed generator of CVE-2017-15361",
        ));
    }
    Ok(())
}

fn bit_length(number: &[u8]) -> usize {
    let digits = number.iter().skip_while(|byte| **byte == 0);
    let bytes = digits.clone().count();
    let unused = digits
        .clone()
        .next()
        .map_or(0, |high| high.leading_zeros() as usize);
    bytes * 8 - unused
}

/// Keys of that generator are powers of 65537 modulo every small prime, which no honest key is by
/// more than an accident of one in 2^27 or less over these primes.
fn has_roca_shape(n: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [
        11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
    ];
    PRIMES.iter().all(|prime| {
        let residue = n
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let generator = 65537 % prime;
        let powers = core::iter::successors(Some(1), |power| Some(power * generator % prime));
        powers.take(*prime as usize).any(|power| power == residue)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_highest_one() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[0, 1, 0]), 9);
        assert_eq!(bit_length(&[0x80]), 8);
    }

    #[test]
    fn a_power_of_65537_has_the_flawed_shape() {
        assert!(has_roca_shape(&[1, 0, 1]));
        assert!(!has_roca_shape(&[1, 0, 3]));
    }
}
