//! What is counted with: plain atomics. Adding takes no lock and no memory, and costs a few
//! nanoseconds beside a request's tens of microseconds.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::label::Label;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A counter for each value of a label.
pub struct Counters<L> {
    counts: Box<[Counter]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Counters<L> {
    /// One more of these.
    pub fn add(&self, label: L) {
        if let Some(count) = self.counts.get(label.place()) {
            count.add();
        }
    }

    /// Every value of the label, and how many of it so far.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.counts.iter().map(Counter::read);
        L::TEXTS.iter().copied().zip(counts)
    }
}

impl<L: Label> Default for Counters<L> {
    fn default() -> Self {
        Self {
            counts: L::TEXTS.iter().map(|_| Counter::default()).collect(),
            label: PhantomData,
        }
    }
}

impl<L: Label> fmt::Debug for Counters<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.read()).finish()
    }
}

/// How often what was measured fell below each of a few bounds.
#[derive(Debug)]
pub struct Histogram {
    scale: &'static Scale,
    /// One for each bound, and one for what is above them all.
    counts: Box<[Counter]>,
    sum: AtomicU64,
}

/// What a histogram measures in.
#[derive(Debug)]
pub struct Scale {
    /// In the unit that is counted, rising.
    bounds: &'static [u64],
    /// How many of those make one of the unit that is shown.
    shown: u32,
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;

/// Requests, from memory to a password's hash.
pub static REQUEST: Scale = Scale {
    bounds: &[
        500 * MICROSECOND,
        MILLISECOND,
        2_500 * MICROSECOND,
        5 * MILLISECOND,
        10 * MILLISECOND,
        25 * MILLISECOND,
        50 * MILLISECOND,
        100 * MILLISECOND,
        250 * MILLISECOND,
        1_000 * MILLISECOND,
        5_000 * MILLISECOND,
    ],
    shown: 1_000_000_000,
};

/// A disk or a database on the same network.
pub static STORE: Scale = Scale {
    bounds: &[
        50 * MICROSECOND,
        100 * MICROSECOND,
        250 * MICROSECOND,
        500 * MICROSECOND,
        MILLISECOND,
        2_500 * MICROSECOND,
        5 * MILLISECOND,
        10 * MILLISECOND,
        25 * MILLISECOND,
        100 * MILLISECOND,
        1_000 * MILLISECOND,
    ],
    shown: 1_000_000_000,
};

/// A password's hash, which is slow on purpose.
pub static HASH: Scale = Scale {
    bounds: &[
        10 * MILLISECOND,
        20 * MILLISECOND,
        30 * MILLISECOND,
        50 * MILLISECOND,
        75 * MILLISECOND,
        100 * MILLISECOND,
        250 * MILLISECOND,
        500 * MILLISECOND,
        1_000 * MILLISECOND,
        2_500 * MILLISECOND,
    ],
    shown: 1_000_000_000,
};

/// How many of something.
pub static PIECES: Scale = Scale {
    bounds: &[1, 2, 4, 8, 16, 32, 64, 128, 256],
    shown: 1,
};

impl Histogram {
    /// Nothing measured yet.
    pub fn new(scale: &'static Scale) -> Self {
        let bounds = scale.bounds.iter().map(|_| Counter::default());
        Self {
            scale,
            counts: bounds.chain([Counter::default()]).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// It took so long.
    pub fn took(&self, time: Duration) {
        self.measure(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// It was so many.
    pub fn measure(&self, value: u64) {
        let place = self.scale.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.add();
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Each bound, and how many were not above it.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.scale.bounds.iter().map(|bound| self.shown(*bound));
        let mut so_far = 0;
        bounds
            .chain([f64::INFINITY])
            .zip(&self.counts)
            .map(move |(bound, count)| {
                so_far += count.read();
                (bound, so_far)
            })
    }

    pub(super) fn sum(&self) -> f64 {
        self.shown(self.sum.load(Ordering::Relaxed))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds of a hundred days still fit, and nobody reads them one by one"
    )]
    fn shown(&self, value: u64) -> f64 {
        value as f64 / f64::from(self.scale.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_below_its_bound_and_all_above_it() {
        let histogram = Histogram::new(&PIECES);
        for value in [1, 2, 3, 256, 257] {
            histogram.measure(value);
        }
        let counts: Vec<u64> = histogram.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 3, 3, 3, 3, 3, 3, 4, 5]);
        let bounds: Vec<f64> = histogram.buckets().map(|(bound, _)| bound).collect();
        assert!(bounds.is_sorted() && bounds.last().is_some_and(|last| last.is_infinite()));
        assert!((histogram.sum() - 519.0).abs() < 1e-9);
    }

    #[test]
    fn time_is_shown_in_seconds() {
        let histogram = Histogram::new(&REQUEST);
        histogram.took(Duration::from_millis(20));
        histogram.took(Duration::MAX);
        let below = histogram.buckets().find(|(_, count)| *count == 1);
        assert_eq!(
            below.map(|(bound, _)| bound.to_string()),
            Some("0.025".into())
        );
    }
}
