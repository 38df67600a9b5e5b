//! What only a shared database can do wrong.

mod address;
mod crowded;
mod marks;
mod outage;
mod processes;
mod proxy;
mod races;
mod servers;

use crate::fixture::{Database, Fixture};

/// A database of its own on the shared server, and its URL. None if PostgreSQL is done without.
async fn fixture() -> Option<(Fixture, String)> {
    let fixture = Fixture::postgres().await?;
    let Database::Postgres(url) = &fixture.database else {
        return None;
    };
    let url = url.clone();
    Some((fixture, url))
}
