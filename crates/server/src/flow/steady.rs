//! The time by which things are thrown away.
//!
//! A clock that is ahead for a moment, as a restored virtual machine's or a mistyped `date`, does no
//! harm as long as nothing is done that cannot be undone: sessions and revocations deleted, keys
//! rotated. So these go by a time that runs with the machine's monotonic clock, and takes over what
//! the wall clock says only when that has stayed ahead for an hour. It is never later than the wall
//! clock.

use std::time::{Duration, Instant};

use countersign::UnixTime;

/// For so long the wall clock must be ahead before it is believed.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// A wall clock that is no further ahead than this is being slewed, not set.
const MARGIN: Duration = Duration::from_secs(60);

/// Keeps the steady time.
#[derive(Debug)]
pub(super) struct SteadyClock {
    time: UnixTime,
    seen: Instant,
    /// Since when the wall clock has been ahead.
    ahead: Option<Instant>,
}

impl SteadyClock {
    pub(super) const fn new(wall: UnixTime, seen: Instant) -> Self {
        Self {
            time: wall,
            seen,
            ahead: None,
        }
    }

    /// The steady time when the wall clock says `wall` and the monotonic one `seen`.
    pub(super) fn now(&mut self, wall: UnixTime, seen: Instant) -> UnixTime {
        let expected = self
            .time
            .saturating_add(seen.saturating_duration_since(self.seen));
        if wall <= expected.saturating_add(MARGIN) {
            (self.time, self.seen, self.ahead) = (wall, seen, None);
            return wall;
        }
        let ahead = *self.ahead.get_or_insert_with(|| {
            tracing::warn!("the clock was set ahead; nothing is swept by it for an hour");
            seen
        });
        if seen.saturating_duration_since(ahead) >= PATIENCE {
            (self.time, self.seen, self.ahead) = (wall, seen, None);
            return wall;
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn after(seconds: u64) -> UnixTime {
        START.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn a_clock_that_is_ahead_for_a_while_is_not_believed() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut clock = SteadyClock::new(START, began);
        assert_eq!(clock.now(after(30), at(30)), after(30));
        assert_eq!(
            clock.now(after(61), at(60)),
            after(61),
            "a little is nothing"
        );
        // Fifteen minutes ahead, then a month, then right again.
        assert_eq!(clock.now(after(990), at(90)), after(91));
        assert_eq!(clock.now(after(2_678_520), at(120)), after(121));
        assert_eq!(clock.now(after(150), at(150)), after(150));
        assert_eq!(clock.now(after(180), at(180)), after(180));
    }

    #[test]
    fn a_clock_that_stays_ahead_is_believed_after_an_hour() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut clock = SteadyClock::new(START, began);
        let month = 31 * 86_400;
        assert_eq!(clock.now(after(month), at(10)), after(10));
        assert_eq!(clock.now(after(month + 3_599), at(3_609)), after(3_609));
        assert_eq!(
            clock.now(after(month + 3_600), at(3_610)),
            after(month + 3_600)
        );
        assert_eq!(
            clock.now(after(month + 3_630), at(3_640)),
            after(month + 3_630)
        );
    }

    #[test]
    fn it_is_never_ahead_of_the_wall_clock() {
        let began = Instant::now();
        let mut clock = SteadyClock::new(START, began);
        let later = began + Duration::from_secs(50);
        assert_eq!(clock.now(after(20), later), after(20));
    }
}
