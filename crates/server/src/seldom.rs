//! What anybody can make happen as often as they like is in the log once a minute, with how often it
//! happened.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For so long nothing more is said.
const SILENCE: Duration = Duration::from_secs(60);

/// Counts what is not said.
#[derive(Debug)]
pub(crate) struct Seldom(Mutex<Unsaid>);

#[derive(Debug)]
struct Unsaid {
    times: u64,
    said: Option<Instant>,
}

impl Seldom {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Unsaid {
            times: 0,
            said: None,
        }))
    }

    /// It has happened: how often since that was last said, if it is time to say so.
    pub(crate) fn note(&self, now: Instant) -> Option<u64> {
        let mut unsaid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.times += 1;
        let is_soon = |said: Instant| now.saturating_duration_since(said) < SILENCE;
        if unsaid.said.is_some_and(is_soon) {
            return None;
        }
        unsaid.said = Some(now);
        Some(std::mem::take(&mut unsaid.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_minute_and_all_of_them_in_the_end() {
        let seldom = Seldom::new();
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(seldom.note(began), Some(1));
        for second in 1..60 {
            assert_eq!(seldom.note(after(second)), None, "{second}");
        }
        assert_eq!(seldom.note(after(60)), Some(60));
        assert_eq!(seldom.note(after(61)), None);
        assert_eq!(seldom.note(after(500)), Some(2));
    }
}
