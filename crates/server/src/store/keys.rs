//! The verbs about keys, sealed as they lie in the database.

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, KeyState, MacKeyRecord, Sealed, SigningKeyRecord};
use countersign_issuer::revoke::Revocation;

use super::error::StoreError;

/// What signs tokens, and what makes refresh tokens.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Every signing key that is not gone, and every key that refresh tokens may be made with.
    async fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError>;

    /// Stores `keys` where each `before` is still what the database holds; otherwise nothing
    /// changes and the answer is false (another process was first).
    async fn change_keys(&self, changes: Vec<KeyRowChange>) -> Result<bool, StoreError>;
}

/// One row of the key tables, as it shall be.
#[derive(Clone, Debug)]
pub enum KeyRowChange {
    /// A signing key that is new, or that was in the state `from` (nothing is changed if it no
    /// longer is). `revocation` is published with it.
    Signing {
        /// The row as it shall be.
        record: SigningKeyRecord,
        /// The state it must be in, or `None` for a new row.
        from: Option<KeyState>,
        /// Published in the same transaction, for a key that is withdrawn.
        revocation: Option<Revocation>,
        /// Its audit line.
        audit: AuditEvent,
    },
    /// A MAC key that is new.
    MacCreated {
        /// The row as it shall be.
        record: MacKeyRecord,
        /// Its audit line.
        audit: AuditEvent,
    },
    /// A newer MAC key took over from this one.
    MacRetired {
        /// Which.
        id: u32,
        /// When.
        at: UnixTime,
    },
    /// A key is sealed anew, under another master key. Nothing is changed if the key is gone.
    Resealed {
        /// Which: a signing key's `kid` or a MAC key's id.
        key: KeyName,
        /// What it was sealed as before.
        from: Sealed,
        /// What it is sealed as from now on.
        to: Sealed,
    },
    /// No token that this MAC key made can be alive: its row is deleted.
    MacDeleted {
        /// Which.
        id: u32,
    },
}

/// The name of a key of either kind.
#[derive(Clone, Debug)]
pub enum KeyName {
    /// A signing key's `kid`.
    Signing(String),
    /// A MAC key's id.
    Mac(u32),
}
