//! Password hash functions at a cost, and the work they are.
//!
//! The promise that every refusal costs the same is kept by counting, so whatever hashes does it
//! here, in a [`Memory`] that keeps the count.

use alloc::{string::String, string::ToString, vec::Vec};
use core::fmt;

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
                memory.work.argon2_kib += u64::from(memory_kib) * u64::from(passes);
            }
            Self::Scrypt { log_n, r, p } => {
                let parameters =
                    scrypt::Params::new(log_n, r, p).map_err(|error| error.to_string())?;
                scrypt::scrypt(password, salt, &parameters, out)
                    .map_err(|error| error.to_string())?;
                memory.work.scrypt_blocks += u64::from(r * p) << log_n;
            }
            Self::Pbkdf2 { digest, rounds } => {
                match digest {
                    Digest::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, out),
                    Digest::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, out),
                    Digest::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, out),
                }
                memory.work.pbkdf2_rounds += u64::from(rounds);
            }
            Self::Bcrypt { cost } => {
                bcrypt_into(cost, password, salt, out)?;
                memory.work.bcrypt_rounds += 1 << cost;
            }
        }
        memory.work.hashes += 1;
        Ok(())
    }

    /// Adds the scheme to those a refusal runs: beside another function, or in place of the same
    /// one if that costs less.
    pub(crate) fn join(self, schemes: &mut Vec<Self>) {
        for present in schemes.iter_mut() {
            match (self, *present) {
                (
                    Self::Pbkdf2 { digest, rounds },
                    Self::Pbkdf2 {
                        digest: same,
                        rounds: known,
                    },
                ) if digest == same => {
                    *present = Self::Pbkdf2 {
                        digest,
                        rounds: rounds.max(known),
                    };
                    return;
                }
                (Self::Bcrypt { cost }, Self::Bcrypt { cost: known }) => {
                    *present = Self::Bcrypt {
                        cost: cost.max(known),
                    };
                    return;
                }
                (new, known) if new == known => return,
                _ => {}
            }
        }
        schemes.push(self);
    }

    /// Does this scheme's work on nothing, less what was already spent on the same function.
    pub(crate) fn spend_rest(self, spent: Option<Self>, memory: &mut Memory) {
        match (self, spent) {
            (scheme, Some(spent)) if scheme == spent => {}
            (
                Self::Pbkdf2 { digest, rounds },
                Some(Self::Pbkdf2 {
                    digest: same,
                    rounds: spent,
                }),
            ) if digest == same => {
                let rounds = rounds.saturating_sub(spent);
                if rounds > 0 {
                    Self::Pbkdf2 { digest, rounds }.spend(memory);
                }
            }
            // 2^spent + 2^spent + 2^(spent+1) + … + 2^(cost-1) = 2^cost.
            (Self::Bcrypt { cost }, Some(Self::Bcrypt { cost: spent })) => {
                for cost in spent..cost {
                    Self::Bcrypt { cost }.spend(memory);
                }
            }
            (scheme, _) => scheme.spend(memory),
        }
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
            self.blocks.shrink_to_fit();
        }
        let missing = count.saturating_sub(self.blocks.len());
        self.blocks
            .try_reserve_exact(missing)
            .map_err(|_| "there is not enough memory")?;
        self.blocks
            .resize(self.blocks.len() + missing, Block::default());
        self.blocks
            .get_mut(..count)
            .ok_or_else(|| "there is not enough memory".to_string())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.zeroize();
        }
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
