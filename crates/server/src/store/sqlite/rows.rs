//! Rows to records, once for every table.

use countersign::UnixTime;
use countersign_issuer::marks::{Mark, Marks};
use countersign_issuer::record::{EndReason, Handle, PasswordHash, Session, User};
use rusqlite::Row;
use rusqlite::types::Type;

use crate::store::columns;
pub(super) use crate::store::columns::{
    NOT_ENDED, SESSION, SESSION_COLUMNS, USER, mark_values, seconds, seconds_of,
};

/// Reads a user whose first column is number `at`.
pub(super) fn user(row: &Row<'_>, at: usize) -> rusqlite::Result<User> {
    let roles: String = row.get(at + 3)?;
    Ok(User {
        id: row.get(at)?,
        username: row.get(at + 1)?,
        password_hash: PasswordHash::from_stored(row.get::<_, String>(at + 2)?),
        roles: columns::roles(&roles),
        disabled: row.get(at + 4)?,
        created_at: time(row, at + 5)?,
        password_changed_at: time(row, at + 6)?,
        scope: row.get(at + 7)?,
    })
}

/// Reads a session from the row's first columns.
pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let audience: String = row.get(5)?;
    let end_reason: Option<String> = row.get(22)?;
    Ok(Session {
        handle: Handle::new(row.get(0)?),
        sid: row.get(1)?,
        user_id: row.get(2)?,
        client_id: row.get(3)?,
        scope: row.get(4)?,
        audience: serde_json::from_str(&audience).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(5, Type::Text, error.into())
        })?,
        generation: row.get(6)?,
        mac_key_id: row.get(7)?,
        marks: Marks::from_stored([
            mark(row, 8)?,
            mark(row, 10)?,
            mark(row, 12)?,
            mark(row, 14)?,
        ]),
        created_at: time(row, 16)?,
        auth_time: time(row, 17)?,
        last_used_at: time(row, 18)?,
        idle_expires_at: time(row, 19)?,
        expires_at: time(row, 20)?,
        ended_at: optional_time(row, 21)?,
        end_reason: end_reason.and_then(|reason| EndReason::from_stored(&reason)),
    })
}

fn mark(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Mark>> {
    let generation: Option<u32> = row.get(at)?;
    let replaced_at = optional_time(row, at + 1)?;
    Ok(generation
        .zip(replaced_at)
        .map(|(generation, replaced_at)| Mark {
            generation,
            replaced_at,
        }))
}

/// Reads a time.
pub(super) fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<UnixTime> {
    Ok(UnixTime::from_secs(
        row.get::<_, i64>(at)?.max(0).unsigned_abs(),
    ))
}

/// Reads a time that may not be set.
pub(super) fn optional_time(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<UnixTime>> {
    let seconds: Option<i64> = row.get(at)?;
    Ok(seconds.map(|seconds| UnixTime::from_secs(seconds.max(0).unsigned_abs())))
}
