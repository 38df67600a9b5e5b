//! Refusals that look alike take alike.
//!
//! The requests of all ways to be refused are interleaved, in another order each round, and each two
//! ways are held against each other by ranks (Mann-Whitney), which outliers of a busy machine do not
//! sway. No time is asserted. The same statistics must tell leaks that were planted, and it is
//! measured until all of those show: what then still looks alike does so to eyes that see.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test whose preparations fail must fail loudly, and shows what it measured"
)]

mod clients;
mod passwords;

use std::cmp;
use std::fmt::Debug;
use std::time::Duration;

const STEP: usize = 20;
const AT_LEAST: usize = 40;
const AT_MOST: usize = 400;
/// In standard deviations: chance alone goes so far in one of 150,000 comparisons, and there are fifteen.
const TELLS: f64 = 4.5;

/// Measures, with the time that `refuse` takes for each way, until each of `planted` shows beside
/// `usual`; then no two of `honest` must.
async fn assert_alike<W: Copy + Debug + PartialEq>(
    honest: &[W],
    planted: &[W],
    usual: W,
    refuse: impl AsyncFn(W) -> Duration,
) {
    let ways = honest.iter().chain(planted);
    let mut samples: Vec<(W, Vec<Duration>)> = ways.map(|way| (*way, Vec::new())).collect();
    // Connections and caches.
    for (way, _) in &samples {
        refuse(*way).await;
    }
    let mut order = Order(0x9E37_79B9_7F4A_7C15);
    let mut rounds = 0;
    loop {
        for _ in 0..STEP {
            order.shuffle(&mut samples);
            for (way, times) in &mut samples {
                times.push(refuse(*way).await);
            }
        }
        rounds += STEP;
        let usual = of(&samples, &usual);
        let seen = planted.iter();
        let seen = seen.map(|way| difference(usual, of(&samples, way)).abs());
        let seen: Vec<f64> = seen.collect();
        if rounds >= AT_LEAST && seen.iter().all(|seen| *seen > TELLS) {
            println!("{rounds} rounds; planted leaks show by {seen:.1?}");
            break;
        }
        assert!(
            rounds < AT_MOST,
            "what was planted does not show after {rounds} rounds: {seen:.1?}"
        );
    }
    for (number, one) in honest.iter().enumerate() {
        for other in honest.iter().skip(number + 1) {
            let seen = difference(of(&samples, one), of(&samples, other));
            println!("{one:?} and {other:?}: {seen:.1}");
            assert!(
                seen.abs() < TELLS,
                "{one:?} and {other:?} can be told apart by their time ({seen:.1} deviations)"
            );
        }
    }
}

fn of<'a, W: PartialEq>(samples: &'a [(W, Vec<Duration>)], way: &W) -> &'a [Duration] {
    let found = samples.iter().find(|(which, _)| which == way);
    &found.expect("each has its samples").1
}

/// How far the ranks of two samples lie apart, in standard deviations (Mann-Whitney, by its normal
/// approximation). Near 0 if both come from the same distribution, whatever that is.
fn difference(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| a.cmp(b)));
    let above = pairs.map(|order| match order {
        cmp::Ordering::Less => 0.0,
        cmp::Ordering::Equal => 0.5,
        cmp::Ordering::Greater => 1.0,
    });
    let count =
        |sample: &[Duration]| f64::from(u32::try_from(sample.len()).expect("a few hundred"));
    let (n, m) = (count(one), count(other));
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (above.sum::<f64>() - n * m / 2.0) / deviation
}

/// A sequence of permutations (xorshift, Fisher-Yates).
struct Order(u64);

impl Order {
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let bound = u64::try_from(last + 1).expect("a few");
            items.swap(last, usize::try_from(self.0 % bound).expect("a few"));
        }
    }
}
