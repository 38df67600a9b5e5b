//! The refresh: one statement, one round trip, one durable write.
//!
//! The statement first locks the session's row. Under READ COMMITTED whoever has to wait for that
//! lock is given the row as the other one left it, and not as it was when the statement began: a
//! plain `SELECT` in the same place would show the loser of a race the generation before the winner's.
//! What is compared, what is swapped and what is answered is this one locked row.
//!
//! The clock is the database's: a grace that began by one process's clock and ended by another's would
//! take an honest client for a thief. A row that did not swap is judged
//! by the caller's clock, so if that one is off, the times of its marks are told by it as well.

use std::sync::LazyLock;

use countersign::UnixTime;
use countersign_issuer::marks::{Mark, Marks};
use countersign_issuer::record::Session;
use tokio_postgres::Row;

use super::clock::SECONDS;
use super::pool::Pool;
use super::rows::{self, Bytes, SESSION, SESSION_COLUMNS, Text, USER_COLUMNS, seconds_of};
use crate::store::{Rotated, Rotation, StoreError};

/// Where the columns are that follow the session and its user.
const NOW: usize = SESSION_COLUMNS + USER_COLUMNS;
const SWAPPED: usize = NOW + 1;

/// The rule of the marks is the one of [`Marks::push`].
static ROTATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH held AS (
             SELECT {SESSION}, {USER_AS},
                 {SECONDS} AS now
             FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE sessions.handle = $1
             FOR NO KEY UPDATE OF sessions
         ), seen AS (
             SELECT handle, generation, now, expires_at,
                 mark1_generation AS g1, mark2_generation AS g2,
                 mark3_generation AS g3, mark4_generation AS g4,
                 CASE WHEN mark1_at > now THEN now ELSE mark1_at END AS t1,
                 CASE WHEN mark2_at > now THEN now ELSE mark2_at END AS t2,
                 CASE WHEN mark3_at > now THEN now ELSE mark3_at END AS t3,
                 CASE WHEN mark4_at > now THEN now ELSE mark4_at END AS t4
             FROM held
             WHERE generation = $2 AND generation < {last} AND mac_key_id = $3 AND client_id = $4
               AND ended_at IS NULL AND idle_expires_at > now AND expires_at > now
               AND NOT disabled AND audience::JSONB <@ to_jsonb($8::TEXT[])
         ), next AS (
             SELECT *, t1 IS NULL OR now > t1 + $7::BIGINT AS far FROM seen
         ), swapped AS (
             UPDATE sessions SET
                 generation = next.generation + 1,
                 mac_key_id = $5,
                 last_used_at = next.now,
                 idle_expires_at = least(next.now + $6::BIGINT, next.expires_at),
                 mark1_generation = CASE WHEN far THEN next.generation ELSE g1 END,
                 mark1_at = CASE WHEN far THEN next.now ELSE t1 END,
                 mark2_generation = CASE WHEN far THEN g1 ELSE g2 END,
                 mark2_at = CASE WHEN far THEN t1 ELSE t2 END,
                 mark3_generation = CASE WHEN far THEN g2 ELSE g3 END,
                 mark3_at = CASE WHEN far THEN t2 ELSE t3 END,
                 mark4_generation = CASE WHEN far THEN g3 ELSE g4 END,
                 mark4_at = CASE WHEN far THEN t3 ELSE t4 END
             FROM next WHERE sessions.handle = next.handle
             RETURNING sessions.generation, sessions.mac_key_id,
                 sessions.mark1_generation, sessions.mark1_at,
                 sessions.mark2_generation, sessions.mark2_at,
                 sessions.mark3_generation, sessions.mark3_at,
                 sessions.mark4_generation, sessions.mark4_at,
                 sessions.last_used_at, sessions.idle_expires_at
         )
         SELECT held.*, swapped.* FROM held LEFT JOIN swapped ON TRUE",
        last = u32::MAX,
    )
});

/// The columns of a user beside those of a session, where names must not be given twice.
const USER_AS: &str = "users.id AS of_id, users.username AS of_username, \
     users.password_hash AS of_password_hash, users.roles AS of_roles, users.disabled, \
     users.created_at AS of_created_at, users.password_changed_at AS of_password_changed_at, \
     users.scope AS of_scope";

pub(super) async fn rotate(db: &Pool, rotation: &Rotation) -> Result<Rotated, StoreError> {
    let audiences: Vec<_> = rotation.audiences.iter().map(|name| Text(name)).collect();
    let row = db
        .query_opt(
            &ROTATE,
            &[
                &Bytes(rotation.handle.as_bytes()),
                &i64::from(rotation.generation),
                &i64::from(rotation.presented_mac_key_id),
                &Text(&rotation.client_id),
                &i64::from(rotation.mac_key_id),
                &seconds_of(rotation.idle),
                &(seconds_of(rotation.grace) / 3),
                &audiences,
            ],
        )
        .await?;
    let Some(row) = row else {
        return Ok(Rotated::Missing);
    };
    let (held, user) = (rows::session(&row)?, rows::user(&row, SESSION_COLUMNS)?);
    if rows::get::<Option<i64>>(&row, SWAPPED)?.is_some() {
        return Ok(Rotated::Rotated(swapped(&row, held)?, user));
    }
    let marks = by_clock_of(rotation, rows::time(&row, NOW)?, held.marks);
    Ok(Rotated::NotCurrent(Session { marks, ..held }, user))
}

fn swapped(row: &Row, held: Session) -> Result<Session, StoreError> {
    Ok(Session {
        generation: rows::small(row, SWAPPED)?,
        mac_key_id: rows::small(row, SWAPPED + 1)?,
        marks: rows::marks(row, SWAPPED + 2)?,
        last_used_at: rows::time(row, SWAPPED + 10)?,
        idle_expires_at: rows::time(row, SWAPPED + 11)?,
        ..held
    })
}

/// The marks, whose times are the database's, told by the clock of the caller. Clocks that differ by
/// no more than the marks themselves may be wrong, a third of the grace, are taken for the same one
/// read at different moments.
fn by_clock_of(rotation: &Rotation, database: UnixTime, marks: Marks) -> Marks {
    let (ahead, behind) = (rotation.now.since(database), database.since(rotation.now));
    if ahead.max(behind) <= rotation.grace / 3 {
        return marks;
    }
    let told = |mark: Mark| Mark {
        replaced_at: mark
            .replaced_at
            .saturating_add(ahead)
            .saturating_sub(behind),
        ..mark
    };
    Marks::from_stored(marks.as_array().map(|mark| mark.map(told)))
}
