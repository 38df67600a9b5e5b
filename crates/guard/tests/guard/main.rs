//! The guard from the outside: one binary, because linking is what takes the time.
#![expect(
    clippy::expect_used,
    reason = "a test's own preparations may fail loudly"
)]

mod any_claims;
mod cache;
mod check;
#[cfg(feature = "axum")]
mod cookie;
#[cfg(feature = "axum")]
mod doors;
mod forward;
mod issuer;
mod legacy;
mod refusals;
#[cfg(feature = "remote")]
mod remote_background;
#[cfg(feature = "remote")]
mod remote_issuer;
#[cfg(feature = "remote")]
mod remote_keys;
#[cfg(feature = "remote")]
mod remote_look;
#[cfg(feature = "remote")]
mod remote_revocations;
#[cfg(feature = "remote")]
mod remote_stream;
#[cfg(feature = "axum")]
mod websocket;
