//! What the server keeps, as a set of verbs.
//!
//! A verb is one question or one change. Whatever must happen together, a session ended, the
//! revocation published and the audit line written, is one verb, so that no crash and no second
//! server process can come in between. A changing verb answers after its change is durable.
//!
//! The verbs decide nothing: they compare and set what they are handed. Policy lives in the issuer.
//!
//! Each subject has a trait of its own, in a file that says what can be asked about it, and each
//! engine a file of the same name that says it in SQL. [`Store`] is all of them at once: whoever
//! holds a [`SharedStore`] has every verb and needs to name no other trait, and something that lacks
//! one is no engine.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign::UnixTime;

use crate::metrics::StoreCounts;

pub use self::audit::AuditLog;
pub use self::change::{ClientEnding, Created, Ended, Ending, Found};
pub use self::clients::Clients;
pub use self::endings::{Batch, Endings, Whose};
pub use self::error::StoreError;
pub use self::keys::{KeyName, KeyRowChange, Keys};
pub use self::revocations::Revocations;
pub use self::sessions::{Basis, Opened, Room, Rotated, Rotation, Sessions, Which};
pub use self::users::{UserChange, Users};
pub(crate) use self::users::{hash_kind, name_key};

mod audit;
mod change;
mod client_row;
mod clients;
mod columns;
mod endings;
mod error;
mod keys;
pub mod postgres;
mod revocations;
mod sessions;
pub mod sqlite;
pub(crate) mod survey;
mod users;

/// Every verb there is, and those about the database as a whole. Two engines implement them, an
/// embedded SQLite file and a shared PostgreSQL database, and pass the same tests.
#[async_trait]
pub trait Store:
    Users + Clients + Sessions + Endings + Revocations + AuditLog + Keys + Debug + Send + Sync
{
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// A number that changes whenever another process has written to the database.
    async fn foreign_writes(&self) -> Result<u64, StoreError>;

    /// The longest life that any access token of this installation can have which may still be alive:
    /// the larger of `life`, which is in use now, and those that were until a while ago. Whoever makes
    /// tokens says so every few minutes.
    async fn longest_access_life(
        &self,
        life: Duration,
        now: UnixTime,
    ) -> Result<Duration, StoreError>;

    /// The larger of `life` and every value handed in before, kept for ever: the longest life of a
    /// session, whichever client it is of.
    async fn longest_session_life(&self, life: Duration) -> Result<Duration, StoreError>;

    /// Deletes a few rows that nobody can ask for again, and audit lines older than
    /// `audit_before`; `limit` of each at most. A session that is over stays for `remembered` more:
    /// as long as a token of it may be alive, for what was swept cannot be taken back any more. The
    /// answer says whether there may be more.
    async fn sweep(
        &self,
        now: UnixTime,
        remembered: Duration,
        audit_before: UnixTime,
        limit: u32,
    ) -> Result<bool, StoreError>;

    /// What was measured of all this.
    fn counts(&self) -> &StoreCounts;

    /// Writes out what waits in memory and closes.
    async fn close(&self);
}

/// How many sessions end at most because one more is opened. Where there are far too many, because the
/// setting was made smaller, it takes a few sign-ins.
const CROWDED_AT_ONCE: u32 = 100;

/// A life of access tokens is written down as in use this often, in seconds.
const LIFE_MARKED_EVERY: i64 = 600;
/// For so long after it was, in seconds, tokens may have been made that live for as long: whoever makes
/// them may be late by a few times.
const LIFE_IN_USE: i64 = 3 * LIFE_MARKED_EVERY;

/// A store that several tasks share.
pub type SharedStore = Arc<dyn Store>;
