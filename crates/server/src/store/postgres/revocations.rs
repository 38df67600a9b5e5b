//! Revocations in SQL, and how a process learns of those that others have published.
//!
//! Every publication is stamped with the database's clock and with its writer. To follow means to
//! ask, a few times a second, for a fingerprint of what others have stamped in the last minute: one
//! short read of an index, and nothing that writers would have to queue for. A stamp is drawn before
//! its transaction is committed; the minute is far longer than any transaction is given, so none slips
//! through.

use std::sync::{LazyLock, Mutex, PoisonError};

use countersign::{UnixTime, crypto};
use countersign_issuer::record::AuditEvent;
use countersign_issuer::revoke::{Revocation, RevocationKind};

use super::audit::{LINE, Line, line_from};
use super::clock::MICROS;
use super::pool::Pool;
use super::rows::{self, Text, seconds};
use crate::store::StoreError;

/// The window that is watched, in microseconds.
const WINDOW: i64 = 60_000_000;
/// After a silence of this long, in microseconds, something may have passed through the window unseen.
const SILENCE: i64 = WINDOW / 2;

/// What is written of a revocation when it is published again: it is only ever prolonged.
pub(super) const REPUBLISH: &str = "ON CONFLICT (kind, value) DO UPDATE
     SET until = greatest(revocations.until, excluded.until),
         published_at = excluded.published_at, writer = excluded.writer";

pub(super) async fn live(db: &Pool, now: UnixTime) -> Result<Vec<Revocation>, StoreError> {
    let sql = "SELECT kind, value, published_at / 1000000, until FROM revocations WHERE until > $1";
    let rows = db.query(sql, &[&seconds(now)]).await?;
    rows.iter()
        .map(|row| {
            let kind = RevocationKind::from_stored(rows::get(row, 0)?).ok_or_else(|| {
                StoreError::Corrupt {
                    place: "revocations.kind",
                    detail: "a kind this program does not know".into(),
                }
            })?;
            Ok(Revocation {
                kind,
                value: rows::get(row, 1)?,
                at: rows::time(row, 2)?,
                until: rows::time(row, 3)?,
            })
        })
        .collect()
}

/// Publishes a revocation by itself, and writes it down.
pub(super) async fn publish(
    db: &Pool,
    revocation: &Revocation,
    event: &AuditEvent,
    writer: i64,
) -> Result<(), StoreError> {
    static PUBLISH: LazyLock<String> = LazyLock::new(|| {
        format!(
            "WITH published AS (
                 INSERT INTO revocations (kind, value, until, published_at, writer)
                 VALUES ($1, $2, $3, {MICROS}, $4) {REPUBLISH} RETURNING 1
             )
             INSERT INTO audit ({LINE}) SELECT {} FROM published",
            line_from(5)
        )
    });
    let kind = revocation.kind.as_str();
    let (value, until) = (Text(&revocation.value), seconds(revocation.until));
    let line = Line::of(event);
    db.query(&PUBLISH, &line.after(&[&kind, &value, &until, &writer]))
        .await?;
    Ok(())
}

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
}

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

    /// A number that rises when others have published a revocation, or when anybody has changed the
    /// keys or a client, or makes tokens that live longer than any before.
    pub(super) async fn changes(&self, db: &Pool) -> Result<u64, StoreError> {
        // Each stamp counts with its lower digits (eleven days): sums of whole ones would run over.
        let sql = format!(
            "SELECT {MICROS}, count(*)::BIGINT,
                 coalesce(sum(published_at % 1000000000000), 0)::BIGINT,
                 (SELECT sum(value)::BIGINT FROM facts
                  WHERE name IN ('key_changes', 'client_changes', 'longest_access_life'))
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
        if noticed.last.is_some_and(|last| last.differs(found)) {
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
