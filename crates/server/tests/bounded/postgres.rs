//! PostgreSQL: everything in the database, dead rows included.
//!
//! The server of the tests has autovacuum switched off, which is the worst that can be: what a
//! refresh leaves behind must be swept up by the next ones on the same page (heap-only tuples, for
//! which the table's fill factor leaves room). Seen here: 8,715,623 bytes after the first ten
//! thousand refreshes, 8,887,655 after thirty thousand and from then on. A row a refresh would come
//! to 25 MiB; without room on the pages, one dead row a refresh to the same.

use std::sync::Arc;

use countersign_server::store::Store;
use countersign_server::store::postgres::PostgresStore;
use tokio_postgres::Client;

use crate::cluster::{self, Cluster};
use crate::crowd::Crowd;

const REFRESHES: u32 = 100_000;
const BATCH: u32 = 10_000;
const CALLERS: u32 = 16;
const MAY_GROW: i64 = 2 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_use_the_room_of_those_before() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let url = cluster.new_database().await;
    let store = PostgresStore::connect(&url).await.expect("a new database");
    let store: Arc<dyn Store> = Arc::new(store);
    let mut crowd = Crowd::sign_in(Arc::clone(&store)).await;
    let admin = cluster::connect(&url).await;
    crowd.refresh(BATCH, CALLERS).await;
    let first = size(&admin).await;
    let mut last = first;
    for _ in 1..REFRESHES / BATCH {
        crowd.refresh(BATCH, CALLERS).await;
        last = size(&admin).await;
        assert!(last <= first + MAY_GROW, "{last} bytes, {first} at first");
    }
    println!("{first} bytes at first, {last} at last");
    store.close().await;
}

async fn size(admin: &Client) -> i64 {
    let sql = "SELECT pg_database_size(current_database())";
    let row = admin.query_one(sql, &[]).await;
    row.expect("a size").get(0)
}
