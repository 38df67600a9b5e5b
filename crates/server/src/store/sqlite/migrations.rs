//! The database's shape, in numbered steps that only go forward. The number reached is kept in
//! SQLite's own `user_version`, so it moves in the same transaction as the step it counts.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

/// Each step once, in order. A step that has been released is never edited.
const STEPS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_clients.sql"),
];

/// Brings the database up to this program's schema, or refuses one that is newer.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // Immediate: two processes that start at once must not both take the same step.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = known();
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for step in STEPS.iter().skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// The newest schema this program knows.
pub(super) fn known() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}
