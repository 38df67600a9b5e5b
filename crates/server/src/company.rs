//! Whether whoever asks is alone in asking.
//!
//! What is best done for one client that asks one thing after the other is not best for several at
//! once. How many requests are under way does not tell which it is: short ones hardly ever are, and
//! those that wait for a busy thread have not been read yet. So it is noted who asks, and when.
//!
//! Two who ask at the same moment may be noted in any order. Nothing but speed follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whoever has asked so long ago may be gone. It is longer than a good disk takes for a write, so that
/// several who ask one thing after the other are found to be several.
const GONE: Duration = Duration::from_millis(2);

/// Everybody who asks.
#[derive(Debug)]
pub(crate) struct Company {
    since: Instant,
    askers: AtomicU64,
    /// Who asked last, by number, and when. Times are microseconds.
    last: AtomicU64,
    last_at: AtomicU64,
    /// Until when nobody is alone.
    until: AtomicU64,
}

/// Somebody who asks one thing after the other.
#[derive(Debug)]
pub(crate) struct Asker {
    company: Arc<Company>,
    number: u64,
}

impl Company {
    fn since(now: Instant) -> Self {
        Self {
            since: now,
            askers: AtomicU64::new(0),
            last: AtomicU64::new(0),
            last_at: AtomicU64::new(0),
            until: AtomicU64::new(0),
        }
    }

    /// One more who may ask.
    pub(crate) fn asker(self: &Arc<Self>) -> Asker {
        Asker {
            company: Arc::clone(self),
            number: self.askers.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    /// Whether nobody asks, or one alone.
    pub(crate) fn is_alone(&self, now: Instant) -> bool {
        self.at(now) >= self.until.load(Ordering::Relaxed)
    }

    fn several(&self, at: u64) {
        self.until.store(at + micros(GONE), Ordering::Relaxed);
    }

    fn at(&self, now: Instant) -> u64 {
        micros(now.saturating_duration_since(self.since))
    }
}

impl Default for Company {
    /// Of which nothing is heard yet.
    fn default() -> Self {
        Self::since(Instant::now())
    }
}

impl Asker {
    /// One thing, after whatever this one asked before was answered.
    pub(crate) fn asks(&self, now: Instant) {
        let (company, at) = (&self.company, self.company.at(now));
        let last = company.last.swap(self.number, Ordering::Relaxed);
        let last_at = company.last_at.swap(at, Ordering::Relaxed);
        let gone = last == 0 || at.saturating_sub(last_at) >= micros(GONE);
        if last != self.number && !gone {
            company.several(at);
        }
    }

    /// One thing before another was answered: whoever does so is several.
    pub(crate) fn asks_meanwhile(&self, now: Instant) {
        self.company.several(self.company.at(now));
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(200);

    #[test]
    fn one_who_asks_one_thing_after_the_other_is_alone() {
        let mut now = Instant::now();
        let company = Arc::new(Company::since(now));
        assert!(company.is_alone(now), "nobody has asked");
        let asker = company.asker();
        for _ in 0..100 {
            asker.asks(now);
            assert!(company.is_alone(now));
            now += SHORT;
        }
    }

    #[test]
    fn two_in_turn_are_not_alone_until_one_is_gone() {
        let mut now = Instant::now();
        let company = Arc::new(Company::since(now));
        let (one, other) = (company.asker(), company.asker());
        one.asks(now);
        for _ in 0..100 {
            now += SHORT;
            other.asks(now);
            assert!(!company.is_alone(now));
            now += SHORT;
            one.asks(now);
            assert!(!company.is_alone(now));
        }
        for _ in 0..9 {
            now += SHORT;
            one.asks(now);
            assert!(!company.is_alone(now));
        }
        now += SHORT;
        one.asks(now);
        assert!(company.is_alone(now));
    }

    #[test]
    fn whoever_comes_after_another_is_gone_is_alone() {
        let start = Instant::now();
        let company = Arc::new(Company::since(start));
        for number in 0..10 {
            let now = start + GONE * number;
            company.asker().asks(now);
            assert!(company.is_alone(now));
        }
    }

    #[test]
    fn whoever_asks_several_things_at_once_is_several() {
        let now = Instant::now();
        let company = Arc::new(Company::since(now));
        let asker = company.asker();
        asker.asks(now);
        asker.asks_meanwhile(now + SHORT);
        assert!(!company.is_alone(now + SHORT));
        assert!(company.is_alone(now + SHORT + GONE));
    }
}
