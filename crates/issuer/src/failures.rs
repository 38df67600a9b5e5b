//! Which failed client authentications are worth a line in the audit log, so that none goes
//! unnoticed and a flood of them fills no disk.
//!
//! Nobody who guesses at a client's secret is made to wait, for there is nothing to be guessed:
//! what bounds the lines cannot be a throttle. So of each client, and of all that do not exist
//! together, the first few failures in a minute have a line each; of the others one line says how
//! many they were, when the minute is over.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, time::Duration};

use countersign::UnixTime;

/// How long is counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// How many failures of one client have a line of their own.
const EACH: u64 = 3;
/// How many clients are told apart in one minute; what fails beside them is counted together.
const CLIENTS: usize = 50;

/// The failures of this minute.
#[derive(Default)]
pub struct FailureCount {
    began: Option<UnixTime>,
    /// By client; `None` for those that do not exist.
    failures: BTreeMap<Option<String>, u64>,
    /// Of clients that are not told apart any more.
    beside: u64,
}

/// How many failures were not written down one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// Whose: a client that exists, or nobody's in particular.
    pub client_id: Option<String>,
    /// How many.
    pub count: u64,
}

impl FailureCount {
    /// Counts one failure, of a client that exists or of none. Whether it has a line of its own.
    pub fn failed(&mut self, client_id: Option<&str>, now: UnixTime) -> bool {
        self.began.get_or_insert(now);
        let key = client_id.map(ToString::to_string);
        if self.failures.len() >= CLIENTS && !self.failures.contains_key(&key) {
            self.beside = self.beside.saturating_add(1);
            return false;
        }
        let count = self.failures.entry(key).or_default();
        *count = count.saturating_add(1);
        *count <= EACH
    }

    /// If the minute is over: what has no line yet. A clock that was set back ends it as well.
    pub fn over(&mut self, now: UnixTime) -> Vec<Unwritten> {
        let Some(began) = self.began else {
            return Vec::new();
        };
        if began <= now && now < began.saturating_add(WINDOW) {
            return Vec::new();
        }
        self.rest()
    }

    /// What has no line yet, whatever the time: before the process ends.
    pub fn rest(&mut self) -> Vec<Unwritten> {
        let Self {
            failures, beside, ..
        } = core::mem::take(self);
        let beside = (beside > 0).then_some(Unwritten {
            client_id: None,
            count: beside,
        });
        let more =
            failures
                .into_iter()
                .filter(|(_, count)| *count > EACH)
                .map(|(client_id, count)| Unwritten {
                    client_id,
                    count: count - EACH,
                });
        more.chain(beside).collect()
    }
}

impl fmt::Debug for FailureCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailureCount")
            .field("clients", &self.failures.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn later(seconds: u64) -> UnixTime {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn the_first_few_have_a_line_each_and_the_others_one_together() {
        let mut count = FailureCount::default();
        let lines = (0..10).filter(|second| count.failed(Some("shop"), later(*second)));
        assert_eq!(lines.count(), 3);
        assert!(count.failed(None, NOW), "each client has its own");
        assert_eq!(count.over(later(59)), []);
        let more = Unwritten {
            client_id: Some("shop".into()),
            count: 7,
        };
        assert_eq!(count.over(later(60)), [more]);
        assert_eq!(count.over(later(600)), [], "said once");
        assert!(count.failed(Some("shop"), later(61)), "a new minute");
    }

    #[test]
    fn a_flood_over_many_clients_is_bounded_as_well() {
        let mut count = FailureCount::default();
        let names = (0..10_000).map(|number| format!("c{number}"));
        let lines = names.filter(|name| count.failed(Some(name), NOW)).count();
        assert_eq!(lines, CLIENTS);
        let more = Unwritten {
            client_id: None,
            count: 10_000 - u64::try_from(CLIENTS).expect("a few"),
        };
        assert_eq!(count.rest(), [more]);
    }

    #[test]
    fn a_clock_that_was_set_back_ends_the_minute() {
        let mut count = FailureCount::default();
        for _ in 0..4 {
            count.failed(None, later(3_600));
        }
        assert_eq!(count.over(NOW).len(), 1);
    }
}
