//! The verbs about sessions: opened, refreshed, looked at, ended.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::Client;
use countersign_issuer::record::{AuditEvent, Handle, PasswordHash, Session, User};

use super::change::{Ended, Ending, Found};
use super::endings::Whose;
use super::error::StoreError;

/// One row each, from the password that opened it to its end.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session for the user whose password was just checked, if user and client still are as
    /// it was decided by, and neither is disabled. `upgrade` replaces the hash by one at today's cost. Of the user's sessions for this client that
    /// are alive those least recently used end for it, so that no more are left than `room` has.
    async fn open_session(
        &self,
        session: Session,
        basis: Basis,
        upgrade: Option<PasswordHash>,
        room: Room,
        audit: AuditEvent,
    ) -> Result<Opened, StoreError>;

    /// The compare-and-swap of a refresh: if `rotation.generation` is current and the session is
    /// alive, it becomes the next one.
    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError>;

    /// The session with this handle.
    async fn session(&self, handle: Handle) -> Result<Option<Session>, StoreError>;

    /// Up to `limit` sessions of a user that are alive at `now`, newest first, from behind the user's
    /// session with the `sid` `after` on, which may be over by now. Missing if there is none, or none any
    /// more.
    async fn sessions_of(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Found<Vec<Session>>, StoreError>;

    /// Up to `limit` sessions of anybody that are alive at `now`, with the names of their users, in
    /// the order of their `sid`, from after `after` on.
    async fn sessions(
        &self,
        after: Option<&str>,
        limit: u32,
        now: UnixTime,
    ) -> Result<Vec<(Session, String)>, StoreError>;

    /// Ends what `which` names and publishes it. Sessions that are over already are left alone. Of more
    /// than end at once these are the first ([`Endings`](super::Endings)).
    async fn end_sessions(&self, which: Which, ending: Ending) -> Result<Vec<Ended>, StoreError>;
}

/// What a session was decided by. Hashing takes its time, and whoever takes something away in it ends
/// the sessions there are: one that is opened a moment later with what was read before would keep it.
#[derive(Clone, Debug)]
pub struct Basis {
    /// What the password was checked against.
    pub password_hash: PasswordHash,
    /// The user's roles.
    pub roles: Vec<String>,
    /// The scope the user may have.
    pub scope: String,
    /// Which revision of the client it is opened for; none for the server's own.
    pub client_revision: Option<u32>,
}

impl Basis {
    /// This user, signing in through this client if it is not the server's own.
    pub fn of(user: &User, client: Option<&Client>) -> Self {
        Self {
            password_hash: user.password_hash.clone(),
            roles: user.roles.clone(),
            scope: user.scope.clone(),
            client_revision: client.map(|client| client.revision),
        }
    }
}

/// How many sessions a user may have for one client at once, and as what those end that are too many.
#[derive(Clone, Debug)]
pub struct Room {
    /// How many, the new one among them. Sign-ins at the same moment may be one too many for each
    /// other; the next one makes up for it.
    pub most: u32,
    /// As what the others end.
    pub ending: Ending,
}

/// What became of a session that was to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// It is open.
    Opened,
    /// It is open, and these ended for it.
    InPlaceOf(Vec<Ended>),
    /// User or client are no longer what it was decided by, or are disabled or gone: nothing was
    /// opened.
    Changed,
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
    /// What there are tokens for, for this client and now. A session that is for something else stays
    /// as it is.
    pub audiences: Arc<[String]>,
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
    /// The row as read under the lock under which it was compared: not current, over, another
    /// client's, or for an audience that is gone. Nothing changed.
    NotCurrent(Session, User),
    /// No such session.
    Missing,
}

impl Which {
    /// Whose they are, if they may be too many to end at once.
    pub fn whose(&self) -> Option<Whose> {
        match self {
            Self::AllOf { user_id } => Some(Whose::User(user_id.clone())),
            Self::Everyone => Some(Whose::Everyone),
            Self::Of { .. } | Self::Sid(_) | Self::Handle(_) => None,
        }
    }
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
