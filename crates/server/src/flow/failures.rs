//! Failed client authentications that wait to be written down.
//!
//! Nothing was changed by them, so no answer waits for its line: how long a refusal takes does not
//! say whether anybody wrote. The lines are handed in here and written by a task of the server's,
//! a moment later.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign::UnixTime;
use countersign_issuer::Refused;
use countersign_issuer::failures::{FailureCount, Unwritten};
use countersign_issuer::record::{AuditEvent, AuditKind};

use crate::store::{AuditLog, StoreError};

/// How many lines wait at most while the database takes none.
const MOST: usize = 2_000;

/// Why a client is not believed: for whoever runs the server. Who asks is never told which.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doubt<'a> {
    /// No client is called so.
    Unknown,
    /// An administrator has disabled it, whatever it can prove.
    Disabled,
    /// What it said of itself proves nothing.
    Refused(&'a Refused),
}

impl Doubt<'_> {
    /// A stable code.
    fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_client",
            Self::Disabled => "client_disabled",
            Self::Refused(refused) => refused.code(),
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Unknown => "no client is called so: `countersign client list`",
            Self::Disabled => "it is disabled: `countersign client enable` lets it in again",
            Self::Refused(_) => "what it says of itself proves nothing",
        }
    }
}

/// The failures that wait to be written down.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    count: FailureCount,
    /// Bounded by what the count lets through in a minute, and while nothing can be written by
    /// [`MOST`].
    lines: VecDeque<AuditEvent>,
}

impl Failures {
    /// A client did not prove who it is. `client_id` is that of one that exists: what nobody is
    /// called may be a secret, sent in the wrong field.
    pub(super) fn note(
        &self,
        client_id: Option<&str>,
        doubt: Doubt<'_>,
        peer: IpAddr,
        now: UnixTime,
    ) {
        let mut waiting = self.waiting();
        let mut past = waiting.count.over(now);
        if waiting.count.failed(client_id, now) {
            let (reason, advice) = (doubt.code(), doubt.advice());
            tracing::warn!(client = client_id, reason, network = %peer, "a client is refused; {advice}");
            let words = [client_id, Some(reason)];
            let words: Vec<_> = words.into_iter().flatten().collect();
            waiting.lines.push_back(AuditEvent {
                network: Some(peer.to_string()),
                detail: Some(words.join(" ")),
                ..AuditEvent::new(now, AuditKind::ClientRefused)
            });
        }
        waiting.lines.extend(past.drain(..).map(|it| line(it, now)));
    }

    /// Writes the lines; those that cannot be written wait for the next time.
    pub(super) async fn write(
        &self,
        log: &dyn AuditLog,
        all: bool,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        self.settle(all, now);
        // One at a time: whoever ends this task in the middle loses one at most.
        while let Some(line) = self.next() {
            if let Err(error) = log.audit(line.clone()).await {
                let mut waiting = self.waiting();
                waiting.lines.push_front(line);
                waiting.lines.truncate(MOST);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes lines of the minutes that are over; with `all`, of this one as well.
    fn settle(&self, all: bool, now: UnixTime) {
        let mut waiting = self.waiting();
        let past = if all {
            waiting.count.rest()
        } else {
            waiting.count.over(now)
        };
        waiting
            .lines
            .extend(past.into_iter().map(|it| line(it, now)));
    }

    fn next(&self) -> Option<AuditEvent> {
        self.waiting().lines.pop_front()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(unwritten: Unwritten, now: UnixTime) -> AuditEvent {
    let Unwritten { client_id, count } = unwritten;
    let whose = client_id.map(|id| format!("{id} ")).unwrap_or_default();
    AuditEvent {
        detail: Some(format!("{whose}{count} more")),
        ..AuditEvent::new(now, AuditKind::ClientRefused)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// An audit log that takes so many lines and no more.
    struct Room {
        left: Mutex<usize>,
        /// Whether the next one is never answered, rather than refused.
        silent: bool,
        lines: Mutex<Vec<AuditEvent>>,
    }

    impl Room {
        fn of(lines: usize) -> Self {
            Self {
                left: Mutex::new(lines),
                silent: false,
                lines: Mutex::default(),
            }
        }

        /// The first letters of the clients it has lines of.
        fn told(&self) -> String {
            let lines = self.lines.lock().expect("nobody panicked");
            let details = lines.iter().filter_map(|line| line.detail.as_ref());
            details.filter_map(|detail| detail.chars().next()).collect()
        }
    }

    #[async_trait]
    impl AuditLog for Room {
        async fn audit(&self, event: AuditEvent) -> Result<(), StoreError> {
            let taken = {
                let mut left = self.left.lock().expect("nobody panicked");
                let less = left.checked_sub(1);
                less.map(|less| *left = less)
            };
            if taken.is_none() && self.silent {
                std::future::pending::<()>().await;
            }
            taken.ok_or(StoreError::Overloaded)?;
            self.lines.lock().expect("nobody panicked").push(event);
            Ok(())
        }

        async fn audit_log(&self, _: u64, _: u32) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
            Err(StoreError::Closed)
        }

        async fn audit_tail(&self, _: u32) -> Result<u64, StoreError> {
            Err(StoreError::Closed)
        }
    }

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn three() -> Failures {
        let failures = Failures::default();
        let peer = IpAddr::from([192, 0, 2, 1]);
        for client_id in ["a", "b", "c"] {
            let doubt = Doubt::Refused(&Refused::InvalidClient);
            failures.note(Some(client_id), doubt, peer, NOW);
        }
        failures
    }

    #[tokio::test]
    async fn what_cannot_be_written_waits_and_is_written_later() {
        let (small, large) = (Room::of(1), Room::of(10));
        let (failures, now) = (three(), NOW);
        for _ in 0..2 {
            assert!(failures.write(&small, false, now).await.is_err());
        }
        failures.write(&large, false, now).await.expect("room");
        assert_eq!((small.told(), large.told()), ("a".into(), "bc".into()));
    }

    /// As the end of the server ends it. The line that is on its way may be written or not; the others
    /// are there for whoever writes next.
    #[tokio::test]
    async fn a_task_that_is_ended_while_it_writes_loses_one_line_at_most() {
        let silent = Room {
            silent: true,
            ..Room::of(1)
        };
        let failures = three();
        tokio::select! {
            biased;
            written = failures.write(&silent, false, NOW) => panic!("answered: {written:?}"),
            () = async {} => {}
        }
        let large = Room::of(10);
        failures.write(&large, true, NOW).await.expect("room");
        assert_eq!((silent.told(), large.told()), ("a".into(), "c".into()));
    }
}
