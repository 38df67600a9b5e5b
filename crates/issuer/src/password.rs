//! Passwords: what may be one, how one is hashed, and how one is checked.
//!
//! ```text
//! text -> Password -> PasswordHasher::check(user?) -> PasswordProof, or InvalidCredentials
//! text -> Password -> NewPassword (the policy) -> PasswordHasher::hash -> PasswordHash
//! ```
//!
//! Unknown name, disabled user, wrong password: one refusal, and the same work before it, so that
//! neither the answer nor its time tells which. Hashing is slow on purpose and blocks; the server
//! gives it threads of its own, with one [`PasswordHasher`] each.
//!
//! A password is the bytes of the text as it was typed: it is not normalised, so a client that
//! composes accents differently sends another password.

use alloc::{string::String, vec::Vec};
use core::fmt;

use argon2::{Algorithm, Version};
use zeroize::Zeroizing;

use crate::{
    error::{IssuerError, Refused},
    record::{PasswordHash, User},
    scheme::{self, Memory, Scheme, Work},
    stored::StoredHash,
};

/// Checks and makes password hashes, one at a time. It keeps the memory Argon2id works in, so that
/// the next hash does not have to ask the system for it again.
#[derive(Debug)]
pub struct PasswordHasher {
    parameters: PasswordParameters,
    /// What every refusal does the work of: one scheme of each function, the current one first.
    schemes: Vec<Scheme>,
    memory: Memory,
}

impl PasswordHasher {
    /// A hasher that makes hashes with these parameters.
    pub fn new(parameters: PasswordParameters) -> Self {
        Self {
            parameters,
            schemes: Vec::from([parameters.scheme()]),
            memory: Memory::keeping(parameters.memory_kib),
        }
    }

    /// Pads refusals to the work of the stored hashes as well, and no others: give one of each kind
    /// in the store, at start and when they may have changed. A kind that was left out is padded
    /// for once somebody tries to sign in with it. Texts of no known form are passed over; nobody
    /// can sign in with them.
    ///
    /// Of each function a refusal does the work of the costliest that is stored. Different
    /// functions compare in no unit that holds on every machine and under every load, so of two
    /// functions it does the work of both.
    pub fn pad_for<'a>(&mut self, stored: impl IntoIterator<Item = &'a PasswordHash>) {
        self.schemes = Vec::from([self.parameters.scheme()]);
        for hash in stored {
            if let Some(stored) = StoredHash::read(hash.as_str()) {
                stored.scheme().join(&mut self.schemes);
            }
        }
    }

    /// Whether the password is this user's. Unknown names are checked as well, with `None`.
    ///
    /// # Errors
    /// [`Refused::InvalidCredentials`] for an unknown name, a disabled user, a wrong password and a
    /// stored hash of no known form, after the same work.
    pub fn check(
        &mut self,
        user: Option<&User>,
        password: &Password,
    ) -> Result<PasswordProof, Refused> {
        let Some(user) = user else {
            return Err(self.refuse());
        };
        let Some(stored) = StoredHash::read(user.password_hash.as_str()) else {
            return Err(self.refuse());
        };
        // Whatever this meets, the refusals of unknown names cost as well from now on.
        stored.scheme().join(&mut self.schemes);
        let right = stored.matches(password.as_bytes(), &mut self.memory);
        if right && !user.disabled {
            return Ok(PasswordProof {
                user: user.clone(),
                rehash_due: stored.scheme() != self.parameters.scheme(),
            });
        }
        self.pad(Some(stored.scheme()));
        Err(Refused::InvalidCredentials)
    }

    /// Refuses without a password to check (it was empty, or too long), after the same work as any
    /// other refusal.
    pub fn refuse(&mut self) -> Refused {
        self.pad(None);
        Refused::InvalidCredentials
    }

    /// Hashes a new password. The salt is 16 bytes from a cryptographic generator.
    ///
    /// # Errors
    /// [`IssuerError::Hashing`] when there is no memory for it.
    pub fn hash(
        &mut self,
        password: &NewPassword,
        salt: [u8; 16],
    ) -> Result<PasswordHash, IssuerError> {
        self.hash_bytes(password.0.as_bytes(), salt)
    }

    /// Hashes a password again that was just proved right, when [`PasswordProof::rehash_due`] says
    /// so.
    ///
    /// # Errors
    /// As for [`hash`](Self::hash).
    pub fn rehash(
        &mut self,
        _proof: &PasswordProof,
        password: &Password,
        salt: [u8; 16],
    ) -> Result<PasswordHash, IssuerError> {
        self.hash_bytes(password.as_bytes(), salt)
    }

    /// Gives back the memory that is kept between hashes; the next hash asks for it again.
    pub fn rest(&mut self) {
        self.memory.give_back();
    }

    /// The parameters new hashes are made with.
    pub const fn parameters(&self) -> PasswordParameters {
        self.parameters
    }

    /// All the work done so far, by function: for metrics, and for the test that refusals cost the
    /// same.
    pub const fn work(&self) -> Work {
        self.memory.work()
    }

    fn hash_bytes(&mut self, password: &[u8], salt: [u8; 16]) -> Result<PasswordHash, IssuerError> {
        StoredHash::make(self.parameters.scheme(), password, salt, &mut self.memory)
            .map(PasswordHash::from_stored)
            .map_err(|why| IssuerError::Hashing { why })
    }

    /// Does the work of a refusal, less what was spent on a real check.
    fn pad(&mut self, spent: Option<Scheme>) {
        for scheme in &self.schemes {
            scheme.spend_rest(spent, &mut self.memory);
        }
    }
}

/// The password was right. Only [`PasswordHasher::check`] makes one:
///
/// ```compile_fail,E0451
/// fn made_up(user: countersign_issuer::User) -> countersign_issuer::PasswordProof {
///     countersign_issuer::PasswordProof { user, rehash_due: false }
/// }
/// ```
#[derive(Debug)]
pub struct PasswordProof {
    user: User,
    rehash_due: bool,
}

impl PasswordProof {
    /// The user who proved it.
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// Whether the stored hash is of another scheme or cost than new ones, and should be replaced
    /// now that the password is at hand.
    pub const fn rehash_due(&self) -> bool {
        self.rehash_due
    }

    pub(crate) fn into_user(self) -> User {
        self.user
    }
}

/// A password as it was typed: 1 to 256 characters. It does not print and is wiped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// The longest password that is ever hashed, in characters.
    pub const MAX_CHARS: usize = 256;

    /// Takes what was typed.
    ///
    /// # Errors
    /// [`Refused::PasswordEmpty`], [`Refused::PasswordTooLong`]. At a sign-in both must look like
    /// any other refusal: answer them with [`PasswordHasher::refuse`].
    pub fn new(text: impl Into<String>) -> Result<Self, Refused> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            return Err(Refused::PasswordEmpty);
        }
        // A character has at most four bytes, so that what is far too long need not be counted.
        let limit = Self::MAX_CHARS;
        if text.len() > 4 * limit || text.chars().count() > limit {
            return Err(Refused::PasswordTooLong { limit });
        }
        Ok(Self(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// What a new password must be. Old ones are not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The least number of characters.
    pub least_chars: usize,
}

impl Default for PasswordPolicy {
    /// Eight characters (NIST SP 800-63B §5.1.1.2).
    fn default() -> Self {
        Self { least_chars: 8 }
    }
}

/// A password that the policy allows for this user: the only kind that can be set.
#[derive(Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Holds a password against the policy.
    ///
    /// # Errors
    /// [`Refused::PasswordTooShort`], and [`Refused::PasswordIsName`] in whatever case it is
    /// written.
    pub fn choose(
        password: Password,
        username: &str,
        policy: PasswordPolicy,
    ) -> Result<Self, Refused> {
        let least = policy.least_chars;
        if password.0.chars().count() < least {
            return Err(Refused::PasswordTooShort { least });
        }
        let lower = Zeroizing::new(password.0.to_lowercase());
        if *lower == username.to_lowercase() {
            return Err(Refused::PasswordIsName);
        }
        Ok(Self(password))
    }
}

/// The cost of Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for PasswordParameters {
    /// m = 19456 KiB, t = 2, p = 1.
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

impl PasswordParameters {
    /// The least memory, in KiB.
    pub const LEAST_MEMORY_KIB: u32 = 7_168;
    /// The least product of memory in KiB and passes: less memory must be made up for by more
    /// passes. The five parameter sets of the OWASP Password Storage Cheat Sheet lie on or above
    /// it.
    pub const LEAST_WORK: u64 = 35_840;
    /// The most of that product, some seconds of work.
    pub const MOST_WORK: u64 = scheme::MOST_ARGON2_WORK;
    /// The most memory, in KiB.
    pub const MOST_MEMORY_KIB: u32 = scheme::MOST_MEMORY_KIB;
    /// The most passes.
    pub const MOST_PASSES: u32 = scheme::MOST_PASSES;
    /// The most lanes.
    pub const MOST_LANES: u32 = scheme::MOST_LANES;

    /// Memory in KiB (m), passes (t) and lanes (p).
    ///
    /// # Errors
    /// [`IssuerError::PasswordParameters`] below the floor or above the ceiling.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, IssuerError> {
        let refuse = |why| {
            Err(IssuerError::PasswordParameters {
                memory_kib,
                passes,
                lanes,
                why,
            })
        };
        if memory_kib < Self::LEAST_MEMORY_KIB {
            refuse("m must be at least 7168")
        } else if u64::from(memory_kib) * u64::from(passes) < Self::LEAST_WORK {
            refuse("m times t must be at least 35840")
        } else if u64::from(memory_kib) * u64::from(passes) > Self::MOST_WORK {
            refuse("m times t must be at most 4194304")
        } else if memory_kib > Self::MOST_MEMORY_KIB {
            refuse("m must be at most 1048576")
        } else if passes > Self::MOST_PASSES {
            refuse("t must be at most 64")
        } else if lanes == 0 || lanes > Self::MOST_LANES {
            refuse("p must be 1 to 16")
        } else {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        }
    }

    /// Memory in KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    const fn scheme(self) -> Scheme {
        Scheme::Argon2 {
            variant: Algorithm::Argon2id,
            version: Version::V0x13,
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        }
    }
}
