//! How a process learns of what others have published.
//!
//! To follow means to ask, a few times a second, for a fingerprint of what others have stamped in the
//! last minute: one short read of an index, and nothing that writers would have to queue for. A stamp
//! is drawn before its transaction is committed; the minute is far longer than any transaction is
//! given, so none slips through.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign::crypto;

use super::clock::{MICROS, SECONDS};
use super::pool::Pool;
use super::rows;
use crate::store::{LIFE_IN_USE, StoreError};

/// The window that is watched, in microseconds.
const WINDOW: i64 = 60_000_000;
/// After a silence of this long, in microseconds, something may have passed through the window unseen.
const SILENCE: i64 = WINDOW / 2;

/// Who writes, and what of the others has been noticed.
#[derive(Debug)]
pub(super) struct Follower {
    writer: i64,
    noticed: Mutex<Noticed>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Noticed {
    changes: u64,
    last: Option<Fingerprint>,
    /// Until then, whatever is asked has changed.
    doubtful: Option<Instant>,
}

/// For so long a write may still come true whose answer was lost: longer than any is given.
const UNDER_WAY: Duration = Duration::from_secs(6);

/// What others have written lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    asked_at: i64,
    published: i64,
    stamps: i64,
    facts: i64,
}

impl Follower {
    pub(super) fn new() -> Result<Self, StoreError> {
        let writer = crypto::random().map_err(StoreError::unavailable)?;
        Ok(Self {
            writer: i64::from_be_bytes(writer),
            noticed: Mutex::default(),
        })
    }

    /// As whom this process publishes.
    pub(super) const fn writer(&self) -> i64 {
        self.writer
    }

    /// What became of an ending. If that is an error, it may have been committed all the same, now or
    /// in a moment, as this process's own, which it need not be told of: so it looks at everything
    /// for a while.
    pub(super) fn unless_lost<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.is_err() {
            let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
            noticed.doubtful = Some(Instant::now() + UNDER_WAY);
        }
        outcome
    }

    /// A number that rises when others have published a revocation, or when anybody has changed the
    /// keys or a client, or makes tokens that live longer than any before.
    pub(super) async fn changes(&self, db: &Pool) -> Result<u64, StoreError> {
        // Each stamp counts with its lower digits (eleven days): sums of whole ones would run over.
        let sql = format!(
            "SELECT {MICROS}, count(*)::BIGINT,
                 coalesce(sum(published_at % 1000000000000), 0)::BIGINT,
                 (SELECT sum(value)::BIGINT FROM facts
                  WHERE name IN ('key_changes', 'client_changes'))
                 + (SELECT coalesce(sum(life), 0)::BIGINT FROM access_lives
                    WHERE used_at + life + {LIFE_IN_USE} > {SECONDS})
             FROM revocations WHERE published_at > {MICROS} - $2::BIGINT AND writer <> $1"
        );
        let row = db.query_one(&sql, &[&self.writer, &WINDOW]).await?;
        let found = Fingerprint {
            asked_at: rows::get(&row, 0)?,
            published: rows::get(&row, 1)?,
            stamps: rows::get(&row, 2)?,
            facts: rows::get(&row, 3)?,
        };
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked once more after the time is over: what was committed last is seen then.
        let doubtful = noticed.doubtful.is_some();
        noticed.doubtful = noticed.doubtful.filter(|until| Instant::now() < *until);
        if doubtful || noticed.last.is_some_and(|last| last.differs(found)) {
            noticed.changes += 1;
        }
        noticed.last = Some(found);
        Ok(noticed.changes)
    }
}

impl Fingerprint {
    fn differs(self, later: Self) -> bool {
        later.asked_at.saturating_sub(self.asked_at) > SILENCE
            || Self {
                asked_at: self.asked_at,
                ..later
            } != self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_counts_as_a_change() {
        let seen = Fingerprint {
            asked_at: 0,
            published: 2,
            stamps: 7,
            facts: 1,
        };
        assert!(!seen.differs(Fingerprint {
            asked_at: 250_000,
            ..seen
        }));
        assert!(seen.differs(Fingerprint { stamps: 8, ..seen }));
        assert!(seen.differs(Fingerprint { facts: 2, ..seen }));
        assert!(seen.differs(Fingerprint {
            asked_at: SILENCE + 1,
            ..seen
        }));
    }
}
