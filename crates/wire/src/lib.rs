//! What Countersign's server, guard and client say to each other, and nothing else.
//!
//! ```text
//!   client ---- token (login, refresh, logout), account (me) ----> server
//!   API -------- introspection ----------------------------------> server
//!   admin ------ admin, clients ---------------------------------> server
//!   client ---- bearer: Authorization --------> guard
//!   client <--- bearer: WWW-Authenticate ------ guard ---- identity ---> proxy
//!   guard  <--- discovery, revocation ---------------------------- server
//!
//!   problem: every refusal, of either;   paths: every route of the server
//! ```
//!
//! Every message is defined once, here, so that the two ends of a connection cannot drift apart.
//! The crate does no I/O and reads no clock; times are whole seconds since 1970 (`u64`), as they
//! are in the JSON. It knows nothing of signatures either: a signed message travels as a `String`,
//! and whoever receives it verifies it with the `countersign` crate.
//!
//! Reading is tolerant (an unknown member is ignored, so that a newer server can talk to an older
//! guard), writing is exact.
#![no_std]

extern crate alloc;

pub mod account;
pub mod admin;
pub mod bearer;
pub mod clients;
pub mod discovery;
pub mod identity;
pub mod introspection;
pub mod paths;
pub mod problem;
pub mod revocation;
pub mod token;
