//! What changes have in common, whatever they are about: what became of one, and how sessions end
//! by it.

use countersign::UnixTime;
use countersign_issuer::record::{AuditKind, EndReason};
use countersign_issuer::revoke::RevocationPolicy;

/// What became of a new user, or a new client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// It exists now.
    Created,
    /// There is one of that name already.
    NameTaken,
}

/// A change to something that may not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Found<T> {
    /// It was there, and this is what came of it.
    Found(T),
    /// It was not there; nothing changed.
    Missing,
}

impl<T> Found<T> {
    /// The same with something else made of what came of it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Found(found) => Found::Found(change(found)),
            Self::Missing => Found::Missing,
        }
    }
}

/// Why and when sessions end, and how long guards must remember it.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// As what each session's end is written to the audit log.
    pub kind: AuditKind,
    /// When.
    pub at: UnixTime,
    /// Until when a token of such a session may still be alive.
    pub until: UnixTime,
    /// The network it was asked from, for the audit log.
    pub network: Option<String>,
    /// Who did it, when that is not the owner.
    pub actor: Option<String>,
    /// What else the audit line says.
    pub detail: Option<String>,
}

impl Ending {
    /// An ending at `at`, remembered until the last access token it concerns has expired.
    pub fn new(reason: EndReason, policy: &RevocationPolicy, at: UnixTime) -> Self {
        Self {
            reason,
            kind: AuditKind::SessionEnded,
            at,
            until: policy.last_token_gone(at),
            network: None,
            actor: None,
            detail: None,
        }
    }
}

/// What ends with a change of a client.
#[derive(Clone, Debug)]
pub struct ClientEnding {
    /// The `sid` that its tokens in its own name had until now, if those are revoked.
    pub own_sid: Option<String>,
    /// Whether every session ends that was opened for it.
    pub sessions: bool,
    /// Why and when.
    pub ending: Ending,
}

/// A session that a verb ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub sid: String,
    /// Whose it was.
    pub user_id: String,
}
