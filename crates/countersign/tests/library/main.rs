//! The library from outside: vectors by their origin, advisories by their id, properties.
//!
//! One binary, so that it is linked once.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing should fail there"
)]

mod advisories;
mod claims;
mod compile_fail;
mod ground;
mod header;
mod keys;
mod properties;
mod rfc7515;
mod standards;
mod wycheproof;
