//! The page of `/metrics`: gathered from where things are counted.

use countersign::UnixTime;

use super::shared::Shared;
use crate::metrics::{Sources, Traffic, server_page};

/// The page as it is now.
pub(super) fn page(shared: &Shared, traffic: &Traffic) -> String {
    server_page(&Sources {
        since: shared.since,
        flows: shared.authority.counts(),
        store: shared.authority.store_counts(),
        oauth: &shared.oauth,
        traffic,
        connections: &shared.connections,
        guard: &shared.decided(),
        standing: shared.authority.standing(UnixTime::now()),
    })
}
