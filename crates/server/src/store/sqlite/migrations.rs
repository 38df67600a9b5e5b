//! The database's shape, in numbered steps that only go forward. The number reached is kept in
//! SQLite's own `user_version`, so it moves in the same transaction as the step it counts.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

/// Each step once, in order. A step that has been released is never edited.
const STEPS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_clients.sql"),
    include_str!("../../../migrations/sqlite/0003_own_tokens.sql"),
    include_str!("../../../migrations/sqlite/0004_endings.sql"),
    include_str!("../../../migrations/sqlite/0005_access_lives.sql"),
];

/// Brings the database up to this program's schema, or refuses one that is newer.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // A start on a database that is up to date writes nothing and waits for no disk.
    if steps_behind(connection)? == 0 {
        return Ok(());
    }
    // Immediate: two processes that start at once must not both take the same step.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let behind = steps_behind(&transaction)?;
    for step in STEPS.iter().skip(STEPS.len() - behind) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known())?;
    transaction.commit()?;
    Ok(())
}

/// How many steps the database has not taken yet.
fn steps_behind(connection: &Connection) -> Result<usize, StoreError> {
    let (found, known) = steps(connection)?;
    Ok((known - found) as usize)
}

/// How many steps the database has taken, and how many there are: never fewer.
pub(super) fn steps(connection: &Connection) -> Result<(u32, u32), StoreError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = known();
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    Ok((found, known))
}

/// The newest schema this program knows.
pub(super) fn known() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_up_to_date_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Connection::open(folder.path().join("it.db")).expect("a database");
        let writes = |watching: &Connection| -> u32 {
            watching
                .pragma_query_value(None, "data_version", |row| row.get(0))
                .expect("a number")
        };
        let watching = open();
        let before = writes(&watching);
        migrate(&mut open()).expect("it is brought up to date");
        let first = writes(&watching);
        assert_ne!(first, before);
        migrate(&mut open()).expect("it is up to date");
        assert_eq!(writes(&watching), first);
    }
}
