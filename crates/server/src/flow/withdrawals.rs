//! How many access tokens clients take back, so that no client fills memory, the feed and the audit
//! log by asking for tokens and taking each of them back.
//!
//! Each costs a durable write and a place in what every guard remembers until the token would have
//! expired. A job that takes back the token it worked with does it now and then; past a number that none
//! of those comes near, a token is left to expire by itself, in minutes, and who asks is told to come
//! again later (RFC 7009 §2.2.1). That is for one `sid` and not for a client, or whoever has a session
//! through an application could keep its other users from taking theirs back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::failures::{FailureCount, Unwritten};
use countersign_issuer::record::{AuditEvent, AuditKind};

use crate::store::StoreError;

/// How many tokens of one `sid` are taken back one by one while one of them lives.
const MOST: u32 = 1_000;
/// How many of one client have a line in the audit log each, in a minute.
const EACH: u64 = 20;

/// What was taken back lately.
#[derive(Debug)]
pub(super) struct Withdrawals(Mutex<Lately>);

#[derive(Debug)]
struct Lately {
    began: UnixTime,
    tokens: BTreeMap<String, u32>,
    lines: FailureCount,
}

impl Withdrawals {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Lately {
            began: UnixTime::EPOCH,
            tokens: BTreeMap::new(),
            lines: FailureCount::of(EACH),
        }))
    }

    /// Counts one more token with this `sid`; `life` is that of the longest token there is.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] if they are too many.
    pub(super) fn admit(&self, sid: &str, life: Duration, now: UnixTime) -> Result<(), StoreError> {
        let mut lately = self.lately();
        // A clock that was set back begins anew as well.
        if now < lately.began || lately.began.saturating_add(life) <= now {
            lately.began = now;
            lately.tokens.clear();
        }
        let count = lately.tokens.entry(sid.to_owned()).or_default();
        if *count >= MOST {
            return Err(StoreError::Overloaded);
        }
        *count += 1;
        Ok(())
    }

    /// Whether one of this client's has a line of its own; if not, it is counted for a later one.
    pub(super) fn has_a_line(&self, client_id: &str, now: UnixTime) -> bool {
        self.lately().lines.failed(Some(client_id), now)
    }

    /// The lines for those that had none, once their minute is over; with `all`, now.
    pub(super) fn take(&self, all: bool, now: UnixTime) -> Vec<AuditEvent> {
        let mut lately = self.lately();
        let past = if all {
            lately.lines.rest()
        } else {
            lately.lines.over(now)
        };
        past.into_iter().map(|it| line(it, now)).collect()
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(unwritten: Unwritten, now: UnixTime) -> AuditEvent {
    let Unwritten { client_id, count } = unwritten;
    let whose = client_id.map(|id| format!("{id} ")).unwrap_or_default();
    AuditEvent {
        detail: Some(format!("{whose}{count} more")),
        ..AuditEvent::new(now, AuditKind::TokenRevoked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
    const LIFE: Duration = Duration::from_secs(600);

    #[test]
    fn past_the_bound_a_token_is_left_to_expire_and_nobody_elses_is() {
        let withdrawals = Withdrawals::new();
        for _ in 0..MOST {
            assert!(withdrawals.admit("own-1", LIFE, NOW).is_ok());
        }
        let more = withdrawals.admit("own-1", LIFE, NOW);
        assert!(matches!(more, Err(StoreError::Overloaded)));
        assert!(withdrawals.admit("own-2", LIFE, NOW).is_ok());
        let later = NOW.saturating_add(LIFE);
        assert!(withdrawals.admit("own-1", LIFE, later).is_ok());
        for _ in 1..MOST {
            assert!(withdrawals.admit("own-1", LIFE, later).is_ok());
        }
        assert!(withdrawals.admit("own-1", LIFE, later).is_err());
        assert!(withdrawals.admit("own-1", LIFE, NOW).is_ok(), "set back");
    }
}
