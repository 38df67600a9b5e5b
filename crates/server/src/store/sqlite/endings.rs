//! Endings of many sessions in SQL, a batch in a transaction: the next write waits for no more than
//! that.

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason};
use countersign_issuer::revoke::{Revocation, RevocationKind};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::engine::SqliteStore;
use super::rows::{self, seconds};
use super::{audit, revocations};
use crate::store::endings::LEFT_ALONE;
use crate::store::{Batch, Ended, Ending, Endings, StoreError, Whose};

/// How many sessions end in one transaction at most: everybody else who writes waits for it.
pub(super) const AT_ONCE: u32 = 200;

#[async_trait]
impl Endings for SqliteStore {
    async fn endings_left(&self, now: UnixTime) -> Result<Vec<Whose>, StoreError> {
        self.readers.read(move |db| left(db, now)).await
    }

    async fn end_more(&self, whose: &Whose, now: UnixTime) -> Result<Option<Batch>, StoreError> {
        let whose = whose.clone();
        // A look is free; the writer is asked only if there is something to end.
        let noted = self.readers.read({
            let whose = whose.clone();
            move |db| read(db, &whose)
        });
        if noted.await?.is_none() {
            return Ok(None);
        }
        self.writer.write(move |db| go_on(db, &whose, now)).await
    }
}

/// Whether the user goes when the last of their sessions has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    Stays,
    Removed,
}

/// Ends the first sessions of `whose` but `keep`, and writes down what is left, if there may be more.
pub(super) fn begin(
    db: &Connection,
    whose: &Whose,
    keep: Option<&str>,
    ending: &Ending,
) -> Result<Vec<Ended>, StoreError> {
    let (word, id) = whose.stored();
    // An ending that was begun before would spare other sessions than this one does.
    db.prepare_cached("DELETE FROM spared WHERE whose = ?1 AND id = ?2")?
        .execute([word, id])?;
    let ended = end_some(db, whose, keep, ending)?;
    if ended.len() < AT_ONCE as usize {
        db.prepare_cached("DELETE FROM endings WHERE whose = ?1 AND id = ?2 AND NOT removes")?
            .execute([word, id])?;
    } else {
        note(db, whose, keep, Afterwards::Stays, ending)?;
    }
    Ok(ended)
}

/// Writes down that what is left of an ending is to be ended.
pub(super) fn note(
    db: &Connection,
    whose: &Whose,
    keep: Option<&str>,
    afterwards: Afterwards,
    ending: &Ending,
) -> Result<(), StoreError> {
    let (word, id) = whose.stored();
    db.prepare_cached(
        "INSERT INTO endings (whose, id, keep, removes, worked_at, at, until, reason, event, network,
                              actor, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (whose, id) DO UPDATE
         SET keep = excluded.keep, removes = max(removes, excluded.removes),
             worked_at = excluded.worked_at, at = excluded.at,
             until = max(until, excluded.until), reason = excluded.reason, event = excluded.event,
             network = excluded.network, actor = excluded.actor, detail = excluded.detail",
    )?
    .execute(params![
        word,
        id,
        keep,
        afterwards == Afterwards::Removed,
        seconds(ending.at),
        seconds(ending.until),
        ending.reason.as_str(),
        ending.kind.as_str(),
        ending.network,
        ending.actor,
        ending.detail,
    ])?;
    Ok(())
}

/// A session that is opened while an ending of others goes on is none of those.
pub(super) fn spare(
    db: &Connection,
    sid: &str,
    user_id: &str,
    client_id: &str,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO spared (whose, id, sid)
         SELECT whose, id, ?1 FROM endings
         WHERE (whose = 'user' AND id = ?2) OR (whose = 'client' AND id = ?3)
            OR whose = 'everyone'",
    )?
    .execute([sid, user_id, client_id])?;
    Ok(())
}

/// Ends the sessions for which `condition` holds; its parameters are numbered from 3 on.
pub(super) fn end_where(
    db: &Connection,
    condition: &str,
    parameters: &[&dyn ToSql],
    ending: &Ending,
) -> Result<Vec<Ended>, StoreError> {
    let sql = format!(
        "UPDATE sessions SET ended_at = ?1, end_reason = ?2
         WHERE ended_at IS NULL AND {condition} RETURNING sid, user_id"
    );
    let (at, reason) = (seconds(ending.at), ending.reason.as_str());
    let mut all: Vec<&dyn ToSql> = vec![&at, &reason];
    all.extend(parameters);
    let mut statement = db.prepare_cached(&sql)?;
    let ended = statement
        .query_map(all.as_slice(), |row| {
            Ok(Ended {
                sid: row.get(0)?,
                user_id: row.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    publish_all(db, ended, ending)
}

/// Sessions past their expiry are ended as well: their last access token may outlive them by a
/// moment.
fn end_some(
    db: &Connection,
    whose: &Whose,
    keep: Option<&str>,
    ending: &Ending,
) -> Result<Vec<Ended>, StoreError> {
    let (index, theirs) = match whose {
        Whose::User(_) => ("sessions_alive", "user_id = ?4"),
        Whose::Client(_) => (
            "sessions_of_client",
            "client_id = ?4 AND client_id <> 'first-party'",
        ),
        Whose::Everyone => ("sessions_alive", "?4 = ''"),
    };
    let (word, id) = whose.stored();
    let condition = format!(
        "handle IN (SELECT handle FROM sessions INDEXED BY {index}
                    WHERE ended_at IS NULL AND {theirs} AND sid IS NOT ?5 AND NOT EXISTS
                        (SELECT 1 FROM spared
                         WHERE spared.whose = ?3 AND spared.id = ?4 AND spared.sid = sessions.sid)
                    LIMIT {AT_ONCE})"
    );
    end_where(db, &condition, &[&word, &id, &keep], ending)
}

fn publish_all(
    db: &Connection,
    ended: Vec<Ended>,
    ending: &Ending,
) -> Result<Vec<Ended>, StoreError> {
    for session in &ended {
        let revocation = Revocation {
            kind: RevocationKind::Session,
            value: session.sid.clone(),
            at: ending.at,
            until: ending.until,
        };
        revocations::publish(db, &revocation, ending.at)?;
        let detail = match &ending.detail {
            Some(detail) => format!("{} {detail}", ending.reason),
            None => ending.reason.to_string(),
        };
        let event = AuditEvent {
            user_id: Some(session.user_id.clone()),
            sid: Some(session.sid.clone()),
            actor: ending.actor.clone(),
            network: ending.network.clone(),
            detail: Some(detail),
            ..AuditEvent::new(ending.at, ending.kind)
        };
        audit::append(db, &event)?;
    }
    Ok(ended)
}

fn left(db: &Connection, now: UnixTime) -> Result<Vec<Whose>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT whose, id FROM endings WHERE worked_at <= ?1 OR worked_at > ?2
         ORDER BY worked_at",
    )?;
    let alone = now.saturating_sub(LEFT_ALONE);
    let rows = statement.query_map([seconds(alone), seconds(now)], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    rows.map(|row| {
        let (whose, id) = row?;
        Whose::from_stored(&whose, id)
    })
    .collect()
}

/// An ending as it was written down.
struct Noted {
    ending: Ending,
    keep: Option<String>,
    afterwards: Afterwards,
}

fn read(db: &Connection, whose: &Whose) -> Result<Option<Noted>, StoreError> {
    let (word, id) = whose.stored();
    let found = db
        .prepare_cached(
            "SELECT keep, removes, at, until, reason, event, network, actor, detail FROM endings
             WHERE whose = ?1 AND id = ?2",
        )?
        .query_row([word, id], |row| Ok(noted(row)))
        .optional()?;
    found.transpose()
}

fn noted(row: &Row<'_>) -> Result<Noted, StoreError> {
    let unknown = |place| StoreError::Corrupt {
        place,
        detail: "a word this program does not know".to_owned(),
    };
    let (reason, event): (String, String) = (row.get(4)?, row.get(5)?);
    Ok(Noted {
        keep: row.get(0)?,
        afterwards: if row.get(1)? {
            Afterwards::Removed
        } else {
            Afterwards::Stays
        },
        ending: Ending {
            at: rows::time(row, 2)?,
            until: rows::time(row, 3)?,
            reason: EndReason::from_stored(&reason).ok_or_else(|| unknown("endings.reason"))?,
            kind: AuditKind::from_stored(&event).ok_or_else(|| unknown("endings.event"))?,
            network: row.get(6)?,
            actor: row.get(7)?,
            detail: row.get(8)?,
        },
    })
}

fn go_on(db: &Connection, whose: &Whose, now: UnixTime) -> Result<Option<Batch>, StoreError> {
    let Some(noted) = read(db, whose)? else {
        return Ok(None);
    };
    let ended = end_some(db, whose, noted.keep.as_deref(), &noted.ending)?;
    if ended.is_empty() && (noted.afterwards == Afterwards::Stays || remove(db, whose)?) {
        let (word, id) = whose.stored();
        for table in ["endings", "spared"] {
            db.prepare_cached(&format!("DELETE FROM {table} WHERE whose = ?1 AND id = ?2"))?
                .execute([word, id])?;
        }
        return Ok(None);
    }
    let (word, id) = whose.stored();
    db.prepare_cached("UPDATE endings SET worked_at = ?3 WHERE whose = ?1 AND id = ?2")?
        .execute(params![word, id, seconds(now)])?;
    Ok(Some(Batch {
        ended,
        at: noted.ending.at,
        until: noted.ending.until,
    }))
}

/// Deletes a user whose sessions have ended, those first, a batch at a time; whether that is done.
fn remove(db: &Connection, whose: &Whose) -> Result<bool, StoreError> {
    let Whose::User(id) = whose else {
        return Ok(true);
    };
    let deleted = db
        .prepare_cached(
            "DELETE FROM sessions WHERE handle IN
                 (SELECT handle FROM sessions WHERE user_id = ?1 LIMIT ?2)",
        )?
        .execute(params![id, AT_ONCE])?;
    if deleted >= AT_ONCE as usize {
        return Ok(false);
    }
    db.prepare_cached("DELETE FROM users WHERE id = ?1")?
        .execute([id])?;
    Ok(true)
}
