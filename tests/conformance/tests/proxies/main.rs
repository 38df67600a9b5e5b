//! `countersign guard` behind real proxies, set up as the guides say: who reaches the service, as
//! whom, and who does not.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot be set up must fail, and what it prints is shown when it does"
)]

mod caddy;
mod guide;
mod nginx;
mod promises;
mod service;
mod stage;
