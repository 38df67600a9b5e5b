//! Whether anything but sign-ins is asked of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long it takes to see that it is calm.
const WINDOW: Duration = Duration::from_millis(250);
/// So many requests within a window are still calm: somebody asks whether the server is healthy.
const FEW: u64 = 2;

/// Counts what is asked of the server besides sign-ins.
#[derive(Debug, Default)]
pub(crate) struct OtherWork(AtomicU64);

impl OtherWork {
    /// One more request.
    pub(crate) fn came(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at that count now and then.
#[derive(Debug)]
pub(super) struct Calm {
    others: Arc<OtherWork>,
    /// As counted when the window began.
    counted: u64,
    since: Instant,
    still: bool,
}

impl Calm {
    pub(super) fn watch(others: &Arc<OtherWork>, now: Instant) -> Self {
        Self {
            others: Arc::clone(others),
            counted: 0,
            since: now,
            still: true,
        }
    }

    /// Whether it is calm: not from the moment that others come, and again after a window without
    /// them.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let count = self.others.0.load(Ordering::Relaxed);
        let few = count.saturating_sub(self.counted) <= FEW;
        let over = now.saturating_duration_since(self.since) >= WINDOW;
        self.still = few && (self.still || over);
        if over {
            self.counted = count;
            self.since = now;
        }
        self.still
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_ends_with_the_first_rush_and_comes_back_after_a_window_without_one() {
        let (others, start) = (Arc::new(OtherWork::default()), Instant::now());
        let rush = || (0..10).for_each(|_| others.came());
        let mut calm = Calm::watch(&others, start);
        let mut at = |windows: f64| calm.look(start + WINDOW.mul_f64(windows));
        assert!(at(0.0));
        others.came();
        assert!(at(0.1), "one request is no rush");
        rush();
        assert!(!at(0.2));
        assert!(!at(0.9));
        assert!(!at(1.0), "the rush was in this window");
        assert!(!at(1.9), "the next one is not over");
        assert!(at(2.0));
        rush();
        assert!(!at(2.5));
        rush();
        assert!(!at(3.0));
        assert!(at(4.0));
    }
}
