//! Rows to records, once for every table, and values as parameters that do not print: the
//! driver writes what it is handed into its debug log.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::BytesMut;
use countersign::UnixTime;
use countersign_issuer::marks::{Mark, Marks};
use countersign_issuer::record::{EndReason, Handle, PasswordHash, Session, User};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::StoreError;
use crate::store::columns;
pub(super) use crate::store::columns::{
    NOT_ENDED, SESSION, SESSION_COLUMNS, USER, USER_COLUMNS, mark_values, seconds, seconds_of,
};

/// Reads a user whose first column is number `at`.
pub(super) fn user(row: &Row, at: usize) -> Result<User, StoreError> {
    let roles: &str = get(row, at + 3)?;
    Ok(User {
        id: get(row, at)?,
        username: get(row, at + 1)?,
        password_hash: PasswordHash::from_stored(get::<String>(row, at + 2)?),
        roles: columns::roles(roles),
        disabled: get(row, at + 4)?,
        created_at: time(row, at + 5)?,
        password_changed_at: time(row, at + 6)?,
        scope: get(row, at + 7)?,
    })
}

/// Reads a session from the row's first columns.
pub(super) fn session(row: &Row) -> Result<Session, StoreError> {
    let handle: &[u8] = get(row, 0)?;
    let audience: &str = get(row, 5)?;
    let end_reason: Option<&str> = get(row, 22)?;
    Ok(Session {
        handle: Handle::new(handle.try_into().map_err(|_| StoreError::Corrupt {
            place: "sessions.handle",
            detail: format!("{} bytes where 16 belong", handle.len()),
        })?),
        sid: get(row, 1)?,
        user_id: get(row, 2)?,
        client_id: get(row, 3)?,
        scope: get(row, 4)?,
        audience: serde_json::from_str(audience).map_err(|error| StoreError::Corrupt {
            place: "sessions.audience",
            detail: error.to_string(),
        })?,
        generation: small(row, 6)?,
        mac_key_id: small(row, 7)?,
        marks: marks(row, 8)?,
        created_at: time(row, 16)?,
        auth_time: time(row, 17)?,
        last_used_at: time(row, 18)?,
        idle_expires_at: time(row, 19)?,
        expires_at: time(row, 20)?,
        ended_at: optional_time(row, 21)?,
        end_reason: end_reason.and_then(EndReason::from_stored),
    })
}

/// Reads four marks whose first column is number `at`.
pub(super) fn marks(row: &Row, at: usize) -> Result<Marks, StoreError> {
    Ok(Marks::from_stored([
        mark(row, at)?,
        mark(row, at + 2)?,
        mark(row, at + 4)?,
        mark(row, at + 6)?,
    ]))
}

fn mark(row: &Row, at: usize) -> Result<Option<Mark>, StoreError> {
    if get::<Option<i64>>(row, at)?.is_none() {
        return Ok(None);
    }
    let generation = small(row, at)?;
    let replaced_at = optional_time(row, at + 1)?;
    Ok(replaced_at.map(|replaced_at| Mark {
        generation,
        replaced_at,
    }))
}

/// Reads a time.
pub(super) fn time(row: &Row, at: usize) -> Result<UnixTime, StoreError> {
    Ok(UnixTime::from_secs(
        get::<i64>(row, at)?.max(0).unsigned_abs(),
    ))
}

/// Reads a length of time.
pub(super) fn length(row: &Row, at: usize) -> Result<Duration, StoreError> {
    let seconds = get::<i64>(row, at)?.max(0).unsigned_abs();
    Ok(Duration::from_secs(seconds))
}

/// Reads a time that may not be set.
pub(super) fn optional_time(row: &Row, at: usize) -> Result<Option<UnixTime>, StoreError> {
    let seconds: Option<i64> = get(row, at)?;
    Ok(seconds.map(|seconds| UnixTime::from_secs(seconds.max(0).unsigned_abs())))
}

/// Reads a number of 32 bits, which PostgreSQL has no unsigned type for.
pub(super) fn small(row: &Row, at: usize) -> Result<u32, StoreError> {
    u32::try_from(get::<i64>(row, at)?).map_err(|error| unexpected(row, at, &error))
}

/// Reads a column.
pub(super) fn get<'row, T: FromSql<'row>>(row: &'row Row, at: usize) -> Result<T, StoreError> {
    row.try_get(at).map_err(|error| unexpected(row, at, &error))
}

fn unexpected(row: &Row, at: usize, error: &dyn Error) -> StoreError {
    let column = row
        .columns()
        .get(at)
        .map_or("missing", |column| column.name());
    StoreError::Corrupt {
        place: "a row",
        detail: format!("column {column}: {error}"),
    }
}

/// A text parameter. It does not print, and a NUL, which PostgreSQL's text cannot hold, goes in as
/// the replacement character: what anybody may type must be looked up and written down, not fail.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let text: Cow<'_, str> = if self.0.contains('\0') {
            self.0.replace('\0', "\u{fffd}").into()
        } else {
            self.0.into()
        };
        text.as_ref().to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(redacted)")
    }
}

/// A text parameter that may be missing.
pub(super) fn text(text: Option<&String>) -> Option<Text<'_>> {
    text.map(|text| Text(text))
}

/// Bytes as a parameter. They do not print.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl ToSql for Bytes<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <&[u8] as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}
