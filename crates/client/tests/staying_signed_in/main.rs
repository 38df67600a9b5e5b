//! The client against a server on a loopback port that can be told to make trouble.
//!
//! `fake` is the server; the tests are grouped by what goes wrong.
#![expect(
    clippy::expect_used,
    reason = "the server's own preparations may fail loudly"
)]

mod destination;
mod fake;
mod file;
mod kept;
mod layer;
mod login;
mod oauth;
mod refused;
mod renewal;
mod source;
