//! SQLite: the database file and its log.
//!
//! Seen here: 344,064 bytes after the first ten thousand refreshes, 372,736 after a million (the
//! numbers in a row grow longer), and a log of 16 to 20 MiB. A row a refresh would come to 40 MiB
//! and more; a log that never begins anew while writes go on, to 380 MiB.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use countersign_server::store::Store;
use countersign_server::store::sqlite::SqliteStore;

use crate::crowd::Crowd;

const REFRESHES: u32 = 1_000_000;
const BATCH: u32 = 10_000;
const CALLERS: u32 = 500;
/// What half a second and a checkpoint add on a fast machine to a log that is long already.
const LOG_AT_MOST: u64 = 96 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_refreshes_leave_the_file_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("test.db");
    let store = open(&file);
    let mut crowd = Crowd::sign_in(Arc::clone(&store)).await;
    crowd.refresh(BATCH, CALLERS).await;
    // Before the log is written out, part of what was written is in it alone.
    let first = written_out(&*store, &file).await;
    let store = open(&file);
    crowd = crowd.reopened(Arc::clone(&store));
    let mut longest = 0;
    for _ in 1..REFRESHES / BATCH {
        crowd.refresh(BATCH, CALLERS).await;
        let (data, log) = sizes(&file);
        assert!(data <= first + first / 4, "{data} bytes, {first} at first");
        assert!(log <= LOG_AT_MOST, "a log of {log} bytes");
        longest = longest.max(log);
    }
    let data = written_out(&*store, &file).await;
    assert!(data <= first + first / 4, "{data} bytes, {first} at first");
    println!("{first} bytes at first, {data} at last; the log had {longest}");
}

fn open(file: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(file).expect("a database"))
}

/// Bytes of the file, after what waited in the log was written out: nothing hides there.
async fn written_out(store: &dyn Store, file: &Path) -> u64 {
    store.close().await;
    let (data, log) = sizes(file);
    assert_eq!(log, 0);
    data
}

/// Bytes of the file and of its log.
fn sizes(file: &Path) -> (u64, u64) {
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    (size(file), size(&file.with_extension("db-wal")))
}
