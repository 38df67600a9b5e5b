//! One file a command.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod config;
mod database;
pub(crate) mod demo;
pub(crate) mod guard;
mod import;
mod issuer;
pub(crate) mod jwk;
pub(crate) mod jwt;
pub(crate) mod key;
mod listen;
pub(crate) mod manual;
mod open_files;
pub(crate) mod password;
mod progress;
mod prompt;
pub(crate) mod reason;
mod rekey;
pub(crate) mod request;
pub(crate) mod restore;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod session;
mod stop;
pub(crate) mod user;

use countersign::UnixTime;

use crate::failure::Failure;

/// Runs a command that waits for the database and for nothing else.
fn run_async(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?
        .block_on(work)
}

/// A time as it is printed: UTC, to the second.
fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(timestamp) => timestamp.to_string(),
        Err(_) => time.to_string(),
    }
}

/// A size as it is printed.
#[expect(
    clippy::cast_precision_loss,
    reason = "one digit after the point is printed"
)]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
