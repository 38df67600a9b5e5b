//! After a renewal that failed: when the next one may begin.
//!
//! While the held token is good there is no hurry, and each failure doubles the pause. When it is spent
//! somebody waits, so the pause stays short; meanwhile callers get the last error instead of a flight
//! each. What the server asks for (`Retry-After`) holds in both cases.

use std::time::{Duration, Instant};

use crate::error::ClientError;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A server that asks for more than this is asked earlier.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// The last failure, and how many there have been in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    when: Instant,
    error: ClientError,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn after(before: Option<Self>, error: ClientError) -> Self {
        let pause = before.map_or(FIRST, |before| (before.pause * 2).min(LONGEST));
        Self {
            when: Instant::now(),
            error,
            pause,
        }
    }

    /// Whether it is too early for another attempt.
    pub(crate) fn rests(&self, now: Instant, held_is_good: bool) -> bool {
        let own = if held_is_good { self.pause } else { FIRST };
        let asked = self.error.retry_after().unwrap_or_default();
        now.saturating_duration_since(self.when) < own.max(asked.min(LONGEST_ASKED))
    }

    pub(crate) fn error(&self) -> ClientError {
        self.error.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(backoff: &Backoff, after: f64, held_is_good: bool) -> bool {
        backoff.rests(backoff.when + Duration::from_secs_f64(after), held_is_good)
    }

    #[test]
    fn the_pause_doubles_while_the_token_is_good_and_stays_short_when_it_is_not() {
        let mut backoff = Backoff::after(None, ClientError::Interrupted);
        for pause in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            assert!(rests(&backoff, pause - 0.1, true), "{pause}");
            assert!(!rests(&backoff, pause + 0.1, true), "{pause}");
            assert!(!rests(&backoff, 1.1, false), "{pause}");
            backoff = Backoff::after(Some(backoff), ClientError::Interrupted);
        }
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_ever() {
        let asked = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            Backoff::after(None, ClientError::TooManyAttempts { retry_after })
        };
        assert!(rests(&asked(20), 19.0, false));
        assert!(!rests(&asked(20), 21.0, false));
        assert!(!rests(&asked(u64::MAX), 301.0, true));
    }
}
