//! A session is one row, however often it is refreshed: the database of a thousand sessions is as
//! large after a million refreshes as after ten thousand.
//!
//! What is looked at is the size on the disk, log included. No time is asserted.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose preparations fail must fail loudly"
)]

#[path = "../store/cast.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cast;
#[path = "../store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;
mod crowd;
mod postgres;
mod sqlite;
