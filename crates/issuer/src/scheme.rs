//! Password hash functions at a cost, and the work they are.
//!
//! The promise that every refusal costs the same is kept by counting, so whatever hashes does it
//! here, in a [`Memory`] that keeps the count.

use alloc::{string::String, string::ToString, vec::Vec};
use core::{fmt, mem};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// A function at a cost. Values of this type keep the bounds of [`Scheme::is_bounded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RFC 9106.
    Argon2 {
        variant: Algorithm,
        version: Version,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    },
    /// RFC 7914; N is 2 to the power of `log_n`.
    Scrypt { log_n: u8, r: u32, p: u32 },
    /// RFC 8018 with HMAC.
    Pbkdf2 { digest: Digest, rounds: u32 },
    /// 2 to the power of `cost` rounds.
    Bcrypt { cost: u32 },
}

/// Bounds of Argon2: a gibibyte, and some seconds of work.
pub(crate) const MOST_MEMORY_KIB: u32 = 1 << 20;
pub(crate) const MOST_ARGON2_WORK: u64 = 1 << 22;
pub(crate) const MOST_PASSES: u32 = 64;
pub(crate) const MOST_LANES: u32 = 16;

/// The hash function inside PBKDF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    /// Bytes of its result.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Scheme {
    /// The longest result of any function, in bytes.
    pub(crate) const MAX_OUTPUT: usize = 64;

    /// Whether a hash of this cost may be computed for whoever asks: some seconds at most, and at
    /// most a gibibyte.
    pub(crate) fn is_bounded(self) -> bool {
        match self {
            Self::Argon2 {
                memory_kib,
                passes,
                lanes,
                ..
            } => {
                (1..=MOST_LANES).contains(&lanes)
                    && (8 * lanes..=MOST_MEMORY_KIB).contains(&memory_kib)
                    && (1..=MOST_PASSES).contains(&passes)
                    && u64::from(memory_kib) * u64::from(passes) <= MOST_ARGON2_WORK
            }
            Self::Scrypt { log_n, r, p } => {
                (1..=20).contains(&log_n)
                    && (1..=32).contains(&r)
                    && (1..=16).contains(&p)
                    && (u64::from(r * p) << log_n) <= 1 << 23
            }
            Self::Pbkdf2 { rounds, .. } => (1..=10_000_000).contains(&rounds),
            Self::Bcrypt { cost } => (4..=16).contains(&cost),
        }
    }

    /// Hashes into `out`, whose length is part of the result.
    ///
    /// # Errors
    /// What the function said: no memory, or a salt or length it does not take.
    pub(crate) fn run(
        self,
        password: &[u8],
        salt: &[u8],
        out: &mut [u8],
        memory: &mut Memory,
    ) -> Result<(), String> {
        match self {
            Self::Argon2 {
                variant,
                version,
                memory_kib,
                passes,
                lanes,
            } => {
                let parameters = Params::new(memory_kib, passes, lanes, Some(out.len()))
                    .map_err(|error| error.to_string())?;
                let blocks = memory.blocks(parameters.block_count())?;
                Argon2::new(variant, version, parameters)
                    .hash_password_into_with_memory(password, salt, out, blocks)
                    .map_err(|error| error.to_string())?;
                memory.work.argon2_kib += self.units();
            }
            Self::Scrypt { log_n, r, p } => {
                let parameters =
                    scrypt::Params::new(log_n, r, p).map_err(|error| error.to_string())?;
                scrypt::scrypt(password, salt, &parameters, out)
                    .map_err(|error| error.to_string())?;
                memory.work.scrypt_blocks += self.units();
            }
            Self::Pbkdf2 { digest, rounds } => {
                match digest {
                    Digest::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, out),
                    Digest::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, out),
                    Digest::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, out),
                }
                memory.work.pbkdf2_rounds += self.units();
            }
            Self::Bcrypt { cost } => {
                bcrypt_into(cost, password, salt, out)?;
                memory.work.bcrypt_rounds += self.units();
            }
        }
        memory.work.hashes += 1;
        Ok(())
    }

    /// Adds the scheme to those a refusal runs: beside other functions, or in place of the same one
    /// if that costs less. So there is never more than one of a function, however many costs of it
    /// are stored.
    pub(crate) fn join(self, schemes: &mut Vec<Self>) {
        match schemes
            .iter_mut()
            .find(|known| self.is_function_of(**known))
        {
            Some(known) if known.units() < self.units() => *known = self,
            Some(_) => {}
            None => schemes.push(self),
        }
    }

    /// Does this scheme's work on nothing, less what was already spent on the same function.
    pub(crate) fn spend_rest(self, spent: Option<Self>, memory: &mut Memory) {
        let spent = spent.filter(|spent| self.is_function_of(*spent));
        let mut rest = self.units().saturating_sub(spent.map_or(0, Self::units));
        while let Some(part) = self.part_of(rest) {
            part.spend(memory);
            rest -= part.units();
        }
    }

    /// Whether costs of the two can be held against each other.
    fn is_function_of(self, other: Self) -> bool {
        match (self, other) {
            (Self::Pbkdf2 { digest, .. }, Self::Pbkdf2 { digest: other, .. }) => digest == other,
            _ => mem::discriminant(&self) == mem::discriminant(&other),
        }
    }

    /// The work, in the function's own unit, in which time is proportional to it.
    fn units(self) -> u64 {
        match self {
            Self::Argon2 {
                memory_kib, passes, ..
            } => u64::from(memory_kib) * u64::from(passes),
            Self::Scrypt { log_n, r, p } => u64::from(r * p) << log_n,
            Self::Pbkdf2 { rounds, .. } => u64::from(rounds),
            Self::Bcrypt { cost } => 1 << cost,
        }
    }

    /// The same function at the highest cost that is neither above this one's nor above so many
    /// units; none if the units are too few for any.
    fn part_of(self, units: u64) -> Option<Self> {
        if units >= self.units() {
            return Some(self);
        }
        let small = u32::try_from(units).unwrap_or(u32::MAX);
        let part = match self {
            Self::Argon2 {
                variant,
                version,
                memory_kib,
                lanes,
                ..
            } => {
                let passes = small / memory_kib;
                let (memory_kib, passes) = if passes == 0 {
                    (small, 1)
                } else {
                    (memory_kib, passes)
                };
                Self::Argon2 {
                    variant,
                    version,
                    memory_kib,
                    passes,
                    lanes: lanes.min(memory_kib / 8),
                }
            }
            Self::Scrypt { log_n, r, .. } => match (small / r) >> log_n {
                0 => Self::Scrypt {
                    log_n: u8::try_from((small / r).checked_ilog2()?).ok()?,
                    r,
                    p: 1,
                },
                p => Self::Scrypt { log_n, r, p },
            },
            Self::Pbkdf2 { digest, .. } => Self::Pbkdf2 {
                digest,
                rounds: small,
            },
            Self::Bcrypt { .. } => Self::Bcrypt {
                cost: small.checked_ilog2()?,
            },
        };
        part.is_bounded().then_some(part)
    }

    fn spend(self, memory: &mut Memory) {
        let mut out = [0; 32];
        let len = match self {
            Self::Pbkdf2 { digest, .. } => digest.len().min(out.len()),
            Self::Bcrypt { .. } => BCRYPT_OUTPUT,
            Self::Argon2 { .. } | Self::Scrypt { .. } => out.len(),
        };
        if let Some(out) = out.get_mut(..len) {
            // It can fail for want of memory only, and then there is nothing left to hide.
            drop(self.run(b"not a password", &[0; 16], out, memory));
        }
        core::hint::black_box(out);
    }
}

/// Bytes of bcrypt's result; the twenty-fourth was never stored.
pub(crate) const BCRYPT_OUTPUT: usize = 23;

fn bcrypt_into(cost: u32, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), String> {
    let salt = <[u8; 16]>::try_from(salt).map_err(|_| "bcrypt takes a salt of 16 bytes")?;
    // As everywhere: a zero byte ends the password, and no more than 72 bytes count.
    let mut bytes = Zeroizing::new([0; 72]);
    let used = bytes
        .iter_mut()
        .zip(password)
        .map(|(byte, typed)| *byte = *typed)
        .count();
    let bytes = bytes.get(..(used + 1).min(72)).unwrap_or_default();
    let result = bcrypt::bcrypt(cost, salt, bytes);
    match result.get(..out.len()) {
        Some(result) => out.copy_from_slice(result),
        None => return Err("bcrypt gives 24 bytes".to_string()),
    }
    Ok(())
}

/// Room for so many blocks is asked for, of which only those that a hash needs are ever touched.
/// glibc gives memory back to the system at once from blocks of more than 32 MiB; smaller ones it
/// keeps in a heap, after the first, for as long as the thread's heap lives.
const OWN_MAPPING: usize = 33 * 1024;

/// What a thread hashes in. Argon2id's blocks are kept from one hash to the next and wiped at the
/// end.
pub(crate) struct Memory {
    blocks: Vec<Block>,
    /// How many blocks are kept.
    keep: usize,
    work: Work,
}

impl Memory {
    /// Memory that keeps what a hash of this many KiB needs.
    pub(crate) fn keeping(memory_kib: u32) -> Self {
        Self {
            blocks: Vec::new(),
            keep: usize::try_from(memory_kib).unwrap_or_default(),
            work: Work::default(),
        }
    }

    pub(crate) const fn work(&self) -> Work {
        self.work
    }

    fn blocks(&mut self, count: usize) -> Result<&mut [Block], String> {
        // An imported hash may have needed far more than ours do.
        let keep = count.max(self.keep);
        if let Some(surplus) = self.blocks.get_mut(keep..).filter(|rest| !rest.is_empty()) {
            surplus.iter_mut().for_each(Zeroize::zeroize);
            self.blocks.truncate(keep);
            self.blocks.shrink_to(OWN_MAPPING);
        }
        let missing = count.saturating_sub(self.blocks.len());
        let room = missing.max(OWN_MAPPING.saturating_sub(self.blocks.len()));
        self.blocks
            .try_reserve_exact(room)
            .map_err(|_| "there is not enough memory")?;
        self.blocks
            .resize(self.blocks.len() + missing, Block::default());
        self.blocks
            .get_mut(..count)
            .ok_or_else(|| "there is not enough memory".to_string())
    }
}

impl Memory {
    /// Wipes what is kept and gives it back to the system.
    pub(crate) fn give_back(&mut self) {
        for block in &mut self.blocks {
            block.zeroize();
        }
        self.blocks = Vec::new();
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("blocks", &self.blocks.len())
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

/// Work done, by function, in each one's own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Hashes of any kind.
    pub hashes: u64,
    /// Argon2: KiB of memory times passes.
    pub argon2_kib: u64,
    /// scrypt: N times r times p.
    pub scrypt_blocks: u64,
    /// PBKDF2: rounds.
    pub pbkdf2_rounds: u64,
    /// bcrypt: rounds of its key schedule.
    pub bcrypt_rounds: u64,
}
