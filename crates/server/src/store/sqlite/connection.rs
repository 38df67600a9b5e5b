//! What every connection to the file needs, whatever it is for.

use std::time::Duration;

use rusqlite::Connection;

use crate::store::StoreError;

/// How long a write waits for another process to finish its own.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);

pub(super) fn prepare_connection(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A few hundred sessions' worth; the operating system caches the rest.
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
