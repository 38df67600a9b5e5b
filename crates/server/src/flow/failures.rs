//! Failed client authentications that wait to be written down.
//!
//! Nothing was changed by them, so no answer waits for its line: how long a refusal takes does not
//! say whether anybody wrote. The lines are handed in here and written by a task of the server's,
//! a moment later.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign::UnixTime;
use countersign_issuer::Refused;
use countersign_issuer::failures::{FailureCount, Unwritten};
use countersign_issuer::record::{AuditEvent, AuditKind};

/// The failures that wait to be written down.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    count: FailureCount,
    /// Bounded by what the count lets through in a minute.
    lines: Vec<AuditEvent>,
}

impl Failures {
    /// A client did not prove who it is. `client_id` is that of one that exists: what nobody is
    /// called may be a secret, sent in the wrong field.
    pub(super) fn note(
        &self,
        client_id: Option<&str>,
        refused: &Refused,
        peer: IpAddr,
        now: UnixTime,
    ) {
        let mut waiting = self.waiting();
        let mut past = waiting.count.over(now);
        if waiting.count.failed(client_id, now) {
            let words = [client_id, Some(refused.code())];
            let words: Vec<_> = words.into_iter().flatten().collect();
            waiting.lines.push(AuditEvent {
                network: Some(peer.to_string()),
                detail: Some(words.join(" ")),
                ..AuditEvent::new(now, AuditKind::ClientRefused)
            });
        }
        waiting.lines.extend(past.drain(..).map(|it| line(it, now)));
    }

    /// The lines to be written now; with `all`, also those that would wait for the end of their minute.
    pub(super) fn take(&self, all: bool, now: UnixTime) -> Vec<AuditEvent> {
        let mut waiting = self.waiting();
        let past = if all {
            waiting.count.rest()
        } else {
            waiting.count.over(now)
        };
        let mut lines = std::mem::take(&mut waiting.lines);
        lines.extend(past.into_iter().map(|it| line(it, now)));
        lines
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
