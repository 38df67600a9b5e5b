//! The issuer's decisions, each with the ways it can go. One binary, so that the crate is linked
//! once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected should stop there"
)]

mod assertion;
mod cast;
mod client;
mod imported;
mod keyring;
mod mac;
mod marks;
mod master;
mod password;
mod refresh;
mod refresh_model;
mod revoke;
mod session;
mod shadow;
mod throttle;
mod token;
