//! The shape of a token: its three parts (`compact`), its header, its claims, and the look at it
//! without trust.

mod access;
mod claims;
mod compact;
mod header;
mod unverified;

pub use access::{AccessClaims, AccessFields};
pub use claims::Audience;
pub use unverified::Unverified;

pub(crate) use access::Lent;
pub(crate) use claims::{Claim, NAMES, Registered, Spans};
pub(crate) use compact::{Compact, decode};
pub(crate) use header::Header;
