//! What the server keeps, as a set of verbs.
//!
//! A verb is one question or one change. Whatever must happen together, a session ended, the
//! revocation published and the audit line written, is one verb, so that no crash and no second
//! server process can come in between. A changing verb answers after its change is durable.
//!
//! The verbs decide nothing: they compare and set what they are handed. Policy lives in the issuer.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign::{Algorithm, UnixTime};
use countersign_issuer::Client;
use countersign_issuer::record::{
    AuditEvent, AuditKind, EndReason, Handle, KeyState, MacKeyRecord, PasswordHash, Sealed,
    Session, SigningKeyRecord, User,
};
use countersign_issuer::revoke::Revocation;

mod client_row;
mod columns;
pub mod postgres;
pub mod sqlite;

/// The verbs. Two engines implement them, an embedded SQLite file and a shared PostgreSQL database,
/// and pass the same tests.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Adds a user.
    async fn create_user(&self, user: User, audit: AuditEvent) -> Result<Created, StoreError>;

    /// Adds users, all or as many as have a free name, in one transaction; the answers are in the
    /// order of the users. One audit line stands for all of them.
    async fn import_users(
        &self,
        users: Vec<User>,
        audit: AuditEvent,
    ) -> Result<Vec<Created>, StoreError>;

    /// One stored hash of each kind there is: a kind is the function and its cost.
    async fn password_kinds(&self) -> Result<Vec<PasswordHash>, StoreError>;

    /// The user with this name, compared without regard to case.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError>;

    /// The user with this id.
    async fn user(&self, id: &str) -> Result<Option<User>, StoreError>;

    /// Up to `limit` users whose names come after `after`, in the order of their names.
    async fn users(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Sets a password hash, and ends the user's sessions as `ending` says (all but `keep`).
    /// `checked` is the hash that the owner's old password was checked against: if it is no longer
    /// the user's, or the user was disabled meanwhile, nothing changes and the user is as good as
    /// missing. An administrator checks none.
    async fn set_password(
        &self,
        user_id: &str,
        checked: Option<PasswordHash>,
        hash: PasswordHash,
        keep: Option<&str>,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Changes a user as `change` says, and ends every session if that takes something away: a
    /// role, or the right to sign in at all. The user's id itself is not revoked: whoever is let
    /// back in would be kept out until that revocation expired. Each line of `audit` is written.
    async fn change_user(
        &self,
        user_id: &str,
        change: UserChange,
        ending: Ending,
        audit: Vec<AuditEvent>,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Deletes a user with every session, and publishes the user's own revocation. Whoever adds
    /// users gives no id again for which such a revocation is alive.
    async fn delete_user(
        &self,
        user_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Adds a client. Its id must be no user's: both are the `sub` of tokens.
    async fn create_client(&self, client: Client, audit: AuditEvent)
    -> Result<Created, StoreError>;

    /// The client with this id.
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError>;

    /// Up to `limit` clients whose ids come after `after`, in the order of their ids.
    async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Vec<Client>, StoreError>;

    /// Stores a client that was changed, as its next revision, if it still is of the revision it was
    /// read at. With an `ending`, every session that was opened for it ends, and the tokens it has
    /// in its own name are revoked.
    async fn change_client(
        &self,
        client: Client,
        ending: Option<Ending>,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Deletes a client, ends every session that was opened for it and revokes its own tokens.
    async fn delete_client(
        &self,
        client_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// The algorithms that clients have asked for, each once.
    async fn client_algorithms(&self) -> Result<Vec<Algorithm>, StoreError>;

    /// Remembers until `until` that the client assertion of this digest was used; whether this was
    /// the first time, in any process.
    async fn use_assertion(&self, digest: [u8; 32], until: UnixTime) -> Result<bool, StoreError>;

    /// Opens a session for the user whose password was just checked. `checked` is the hash it was
    /// checked against: if it is no longer the user's, or the user was disabled meanwhile, nothing
    /// is opened; nor if its client is neither the server's own nor one that is there and enabled.
    /// `upgrade` replaces that hash by one at today's cost.
    async fn open_session(
        &self,
        session: Session,
        checked: PasswordHash,
        upgrade: Option<PasswordHash>,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError>;

    /// The compare-and-swap of a refresh: if `rotation.generation` is current and the session is
    /// alive, it becomes the next one.
    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError>;

    /// The session with this handle.
    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError>;

    /// The sessions of a user that are alive at `now`, newest first.
    async fn sessions_of(&self, user_id: &str, now: UnixTime) -> Result<Vec<Session>, StoreError>;

    /// Up to `limit` sessions of anybody that are alive at `now`, with the names of their users, in
    /// the order of their `sid`, from after `after` on.
    async fn sessions(
        &self,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Vec<(Session, String)>, StoreError>;

    /// Ends what `which` names and publishes it. Sessions that are over already are left alone.
    async fn end_sessions(&self, which: Which, ending: Ending) -> Result<Vec<Ended>, StoreError>;

    /// Publishes a revocation of its own, of one token.
    async fn revoke(&self, revocation: Revocation, audit: AuditEvent) -> Result<(), StoreError>;

    /// Appends to the audit log something that changes nothing else.
    async fn audit(&self, event: AuditEvent) -> Result<(), StoreError>;

    /// Up to `limit` lines of the audit log after the line `after`, oldest first, with their numbers.
    async fn audit_log(&self, after: u64, limit: u32)
    -> Result<Vec<(u64, AuditEvent)>, StoreError>;

    /// The number of the last line but `lines` of the audit log: where to begin to read its end.
    async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError>;

    /// The revocations that live at `now`.
    async fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError>;

    /// A number that changes whenever another process has written to the database.
    async fn foreign_writes(&self) -> Result<u64, StoreError>;

    /// Every signing key that is not gone, and every key that refresh tokens may be made with.
    async fn keys(&self) -> Result<(Vec<SigningKeyRecord>, Vec<MacKeyRecord>), StoreError>;

    /// Stores `keys` where each `before` is still what the database holds; otherwise nothing
    /// changes and the answer is false (another process was first).
    async fn change_keys(&self, changes: Vec<KeyRowChange>) -> Result<bool, StoreError>;

    /// The larger of `life` and every value handed in before, kept for ever: the longest life an
    /// access token of this installation can have.
    async fn longest_access_life(&self, life: Duration) -> Result<Duration, StoreError>;

    /// The same for sessions, whichever client they are of.
    async fn longest_session_life(&self, life: Duration) -> Result<Duration, StoreError>;

    /// Deletes a few rows that nobody can ask for again, and audit lines older than
    /// `audit_before`; `limit` of each at most. The answer says whether there may be more.
    async fn sweep(
        &self,
        now: UnixTime,
        audit_before: UnixTime,
        limit: u32,
    ) -> Result<bool, StoreError>;

    /// Writes out what waits in memory and closes.
    async fn close(&self);
}

/// A store that several tasks share.
pub type SharedStore = Arc<dyn Store>;

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

/// What is to be different about a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Instead of the roles there are.
    pub roles: Option<Vec<String>>,
    /// Instead of the scope there is.
    pub scope: Option<String>,
    /// Whether the user is kept out.
    pub disabled: Option<bool>,
}

impl UserChange {
    /// Whether somebody who has these `roles` and this `scope`, as they are stored, loses something
    /// by it.
    pub(crate) fn takes_away(&self, roles: &str, scope: &str) -> bool {
        let role_kept = |role: &str| match &self.roles {
            Some(new) => new.iter().any(|new| new == role),
            None => true,
        };
        let word_kept = |word: &str| match &self.scope {
            Some(new) => new.split(' ').any(|new| new == word),
            None => true,
        };
        self.disabled == Some(true)
            || !roles.split_whitespace().all(role_kept)
            || !scope.split_whitespace().all(word_kept)
    }
}

/// What became of a session that was to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// It is open.
    Opened,
    /// The user was disabled, deleted or given another password in the meantime, or the client was
    /// disabled or deleted.
    UserChanged,
}

/// A refresh, as the database is asked for it.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Which session.
    pub handle: Handle,
    /// The generation that was presented.
    pub generation: u32,
    /// The MAC key the presented token was made with.
    pub presented_mac_key_id: u32,
    /// The client that presented it.
    pub client_id: String,
    /// The MAC key the next token is made with.
    pub mac_key_id: u32,
    /// How long the session may now lie unused.
    pub idle: Duration,
    /// The grace, by which marks are spaced.
    pub grace: Duration,
    /// When.
    pub now: UnixTime,
}

/// What became of a refresh.
#[derive(Clone, Debug)]
#[must_use]
pub enum Rotated {
    /// The session as it is now, one generation on, and its user.
    Rotated(Session, User),
    /// The row as read under the lock under which it was compared: not current, over, or another
    /// client's. Nothing changed.
    NotCurrent(Session, User),
    /// No such session.
    Missing,
}

/// Which sessions to end.
#[derive(Clone, Debug)]
pub enum Which {
    /// The one with this `sid`, if it is this user's.
    Of {
        /// Whose.
        user_id: String,
        /// Which.
        sid: String,
    },
    /// The one with this `sid`, whosever it is: for administrators.
    Sid(String),
    /// The one a refresh token names.
    Handle(Handle),
    /// Every one there is: for a restored database.
    Everyone,
    /// Every one of a user.
    AllOf {
        /// Whose.
        user_id: String,
    },
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

/// A session that a verb ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub sid: String,
    /// Whose it was.
    pub user_id: String,
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

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database was made by a newer version of this program.
    #[error(
        "the database has schema {found}, this program knows up to {known}: use the newer \
         countersign that made it, or restore a backup"
    )]
    NewerSchema {
        /// The database's schema number.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The database cannot be reached or does not do as asked.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// More writes wait than the queue holds.
    #[error("the database is overloaded")]
    Overloaded,
    /// The store is shutting down.
    #[error("the database is closed")]
    Closed,
    /// The database must be had alone, and another process has it open.
    #[error(
        "the database is open in another process: stop the server, and other commands that use it, \
         and try again"
    )]
    InUse,
    /// Another server process serves this embedded database.
    #[error(
        "another countersign serve has the database {} open, and an embedded database has one \
         server: stop that one first, or use PostgreSQL for several",
        .0.display()
    )]
    Served(PathBuf),
    /// Another process puts a database, or its master key, in this one's place.
    #[error(
        "the database is being restored or given another master key; try again when that is done"
    )]
    BeingReplaced,
    /// A row holds something this program never writes.
    #[error("the database holds something unexpected in {place}: {detail}")]
    Corrupt {
        /// Table and column.
        place: &'static str,
        /// What is wrong with it, without the value.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }

    /// The same error once more, for everyone whose write was in the group that failed.
    pub(crate) fn again(error: &Self) -> Self {
        match error {
            Self::NewerSchema { found, known } => Self::NewerSchema {
                found: *found,
                known: *known,
            },
            Self::Unavailable(detail) => Self::Unavailable(detail.clone()),
            Self::Overloaded => Self::Overloaded,
            Self::Closed => Self::Closed,
            Self::InUse => Self::InUse,
            Self::Served(path) => Self::Served(path.clone()),
            Self::BeingReplaced => Self::BeingReplaced,
            Self::Corrupt { place, detail } => Self::Corrupt {
                place,
                detail: detail.clone(),
            },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::unavailable(error)
    }
}

/// The kind of a stored hash: everything before its salt, which is the function and its cost.
pub(crate) fn hash_kind(hash: &PasswordHash) -> &str {
    let text = hash.as_str();
    let bcrypt = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|mark| text.contains(mark));
    // bcrypt writes salt and hash as one part, everyone else as two.
    let parts_of_the_user = if bcrypt { 1 } else { 2 };
    let kind = text.rsplitn(parts_of_the_user + 1, '$').last();
    kind.unwrap_or_default()
}

/// Names are one user's whatever their case.
pub(crate) fn name_key(username: &str) -> String {
    username.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_function_and_its_cost_and_nothing_of_the_user() {
        let kinds = [
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
                "$argon2id$v=19$m=19456,t=2,p=1",
            ),
            ("$2b$12$saltsaltsaltsaltsaltsahashhashhash", "$2b$12"),
            (
                "bcrypt_sha256$$2b$12$saltsaltsaltsaltsahash",
                "bcrypt_sha256$$2b$12",
            ),
            ("scrypt:32768:8:1$salt$00ff", "scrypt:32768:8:1"),
            ("pbkdf2_sha256$600000$salt$aGFzaA=", "pbkdf2_sha256$600000"),
        ];
        for (hash, kind) in kinds {
            assert_eq!(hash_kind(&PasswordHash::from_stored(hash)), kind);
        }
    }
}
