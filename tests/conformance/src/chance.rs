//! Chance that can be had again: a seed makes the same choices every time.

use std::time::{SystemTime, UNIX_EPOCH};

/// A sequence of choices (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of `COUNTERSIGN_TEST_SEED`, or else a new one; the seed is printed, so that a
    /// failure can be repeated with it.
    ///
    /// # Panics
    /// If the variable is something else than a number.
    pub fn from_environment() -> Self {
        let seed = match std::env::var("COUNTERSIGN_TEST_SEED") {
            Ok(text) => text
                .parse()
                .expect("COUNTERSIGN_TEST_SEED is a whole number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(1, |time| {
                    u64::from(time.subsec_nanos()) ^ (time.as_secs() << 20)
                }),
        };
        println!("COUNTERSIGN_TEST_SEED={seed}");
        Self(seed)
    }

    /// A sequence of its own, made from this one.
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder does not matter for bounds this small.
        self.draw() % bound.max(1)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}
