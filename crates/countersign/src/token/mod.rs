//! The shape of a token: its three parts (`compact`), its header, its claims, and the look at it
//! without trust.

mod access;
mod audience;
mod claims;
mod compact;
mod header;
mod unverified;

pub use access::{AccessClaims, AccessFields};
pub use audience::Audience;
pub use unverified::Unverified;

pub(crate) use access::Lent;
pub(crate) use claims::{Claim, NAMES, Notes, Registered};
pub(crate) use compact::{Compact, decode};
pub(crate) use header::Header;
