//! What the tests of this crate share: the real `countersign` command as a process, and requests
//! to it over HTTP.
//!
//! Nothing here knows what is right; that is the tests' to say. Whatever fails while a test is
//! being set up ends it with a panic that says what was expected.

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up must fail, and what it prints is shown when it does"
)]

pub mod chance;
pub mod command;
pub mod foreign;
pub mod guide;
mod noted;
pub mod plain;
pub mod port;
pub mod request;
pub mod server;
pub mod shell;

pub use command::Countersign;
pub use request::{Answer, Http};
pub use server::{Server, Shared};
