//! What is counted, and the page it is read from.
//!
//! ```text
//!   flow/ http/ listen/ store/   count where things happen:  flows, traffic
//!                  |
//!   number, label  <- plain atomics, one for each value of an enum
//!                  |
//!   server         -> the page, written in one place from the definitions of  family
//! ```
//!
//! Nothing that somebody sends becomes a label: no name, no id, no path. So the page is as long after
//! a flood as before it, and there is nothing secret in it. What a label can be is an enum, and whatever
//! happens is turned into one by a `match` without a rest: what is new cannot be forgotten here.
//!
//! There is no library below it. The text format is a page of code, and what the libraries add, sets of
//! labels that are made as they are met, is what must not be here: it needs a lock or a map on the
//! way of every request, and lets a label grow without bound by one careless line.

pub mod family;
mod flows;
pub mod guarded;
pub mod label;
pub mod number;
pub mod page;
pub mod process;
mod server;
mod standing;
mod stored;
mod traffic;

pub use self::family::Family;
pub use self::page::Page;
pub use self::stored::StoreCounts;

pub(crate) use self::flows::{FlowCounts, Hashing, Login, Refreshed};
pub(crate) use self::number::Counters;
pub(crate) use self::server::{Sources, page as server_page};
pub(crate) use self::standing::{KeysStanding, LanesStanding, Standing};
pub(crate) use self::stored::{Asked, StoreFailure};
pub(crate) use self::traffic::{
    Connections, Endpoint, OauthCounts, OauthOutcome, Open, Traffic, Unconnected, Unrouted,
};

/// Every family of the server's page, in its order.
pub fn server_families() -> impl Iterator<Item = &'static Family> {
    let all = [process::FAMILIES, server::FAMILIES, guarded::FAMILIES];
    all.into_iter().flatten().copied()
}
