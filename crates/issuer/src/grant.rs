//! The right to have tokens made.
//!
//! A [`UserGrant`] has no public constructor: it comes out of a password check ([`PasswordProof`])
//! or out of a redeemed refresh token ([`Redeemed`]), and nothing else. Whoever holds one need not
//! ask again.

use alloc::{string::String, vec::Vec};

use countersign::UnixTime;

use crate::{
    error::Refused,
    marks::Marks,
    password::PasswordProof,
    record::{Handle, Session, User},
    refresh::Redeemed,
    session::SessionPolicy,
};

/// What a new session is for, and the random ids that name it.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Sixteen bytes from a cryptographic generator.
    pub handle: Handle,
    /// The `sid`: random as well, and unrelated to the handle.
    pub sid: String,
    /// The client it is opened for.
    pub client_id: String,
    /// The scope granted, words separated by single spaces.
    pub scope: String,
    /// Who the access tokens are for.
    pub audience: Vec<String>,
    /// The MAC key of the first refresh token, [`MacKeys::current_id`](crate::MacKeys::current_id).
    pub mac_key_id: u32,
}

/// A user has proved, now or when the session was opened, who they are.
///
/// It cannot be made up:
///
/// ```compile_fail,E0451
/// use countersign::UnixTime;
/// let grant = countersign_issuer::UserGrant {
///     user_id: String::from("u1"),
///     username: String::from("ada"),
///     roles: vec![String::from("admin")],
///     auth_time: UnixTime::EPOCH,
///     narrowed: None,
///     sid: None,
/// };
/// ```
#[derive(Clone, Debug)]
pub struct UserGrant {
    user_id: String,
    username: String,
    roles: Vec<String>,
    auth_time: UnixTime,
    /// Scope narrowed by a refresh; `None` for all that the session has.
    narrowed: Option<String>,
    /// The session it was redeemed from, so that it opens no doors of another one.
    sid: Option<String>,
}

impl UserGrant {
    /// A grant from a password that was right at `now`.
    pub fn from_password(proof: PasswordProof, now: UnixTime) -> Self {
        let User {
            id,
            username,
            roles,
            ..
        } = proof.into_user();
        Self {
            user_id: id,
            username,
            roles,
            auth_time: now,
            narrowed: None,
            sid: None,
        }
    }

    /// A grant from a redeemed refresh token, with the user's name and roles as they are now.
    ///
    /// # Errors
    /// [`Refused::SessionEnded`] when the user has been disabled since, or is not the session's.
    pub fn from_refresh(redeemed: &Redeemed, user: &User) -> Result<Self, Refused> {
        let session = redeemed.session();
        if user.disabled || user.id != session.user_id {
            return Err(Refused::SessionEnded);
        }
        Ok(Self {
            user_id: user.id.clone(),
            username: user.username.clone(),
            roles: user.roles.clone(),
            auth_time: session.auth_time,
            narrowed: redeemed.narrowed_scope().map(String::from),
            sid: Some(session.sid.clone()),
        })
    }

    /// Opens a session for this user.
    pub fn open_session(&self, new: NewSession, policy: &SessionPolicy, now: UnixTime) -> Session {
        let NewSession {
            handle,
            sid,
            client_id,
            scope,
            audience,
            mac_key_id,
        } = new;
        let expires_at = now.saturating_add(policy.absolute);
        Session {
            handle,
            sid,
            user_id: self.user_id.clone(),
            client_id,
            scope,
            audience,
            generation: Session::FIRST_GENERATION,
            mac_key_id,
            marks: Marks::default(),
            created_at: now,
            auth_time: self.auth_time,
            last_used_at: now,
            idle_expires_at: policy.idle_end(now, expires_at),
            expires_at,
            ended_at: None,
            end_reason: None,
        }
    }

    /// The user's id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The user's name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The user's roles.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// When the user proved it.
    pub const fn auth_time(&self) -> UnixTime {
        self.auth_time
    }

    /// Whether this grant may speak for `session`: it is the user's, and the one redeemed if one
    /// was.
    pub(crate) fn covers(&self, session: &Session) -> bool {
        self.user_id == session.user_id && self.sid.as_ref().is_none_or(|sid| *sid == session.sid)
    }

    /// The scope of the access token to make for `session`.
    pub(crate) fn scope_in<'a>(&'a self, session: &'a Session) -> &'a str {
        self.narrowed.as_deref().unwrap_or(&session.scope)
    }
}
