//! A database file as it stands, for whoever only asks whether it could be served.

use std::fs;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::lock::DatabaseLock;
use super::{connection, keys, migrations};
use crate::place::{beside, may_change};
use crate::store::StoreError;
use crate::store::survey::Survey;

/// Looks at the database at `path`, which must be there.
pub(crate) fn survey(path: &Path) -> Result<Survey, StoreError> {
    may_change(path).map_err(StoreError::unavailable)?;
    // A lock that nobody has made yet is held by nobody.
    let _lock = if beside(path, "-lock").exists() {
        Some(DatabaseLock::shared(path)?)
    } else {
        None
    };
    let db = open(path)?;
    let (found, known) = migrations::steps(&db)?;
    let (signing, macs) = if found == known {
        (keys::signing(&db)?, keys::mac(&db)?)
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(Survey {
        found,
        known,
        signing,
        macs,
    })
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = fs::metadata(beside(path, "-wal"));
    let connection = if log.is_ok_and(|log| log.len() > 0) {
        Connection::open_with_flags(path, flags)?
    } else {
        // Where nobody writes, SQLite need not make the files that it keeps writers apart with.
        let name = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
        let uri = format!("file:{name}?immutable=1");
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    connection.busy_timeout(connection::LOCK_WAIT)?;
    Ok(connection)
}
