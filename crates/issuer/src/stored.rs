//! Stored password hashes as text: ours, and those other systems left behind.
//!
//! A foreign hash is checked as it is and replaced by one of ours at the next sign-in. Costs are
//! bounded ([`Scheme::is_bounded`]): a line of an import file must not occupy a server for minutes.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use argon2::{
    Algorithm, Version,
    password_hash::phc::{self, Output},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use countersign::crypto::sha256;

use crate::{
    record::PasswordHash,
    scheme::{BCRYPT_OUTPUT, Digest, Memory, Scheme},
};

/// A scheme, a salt, and what came out when the password was set.
pub(crate) struct StoredHash {
    scheme: Scheme,
    salt: Vec<u8>,
    expected: Output,
    prepared: Prepared,
}

/// What is done to the password before it is hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prepared {
    /// Nothing.
    AsTyped,
    /// Django's way around bcrypt's 72 bytes: the SHA-256 in lower-case hexadecimal.
    Sha256Hex,
}

/// Why a text cannot be taken over as a password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefused {
    /// The text is of no form that [`PasswordHash::import`] lists.
    #[error("the password hash is of no known form")]
    UnknownForm,
    /// The form is known and the function's cost is past what is computed for a sign-in.
    #[error("the password hash is too costly to check: its parameters are out of bounds")]
    OutOfBounds,
}

impl ImportRefused {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownForm => "unknown_password_hash",
            Self::OutOfBounds => "password_hash_out_of_bounds",
        }
    }
}

impl PasswordHash {
    /// Takes over the hash another system stored, if it can be checked here.
    ///
    /// | written by | form |
    /// |---|---|
    /// | us, and whoever keeps to PHC strings | `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, `$scrypt$ln=…,r=…,p=…$salt$hash` |
    /// | Werkzeug | `scrypt:32768:8:1$salt$hex`, `pbkdf2:sha256:600000$salt$hex` |
    /// | Django | `pbkdf2_sha256$…$salt$base64`, `argon2$argon2id$…`, `bcrypt_sha256$$2b$12$…` |
    /// | bcrypt | `$2b$12$…`, and `$2a$`, `$2y$` |
    ///
    /// ```
    /// use countersign_issuer::PasswordHash;
    ///
    /// let known = "$2b$05$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG.3q52w6Op12DyM6iVAtBcB.";
    /// assert!(PasswordHash::import(known).is_ok());
    /// let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    /// assert_eq!(PasswordHash::import(md5).unwrap_err().code(), "unknown_password_hash");
    /// ```
    ///
    /// # Errors
    /// [`ImportRefused`].
    pub fn import(text: &str) -> Result<Self, ImportRefused> {
        let stored = read(text).ok_or(ImportRefused::UnknownForm)?;
        if !stored.scheme.is_bounded() {
            return Err(ImportRefused::OutOfBounds);
        }
        Ok(Self::from_stored(text))
    }
}

impl StoredHash {
    /// Reads a text of a known form and bounded cost.
    pub(crate) fn read(text: &str) -> Option<Self> {
        read(text).filter(|stored| stored.scheme.is_bounded())
    }

    /// Hashes and writes the PHC string.
    pub(crate) fn make(
        scheme: Scheme,
        password: &[u8],
        salt: [u8; 16],
        memory: &mut Memory,
    ) -> Result<String, String> {
        let Scheme::Argon2 {
            variant,
            version,
            memory_kib,
            passes,
            lanes,
        } = scheme
        else {
            return Err("new hashes are made with Argon2 only".to_string());
        };
        let mut out = [0; 32];
        scheme.run(password, &salt, &mut out, memory)?;
        Ok(format!(
            "${}$v={}$m={memory_kib},t={passes},p={lanes}${}${}",
            variant.as_str(),
            u32::from(version),
            BASE64_STANDARD_NO_PAD.encode(salt),
            BASE64_STANDARD_NO_PAD.encode(out),
        ))
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether this is the password. The results are compared in constant time.
    pub(crate) fn matches(&self, password: &[u8], memory: &mut Memory) -> bool {
        let hexadecimal;
        let password = match self.prepared {
            Prepared::AsTyped => password,
            Prepared::Sha256Hex => {
                hexadecimal = to_hex(&sha256(password));
                hexadecimal.as_bytes()
            }
        };
        let mut out = [0; Scheme::MAX_OUTPUT];
        let Some(out) = out.get_mut(..self.expected.len()) else {
            return false;
        };
        let done = self.scheme.run(password, &self.salt, out, memory);
        done.is_ok() && Output::new(out).is_ok_and(|output| output == self.expected)
    }
}

fn read(text: &str) -> Option<StoredHash> {
    let (form, rest) = text.split_once(['$', ':'])?;
    match form {
        "" => phc(text),
        "scrypt" if text.starts_with("scrypt:") => werkzeug(rest, werkzeug_scrypt),
        "pbkdf2" if text.starts_with("pbkdf2:") => werkzeug(rest, werkzeug_pbkdf2),
        "pbkdf2_sha256" => django_pbkdf2(rest, Digest::Sha256),
        "pbkdf2_sha1" => django_pbkdf2(rest, Digest::Sha1),
        "argon2" => phc(text.strip_prefix("argon2")?),
        "bcrypt_sha256" => bcrypt(rest, Prepared::Sha256Hex),
        "bcrypt" => bcrypt(rest, Prepared::AsTyped),
        _ => None,
    }
}

fn phc(text: &str) -> Option<StoredHash> {
    if text.starts_with("$2") {
        return bcrypt(text, Prepared::AsTyped);
    }
    let hash = phc::PasswordHash::new(text).ok()?;
    let parameter = |name: &str| hash.params.get_decimal(name);
    let only = |names: &[&str]| {
        hash.params
            .iter()
            .all(|(name, _)| names.contains(&name.as_str()))
    };
    let scheme = match hash.algorithm.as_str() {
        "scrypt" if only(&["ln", "r", "p"]) => Scheme::Scrypt {
            log_n: u8::try_from(parameter("ln")?).ok()?,
            r: parameter("r")?,
            p: parameter("p")?,
        },
        name if only(&["m", "t", "p"]) => Scheme::Argon2 {
            variant: Algorithm::new(name).ok()?,
            version: match hash.version {
                None | Some(0x10) => Version::V0x10,
                Some(0x13) => Version::V0x13,
                Some(_) => return None,
            },
            memory_kib: parameter("m")?,
            passes: parameter("t")?,
            lanes: parameter("p")?,
        },
        _ => return None,
    };
    Some(StoredHash {
        scheme,
        salt: hash.salt?.as_ref().to_vec(),
        expected: hash.hash?,
        prepared: Prepared::AsTyped,
    })
}

/// `method:parameters$salt$hex`; the salt is used as the text it is.
fn werkzeug(rest: &str, method: fn(&str, usize) -> Option<Scheme>) -> Option<StoredHash> {
    let mut parts = rest.split('$');
    let (parameters, salt, hexadecimal) = (parts.next()?, parts.next()?, parts.next()?);
    let expected = Output::new(&from_hex(hexadecimal)?).ok()?;
    salted(
        method(parameters, expected.len())?,
        salt,
        expected,
        parts.next(),
    )
}

fn werkzeug_scrypt(parameters: &str, _: usize) -> Option<Scheme> {
    let mut numbers = parameters.split(':').map(number);
    let (n, r, p) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let log_n = u8::try_from(n.checked_ilog2()?).ok()?;
    (n.is_power_of_two() && numbers.next().is_none()).then_some(Scheme::Scrypt { log_n, r, p })
}

fn werkzeug_pbkdf2(parameters: &str, len: usize) -> Option<Scheme> {
    let (digest, rounds) = parameters.split_once(':')?;
    let digest = match digest {
        "sha1" => Digest::Sha1,
        "sha256" => Digest::Sha256,
        "sha512" => Digest::Sha512,
        _ => return None,
    };
    let rounds = number(rounds)?;
    (len == digest.len()).then_some(Scheme::Pbkdf2 { digest, rounds })
}

/// `rounds$salt$base64`; the salt is used as the text it is.
fn django_pbkdf2(rest: &str, digest: Digest) -> Option<StoredHash> {
    let mut parts = rest.split('$');
    let (rounds, salt, encoded) = (number(parts.next()?)?, parts.next()?, parts.next()?);
    let expected = Output::new(&BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let scheme = Scheme::Pbkdf2 { digest, rounds };
    (expected.len() == digest.len()).then(|| salted(scheme, salt, expected, parts.next()))?
}

fn salted(scheme: Scheme, salt: &str, expected: Output, rest: Option<&str>) -> Option<StoredHash> {
    let well_formed = rest.is_none() && (1..=64).contains(&salt.len());
    well_formed.then(|| StoredHash {
        scheme,
        salt: salt.as_bytes().to_vec(),
        expected,
        prepared: Prepared::AsTyped,
    })
}

/// `$2b$cost$` and 53 characters of bcrypt's own base64: 22 of salt, 31 of hash.
fn bcrypt(text: &str, prepared: Prepared) -> Option<StoredHash> {
    let rest = ["$2b$", "$2a$", "$2y$"]
        .iter()
        .find_map(|form| text.strip_prefix(form))?;
    let (cost, rest) = rest.split_once('$')?;
    let (salt, hash) = rest.split_at_checked(22)?;
    let salt = bcrypt::BASE_64.decode(salt).ok()?;
    let hash = bcrypt::BASE_64.decode(hash).ok()?;
    (cost.len() == 2 && salt.len() == 16 && hash.len() == BCRYPT_OUTPUT).then_some(StoredHash {
        scheme: Scheme::Bcrypt {
            cost: number(cost)?,
        },
        salt,
        expected: Output::new(&hash).ok()?,
        prepared,
    })
}

/// A decimal number of digits only: no sign, no space.
fn number(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| {
        let high = char::from(*pair.first()?).to_digit(16)?;
        let low = char::from(*pair.last()?).to_digit(16)?;
        u8::try_from(high * 16 + low).ok()
    };
    text.as_bytes().chunks_exact(2).map(pair).collect()
}
