//! What every connection to the file needs, whatever it is for.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::store::StoreError;

/// How long a write waits for another process to finish its own.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);

pub(super) fn prepare_connection(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A few hundred sessions' worth; the operating system caches the rest.
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A plan is made once. Where a table has a partial index, SQLite would make a new one for every
    // value that is bound, which takes as long as ten such reads.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::migrations;
    use super::super::rows::{SESSION, USER};
    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound_to_it() {
        let mut db = Connection::open_in_memory().expect("a database");
        prepare_connection(&db).expect("prepared");
        migrations::migrate(&mut db).expect("a schema");
        let sql = format!(
            "SELECT {SESSION}, {USER} FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE sessions.handle = ?1"
        );
        for handle in [[1; 16], [2; 16], [3; 16]] {
            let mut statement = db.prepare_cached(&sql).expect("a statement");
            assert!(!statement.exists([handle]).expect("an answer"));
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
