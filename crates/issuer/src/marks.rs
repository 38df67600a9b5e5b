//! When earlier generations of a refresh token were replaced, remembered in four marks.
//!
//! A client may refresh once a day or ten times a second; the row has the same size either way. A
//! mark `(generation, time)` is set only when the newest one lies more than a third of the grace
//! back, so four of them always reach back over the whole grace. A generation without a mark of its
//! own was replaced at most a third of the grace after the nearest mark below it, which bounds the
//! error.
//!
//! ```text
//! replaced:  7 at 100   8 at 103   9 at 109   10 at 112        (grace 30 s, a third is 10 s)
//! marks:     7 at 100                         10 at 112
//! so 8 and 9 were replaced between 100 and 110
//! ```
//!
//! The rule is simple enough to be one SQL `CASE`. Marks later than `now` (a clock that was set
//! back) are first brought down to `now`, since what they record has happened. Then:
//!
//! ```text
//! CASE WHEN mark0 IS NULL OR now > mark0.replaced_at + third
//!      THEN (replaced generation at now), mark0, mark1, mark2
//!      ELSE mark0, mark1, mark2, mark3 END
//! ```
//!
//! with `third` = the grace in whole seconds, divided by three and rounded down.

use core::time::Duration;

use countersign::UnixTime;

/// The time at which one generation was replaced by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The generation that was replaced.
    pub generation: u32,
    /// When it was.
    pub replaced_at: UnixTime,
}

/// Up to four marks, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks([Option<Mark>; Marks::COUNT]);

impl Marks {
    /// How many there are: three spaces of more than a third of the grace span more than the grace.
    pub const COUNT: usize = 4;

    /// Marks as a store holds them, newest first.
    pub const fn from_stored(marks: [Option<Mark>; Self::COUNT]) -> Self {
        Self(marks)
    }

    /// Marks as a store shall hold them, newest first.
    pub const fn as_array(&self) -> &[Option<Mark>; Self::COUNT] {
        &self.0
    }

    /// The marks after `generation` was replaced at `now`.
    #[must_use = "the marks are returned, not changed in place"]
    pub fn push(self, generation: u32, now: UnixTime, grace: Duration) -> Self {
        let [first, second, third, fourth] = self.0.map(|mark| {
            mark.map(|mark| Mark {
                replaced_at: mark.replaced_at.min(now),
                ..mark
            })
        });
        match first {
            Some(newest) if now <= newest.replaced_at.saturating_add(a_third(grace)) => {
                Self([first, second, third, fourth])
            }
            _ => {
                let newest = Mark {
                    generation,
                    replaced_at: now,
                };
                Self([Some(newest), first, second, third])
            }
        }
    }

    /// The latest time at which `generation` can have been replaced; at most a third of the grace
    /// after the true one. `None` when there are no marks at all: nothing was ever replaced.
    ///
    /// It errs on the side of the client: a lost answer is always recovered inside the grace, and a
    /// stolen token is found out at most a third of the grace later than it could be.
    pub fn replaced_at(&self, generation: u32, grace: Duration) -> Option<UnixTime> {
        let mut later: Option<UnixTime> = None;
        for mark in self.0.iter().flatten() {
            if mark.generation == generation {
                return Some(mark.replaced_at);
            }
            if mark.generation < generation {
                let bound = mark.replaced_at.saturating_add(a_third(grace));
                return Some(later.map_or(bound, |later| later.min(bound)));
            }
            later = Some(mark.replaced_at);
        }
        // Older than every mark: no later than the oldest of them.
        later
    }

    /// Whether `generation` was replaced no longer than the grace ago. Times are whole seconds, so
    /// the second in which the grace ends is inside. A time in the future is inside as well: the
    /// clock was set back, and that is no theft.
    pub fn inside_grace(&self, generation: u32, now: UnixTime, grace: Duration) -> bool {
        self.replaced_at(generation, grace)
            .is_some_and(|replaced_at| now.since(replaced_at) <= grace)
    }
}

fn a_third(grace: Duration) -> Duration {
    Duration::from_secs(grace.as_secs() / 3)
}
