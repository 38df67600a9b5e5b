//! How many access tokens clients take back, so that no client fills memory, the feed and the audit
//! log by asking for tokens and taking each of them back.
//!
//! Each costs a durable write, a line in the audit log and a place in what every guard remembers until
//! the token would have expired. A job that takes back the token it worked with does it now and then; past a
//! number that none of those comes near, a token is left to expire by itself, in minutes, and who asks is
//! told when to come again (RFC 7009 §2.2.1). That is for one `sid` and not for a client, or whoever has a
//! session through an application could keep its other users from taking theirs back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::Refused;

/// How many tokens of one `sid` are taken back one by one while one of them lives.
const MOST: u32 = 1_000;

/// What was taken back lately.
#[derive(Debug)]
pub(super) struct Withdrawals(Mutex<Lately>);

#[derive(Debug)]
struct Lately {
    began: UnixTime,
    tokens: BTreeMap<String, u32>,
}

/// One token that may be taken back, and is counted.
#[derive(Debug)]
#[must_use]
pub(super) struct Admitted {
    sid: String,
    began: UnixTime,
}

impl Withdrawals {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Lately {
            began: UnixTime::EPOCH,
            tokens: BTreeMap::new(),
        }))
    }

    /// Counts one more token with this `sid`; `life` is that of the longest token there is.
    ///
    /// # Errors
    /// [`Refused::TooManyRevocations`] if they are too many.
    pub(super) fn admit(
        &self,
        sid: &str,
        life: Duration,
        now: UnixTime,
    ) -> Result<Admitted, Refused> {
        let mut lately = self.lately();
        // A clock that was set back begins anew as well.
        if now < lately.began || lately.began.saturating_add(life) <= now {
            lately.began = now;
            lately.tokens.clear();
        }
        let began = lately.began;
        let count = lately.tokens.entry(sid.to_owned()).or_default();
        if *count >= MOST {
            let retry_after = began.saturating_add(life).since(now);
            return Err(Refused::TooManyRevocations { retry_after });
        }
        *count += 1;
        let sid = sid.to_owned();
        Ok(Admitted { sid, began })
    }

    /// It was not taken back after all: it does not count.
    pub(super) fn release(&self, admitted: Admitted) {
        let mut lately = self.lately();
        let Admitted { sid, began } = admitted;
        if lately.began == began
            && let Some(count) = lately.tokens.get_mut(&sid)
        {
            *count = count.saturating_sub(1);
        }
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
    const LIFE: Duration = Duration::from_secs(600);

    fn filled() -> Withdrawals {
        let withdrawals = Withdrawals::new();
        for _ in 0..MOST {
            let admitted = withdrawals.admit("own-1", LIFE, NOW);
            assert!(admitted.is_ok());
        }
        withdrawals
    }

    #[test]
    fn past_the_bound_a_token_is_left_to_expire_and_nobody_elses_is() {
        let withdrawals = filled();
        let more = withdrawals.admit("own-1", LIFE, NOW.saturating_add(Duration::from_secs(60)));
        let Err(Refused::TooManyRevocations { retry_after }) = more else {
            panic!("admitted: {more:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(540), "until the end");
        assert!(withdrawals.admit("own-2", LIFE, NOW).is_ok());
        let later = NOW.saturating_add(LIFE);
        assert!(withdrawals.admit("own-1", LIFE, later).is_ok());
        for _ in 1..MOST {
            assert!(withdrawals.admit("own-1", LIFE, later).is_ok());
        }
        assert!(withdrawals.admit("own-1", LIFE, later).is_err());
        assert!(withdrawals.admit("own-1", LIFE, NOW).is_ok(), "set back");
    }

    #[test]
    fn what_was_not_taken_back_after_all_does_not_count() {
        let withdrawals = Withdrawals::new();
        let early = withdrawals.admit("own-1", LIFE, NOW).expect("room");
        for _ in 1..MOST {
            assert!(withdrawals.admit("own-1", LIFE, NOW).is_ok());
        }
        withdrawals.release(early);
        let last = withdrawals.admit("own-1", LIFE, NOW).expect("room again");
        assert!(withdrawals.admit("own-1", LIFE, NOW).is_err());
        let later = NOW.saturating_add(LIFE);
        for _ in 0..MOST {
            assert!(withdrawals.admit("own-1", LIFE, later).is_ok());
        }
        withdrawals.release(last);
        let more = withdrawals.admit("own-1", LIFE, later);
        assert!(more.is_err(), "it was counted in another time than this");
    }
}
