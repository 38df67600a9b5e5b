//! What the flows count: how sign-ins and refreshes end, and what hashing takes.

use std::sync::Arc;

use super::label::labels;
use super::number::{Counter, Counters, HASH, Histogram};

labels! {
    /// How a sign-in ended.
    pub(crate) enum Login {
        /// With a session.
        SignedIn = "signed_in",
        /// Unknown name, wrong password or disabled user.
        InvalidCredentials = "invalid_credentials",
        /// The name or the network has to wait.
        TooManyAttempts = "too_many_attempts",
        /// The client did not prove who it is.
        InvalidClient = "invalid_client",
        /// The client may not have sessions.
        UnauthorizedClient = "unauthorized_client",
        /// More scope than there is to have.
        InvalidScope = "invalid_scope",
        /// An audience there are no tokens for.
        InvalidTarget = "invalid_target",
        /// What was sent is not what a sign-in takes.
        InvalidRequest = "invalid_request",
        /// Too many passwords wait to be hashed.
        HashQueueFull = "hash_queue_full",
        /// The store did not do its part.
        Unavailable = "unavailable",
        /// The server failed.
        Failed = "failed",
    }
}

labels! {
    /// How a refresh ended, whichever route it came by.
    pub(crate) enum Refreshed {
        /// With the next pair.
        Rotated = "rotated",
        /// With the same pair once more: the answer was lost, or two tabs raced.
        Grace = "grace",
        /// The token had been replaced before: the session was ended.
        Reused = "refresh_reused",
        /// The token was ahead of the database: the session was ended.
        RollbackOrForgery = "rollback_or_forgery",
        /// No token of this server.
        UnknownRefreshToken = "unknown_refresh_token",
        /// Its session is no longer stored.
        UnknownSession = "unknown_session",
        /// Its session was ended.
        SessionEnded = "session_ended",
        /// Its session has expired.
        SessionExpired = "session_expired",
        /// It was issued to another client.
        WrongClient = "wrong_client",
        /// The client may not refresh.
        UnauthorizedClient = "unauthorized_client",
        /// More scope than was granted.
        InvalidScope = "invalid_scope",
        /// Another audience than was granted.
        InvalidTarget = "invalid_target",
        /// The store did not do its part.
        Unavailable = "unavailable",
        /// The server failed.
        Failed = "failed",
    }
}

/// What the flows of one server count.
#[derive(Debug, Default)]
pub(crate) struct FlowCounts {
    pub(crate) logins: Counters<Login>,
    pub(crate) refreshes: Counters<Refreshed>,
    pub(crate) hashing: Arc<Hashing>,
}

/// What hashing takes.
#[derive(Debug)]
pub(crate) struct Hashing {
    /// From the moment a lane takes a job until it is done.
    pub(crate) seconds: Histogram,
    /// Jobs the full queue did not take.
    pub(crate) refused: Counter,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            seconds: Histogram::new(&HASH),
            refused: Counter::default(),
        }
    }
}
