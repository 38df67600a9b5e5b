//! The database's shape, in numbered steps that only go forward.
//!
//! Everything lives in a schema of its own, `countersign`, so that a database may be shared with an
//! application that has a table of users as well. The number reached is kept in a row; whoever
//! migrates locks it, so of two processes that start at once the second finds the work done.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::pool::Pool;
use crate::store::StoreError;

/// Each step once, in order. A step that has been released is never edited.
const STEPS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_first.sql"),
    include_str!("../../../migrations/postgres/0002_clients.sql"),
    include_str!("../../../migrations/postgres/0003_own_tokens.sql"),
    include_str!("../../../migrations/postgres/0004_endings.sql"),
    include_str!("../../../migrations/postgres/0005_access_lives.sql"),
];

/// Brings the database up to this program's schema, or refuses one that is newer.
pub(super) async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let mut connection = pool.connection().await?;
    // Looked for before it is made: a role that may not make a schema can use one made for it.
    let schema = "SELECT 1 FROM information_schema.schemata WHERE schema_name = 'countersign'";
    if connection.query_opt(schema, &[]).await?.is_none() {
        unless_just_made(connection.batch_execute("CREATE SCHEMA countersign").await)?;
    }
    let table = "SELECT 1 FROM information_schema.tables
         WHERE table_schema = 'countersign' AND table_name = 'schema_steps'";
    if connection.query_opt(table, &[]).await?.is_none() {
        let make = "CREATE TABLE countersign.schema_steps
             (only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1), taken BIGINT NOT NULL)";
        unless_just_made(connection.batch_execute(make).await)?;
    }
    let transaction = connection.transaction().await?;
    // A step may take its time, and another process may have to wait for it.
    transaction
        .batch_execute(
            "SET LOCAL statement_timeout TO 0;
             INSERT INTO schema_steps (only_row, taken) VALUES (1, 0)
             ON CONFLICT (only_row) DO NOTHING",
        )
        .await?;
    let row = transaction
        .query_one("SELECT taken FROM schema_steps FOR UPDATE", &[])
        .await?;
    let (found, known) = judged(row.try_get(0)?)?;
    for (step, number) in STEPS.iter().zip(1..).filter(|(_, number)| *number > found) {
        transaction.batch_execute(step).await?;
        tracing::info!(step = number, "brought the database up to date");
    }
    let sql = "UPDATE schema_steps SET taken = $1";
    transaction.execute(sql, &[&i64::from(known)]).await?;
    transaction.commit().await?;
    Ok(())
}

/// How many steps the database has taken, and how many there are: never fewer. Nothing is made.
pub(super) async fn steps(pool: &Pool) -> Result<(u32, u32), StoreError> {
    let connection = pool.connection().await?;
    let table = "SELECT 1 FROM information_schema.tables
         WHERE table_schema = 'countersign' AND table_name = 'schema_steps'";
    let taken = "SELECT coalesce(max(taken), 0) FROM countersign.schema_steps";
    if connection.query_opt(table, &[]).await?.is_none() {
        return judged(0);
    }
    judged(connection.query_one(taken, &[]).await?.try_get(0)?)
}

/// Refuses what a newer program made.
fn judged(taken: i64) -> Result<(u32, u32), StoreError> {
    let found = u32::try_from(taken).unwrap_or(u32::MAX);
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    Ok((found, known))
}

/// Another process may have made it in the meantime; what it says then depends on the moment.
fn unless_just_made(outcome: Result<(), Error>) -> Result<(), StoreError> {
    let made = [
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_TABLE,
        // Of the type that every table has.
        SqlState::DUPLICATE_OBJECT,
        SqlState::UNIQUE_VIOLATION,
    ];
    match outcome {
        Err(error) if !error.code().is_some_and(|code| made.contains(code)) => Err(error.into()),
        _ => Ok(()),
    }
}
