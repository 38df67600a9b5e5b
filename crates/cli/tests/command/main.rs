//! The built binary, as a user runs it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own preparations may fail loudly"
)]

mod account;
mod clients;
mod config;
mod demo;
mod expected;
#[path = "../../../server/tests/http/exposition.rs"]
mod exposition;
#[cfg(unix)]
mod file_limit;
mod foreign;
mod guard;
mod inspect;
mod installation;
mod issuer;
mod jwk;
mod keys;
mod manual;
#[cfg(unix)]
mod open_files;
mod request;
mod run;
mod scan;
mod serve;
mod sign_and_verify;
mod stage;
mod terminal;
