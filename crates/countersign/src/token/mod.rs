//! The shape of a token: its three parts (`compact`), its header, its claims, and the look at it
//! without trust.

mod claims;
mod compact;
mod header;
mod unverified;

pub use claims::{AccessClaims, Audience};
pub use unverified::Unverified;

pub(crate) use claims::{NAMES, Registered, Spans};
pub(crate) use compact::{Compact, decode};
pub(crate) use header::Header;
