//! A session's life: how long it may last, and whether it is over. A user's grant opens one
//! ([`UserGrant::open_session`](crate::UserGrant::open_session)), refreshes keep it alive.

use core::time::Duration;

use countersign::UnixTime;

use crate::{
    error::{IssuerError, Refused},
    record::{EndReason, Session},
};

/// How long sessions last. A server has one; a client may have its own
/// ([`ClientTerms`](crate::client::ClientTerms)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Unused for this long, a session is over.
    pub idle: Duration,
    /// Over after this long in any case.
    pub absolute: Duration,
    /// How long a replaced refresh token still fetches its successor.
    pub grace: Duration,
}

impl Default for SessionPolicy {
    /// 30 days idle, 90 days in all, 30 seconds of grace.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30 * 86_400),
            absolute: Duration::from_secs(90 * 86_400),
            grace: Duration::from_secs(30),
        }
    }
}

impl SessionPolicy {
    /// The longest grace that may be set.
    pub const MOST_GRACE: Duration = Duration::from_secs(300);

    /// The policy, if its numbers make sense.
    ///
    /// # Errors
    /// [`IssuerError::SessionPolicy`] when a life is nothing, when the idle life is longer than the
    /// absolute one, and for a grace of more than five minutes: a stolen token is good for as long.
    pub fn checked(self) -> Result<Self, IssuerError> {
        let why = if self.idle.as_secs() == 0 || self.absolute.as_secs() == 0 {
            "a session must last at least a second"
        } else if self.idle > self.absolute {
            "the idle life must not be longer than the absolute life"
        } else if self.grace > Self::MOST_GRACE {
            "the grace must be at most 300 s"
        } else {
            return Ok(self);
        };
        Err(IssuerError::SessionPolicy { why })
    }

    /// When a session with this absolute end expires if it is not used after `now`.
    pub(crate) fn idle_end(&self, now: UnixTime, expires_at: UnixTime) -> UnixTime {
        now.saturating_add(self.idle).min(expires_at)
    }
}

impl Session {
    /// The generation of a session's first refresh token.
    pub const FIRST_GENERATION: u32 = 0;

    /// Whether the session is neither ended nor expired.
    ///
    /// # Errors
    /// [`Refused::SessionEnded`] or [`Refused::SessionExpired`].
    pub fn live(&self, now: UnixTime) -> Result<(), Refused> {
        if self.is_ended() {
            Err(Refused::SessionEnded)
        } else if self.is_expired(now) {
            Err(Refused::SessionExpired)
        } else {
            Ok(())
        }
    }

    /// Whether the session was ended before its time.
    pub const fn is_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// Whether the session was unused for too long, or is too old.
    pub fn is_expired(&self, now: UnixTime) -> bool {
        now >= self.idle_expires_at || now >= self.expires_at
    }

    /// Ends the session. A session that has ended keeps its first time and reason.
    ///
    /// Returns whether it was this call that ended it: only then is there something to publish and
    /// to audit.
    pub fn end(&mut self, reason: EndReason, now: UnixTime) -> bool {
        if self.is_ended() {
            return false;
        }
        self.ended_at = Some(now);
        self.end_reason = Some(reason);
        true
    }

    /// How long the refresh token just answered may be used at most: the `refresh_expires_in` of a
    /// token answer.
    pub fn refresh_expires_in(&self, now: UnixTime) -> Duration {
        self.idle_expires_at.min(self.expires_at).since(now)
    }
}
