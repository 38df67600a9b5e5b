//! Refresh tokens: what one looks like, and what becomes of one that is presented.
//!
//! No token is stored, nor a hash of one. A token is derived from its session's row:
//!
//! ```text
//! csr_ base64url( 1 | MAC-key id, u32 | handle, 16 bytes | generation, u32 | MAC, 32 bytes )
//! ```
//!
//! The MAC (HMAC-SHA256) covers a context string and every field before it, so a made-up token is
//! refused without a look at the database. A genuine one is judged against the row as read:
//!
//! ```text
//! text --MacKeys::open--> Presented --judge(row)--> Rotate   swap to the next generation
//!                                                   Grace    the same current token once more
//!                                                   End      stolen, forged, or rolled back
//!                                                   Refused  ended, expired, another client's
//! ```
//!
//! There is one successor per token and never a second: in the grace everybody gets the same one.

use alloc::string::String;

use countersign::{UnixTime, secret::SecretString};

use crate::{
    error::{IssuerError, Refused},
    mac::{Kind, MacKeys},
    marks::Marks,
    record::{AuditKind, EndReason, Handle, Session},
    scope::{self, Exceeded},
    session::SessionPolicy,
};

const REFRESH: Kind = Kind {
    prefix: "csr_",
    context: b"countersign refresh token v1",
};
const BODY: usize = 16 + 4;

/// A refresh token on its way to its client. It does not print.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// The text, to be put into the answer and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl MacKeys {
    /// The session's current refresh token. Asked twice, it is the same one twice.
    ///
    /// # Errors
    /// [`IssuerError::UnknownMacKey`] when the row names a key that is not loaded.
    pub fn refresh_token(&self, session: &Session) -> Result<RefreshToken, IssuerError> {
        let mut body = [0; BODY];
        let bytes = session.handle.as_bytes().iter().copied();
        for (field, byte) in body
            .iter_mut()
            .zip(bytes.chain(session.generation.to_be_bytes()))
        {
            *field = byte;
        }
        let text = self.write(&REFRESH, session.mac_key_id, &body)?;
        Ok(RefreshToken(SecretString::new(text)))
    }

    /// Reads a refresh token and checks its MAC: no database, no clock.
    ///
    /// # Errors
    /// [`Refused::UnknownRefreshToken`] for everything that was not made here, whatever is wrong
    /// with it.
    pub fn open(&self, text: &str) -> Result<Presented, Refused> {
        self.presented(text).ok_or(Refused::UnknownRefreshToken)
    }

    fn presented(&self, text: &str) -> Option<Presented> {
        let (mac_key_id, body) = self.read::<BODY>(&REFRESH, text)?;
        let (handle, generation) = body.split_first_chunk::<16>()?;
        let generation = generation.first_chunk::<4>()?;
        Some(Presented {
            mac_key_id,
            handle: Handle::new(*handle),
            generation: u32::from_be_bytes(*generation),
            next_mac_key_id: self.current_id(),
        })
    }
}

/// A refresh token whose MAC was right: this server made it, for this handle and generation.
/// Whether it is still of use is for the row to say. Made by [`MacKeys::open`] only.
#[derive(Clone, Debug)]
pub struct Presented {
    mac_key_id: u32,
    handle: Handle,
    generation: u32,
    next_mac_key_id: u32,
}

/// Who asks for a refresh, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The client that presents the token; it must be the one the session was opened for.
    pub client_id: &'a str,
    /// The scope asked for, if any: the session's or a part of it (RFC 6749 §6).
    pub scope: Option<&'a str>,
}

/// What a presented token is worth against a row.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is the current one: swap the row to these values, in the transaction (or under the lock)
    /// the row was read in, for they hold the time of the swap.
    Rotate(Rotation),
    /// It was current less than the grace ago: answer with the row's current token, change nothing.
    Grace(Redeemed),
    /// It must not exist: end the session, if it has not ended yet.
    End(Theft),
    /// No. The row stays as it is.
    Refused(Refused),
}

/// The values a row takes when its refresh token is exchanged: plain data for one compare-and-swap.
///
/// ```sql
/// UPDATE session SET …
/// WHERE handle = :handle AND generation = :from_generation AND ended_at IS NULL
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The row.
    pub handle: Handle,
    /// The generation the row must still have.
    pub from_generation: u32,
    /// The next generation, always one more.
    pub generation: u32,
    /// The MAC key of the new token.
    pub mac_key_id: u32,
    /// The marks, with the replaced generation in them if it was time for one.
    pub marks: Marks,
    /// Now.
    pub last_used_at: UnixTime,
    /// The new end by idleness.
    pub idle_expires_at: UnixTime,
}

/// The right to the answer of a refresh: the session as it stands after it. Made by
/// [`Presented::judge`] and [`Presented::rotated`] only.
#[derive(Clone, Debug)]
pub struct Redeemed {
    session: Session,
    narrowed_scope: Option<String>,
}

/// A token that came back although it cannot, if nobody cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theft {
    /// It had been replaced longer than the grace ago.
    Reused {
        /// How many exchanges ago it was current. One is often no thief but a client that lost its
        /// memory (a restored virtual machine, two programs sharing a file); more is rarely that.
        generations_behind: u32,
    },
    /// It is ahead of the row, or of the same generation and made with another MAC key: the
    /// database was rolled back, or a MAC key has leaked.
    RollbackOrForgery,
}

impl Presented {
    /// The row to load.
    pub const fn handle(&self) -> Handle {
        self.handle
    }

    /// The generation it carries.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The MAC key it was made with.
    pub const fn mac_key_id(&self) -> u32 {
        self.mac_key_id
    }

    /// The MAC key of its successor, for a store that swaps in one statement.
    pub const fn next_mac_key_id(&self) -> u32 {
        self.next_mac_key_id
    }

    /// Judges the token against its row. Nothing is changed here, and in `Refused` nothing may be
    /// changed at all.
    pub fn judge(
        &self,
        row: &Session,
        asked: Asked<'_>,
        policy: &SessionPolicy,
        now: UnixTime,
    ) -> Verdict {
        let narrowed_scope = match self.may_redeem(row, asked, now) {
            Ok(narrowed_scope) => narrowed_scope,
            Err(refused) => return Verdict::Refused(refused),
        };
        if self.generation > row.generation {
            return Verdict::End(Theft::RollbackOrForgery);
        }
        if self.generation == row.generation {
            if self.mac_key_id != row.mac_key_id {
                return Verdict::End(Theft::RollbackOrForgery);
            }
            return match self.rotation(row, policy, now) {
                Some(rotation) => Verdict::Rotate(rotation),
                // Four thousand million exchanges: no client gets there by honest work.
                None => Verdict::Refused(Refused::SessionExpired),
            };
        }
        if row.marks.inside_grace(self.generation, now, policy.grace) {
            return Verdict::Grace(Redeemed {
                session: row.clone(),
                narrowed_scope,
            });
        }
        Verdict::End(Theft::Reused {
            generations_behind: row.generation - self.generation,
        })
    }

    /// Redeems the token after the store has swapped its row; `row` is the row as it was committed.
    ///
    /// # Errors
    /// As for [`judge`](Self::judge); [`Refused::UnknownSession`] when the row is not this token's
    /// next generation.
    pub fn rotated(
        &self,
        row: Session,
        asked: Asked<'_>,
        now: UnixTime,
    ) -> Result<Redeemed, Refused> {
        let narrowed_scope = self.may_redeem(&row, asked, now)?;
        if self.generation.checked_add(1) != Some(row.generation) {
            return Err(Refused::UnknownSession);
        }
        Ok(Redeemed {
            session: row,
            narrowed_scope,
        })
    }

    /// The checks that come before any change. Returns the narrower scope that was asked for.
    fn may_redeem(
        &self,
        row: &Session,
        asked: Asked<'_>,
        now: UnixTime,
    ) -> Result<Option<String>, Refused> {
        if self.handle != row.handle {
            return Err(Refused::UnknownSession);
        }
        row.live(now)?;
        if asked.client_id != row.client_id {
            return Err(Refused::WrongClient);
        }
        scope::narrowed(&row.scope, asked.scope).map_err(|Exceeded| Refused::WrongScope)
    }

    fn rotation(&self, row: &Session, policy: &SessionPolicy, now: UnixTime) -> Option<Rotation> {
        Some(Rotation {
            handle: row.handle,
            from_generation: row.generation,
            generation: row.generation.checked_add(1)?,
            mac_key_id: self.next_mac_key_id,
            marks: row.marks.push(row.generation, now, policy.grace),
            last_used_at: now,
            idle_expires_at: policy.idle_end(now, row.expires_at),
        })
    }
}

impl Rotation {
    /// The row after the swap, or `None` when it is no longer the row this was computed from.
    pub fn apply(&self, row: &Session) -> Option<Session> {
        if row.handle != self.handle || row.generation != self.from_generation || row.is_ended() {
            return None;
        }
        Some(Session {
            generation: self.generation,
            mac_key_id: self.mac_key_id,
            marks: self.marks,
            last_used_at: self.last_used_at,
            idle_expires_at: self.idle_expires_at,
            ..row.clone()
        })
    }
}

impl Redeemed {
    /// The session to answer for.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The scope of the access token, when less was asked for than the session has.
    pub(crate) fn narrowed_scope(&self) -> Option<&str> {
        self.narrowed_scope.as_deref()
    }
}

impl Theft {
    /// Why the session ends.
    pub const fn end_reason(self) -> EndReason {
        match self {
            Self::Reused { .. } => EndReason::RefreshReused,
            Self::RollbackOrForgery => EndReason::RollbackOrForgery,
        }
    }

    /// The kind of its audit event.
    pub const fn audit_kind(self) -> AuditKind {
        match self {
            Self::Reused { .. } => AuditKind::RefreshReused,
            Self::RollbackOrForgery => AuditKind::RollbackOrForgery,
        }
    }

    /// The detail of its audit event.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Reused {
                generations_behind: 1,
            } => "predecessor",
            Self::Reused { .. } => "ancestor",
            Self::RollbackOrForgery => "rollback_or_forgery",
        }
    }

    /// What the one who presented it is told.
    pub const fn refused(self) -> Refused {
        match self {
            Self::Reused { .. } => Refused::RefreshReused,
            Self::RollbackOrForgery => Refused::RollbackOrForgery,
        }
    }
}
