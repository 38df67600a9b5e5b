//! The right to have tokens made.
//!
//! A [`UserGrant`] has no public constructor: it comes out of a password check ([`PasswordProof`])
//! or out of a redeemed refresh token ([`Redeemed`]), and nothing else. Whoever holds one need not
//! ask again.

use alloc::{string::String, vec::Vec};

use countersign::UnixTime;

use crate::{
    client::{Client, ClientTerms},
    error::Refused,
    marks::Marks,
    password::PasswordProof,
    record::{Handle, Session, User},
    refresh::Redeemed,
    scope::{self, Exceeded},
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
    /// The scope asked for, words separated by single spaces; all the user may have if none is.
    pub scope: Option<String>,
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
///     scope: String::from("everything"),
///     client: None,
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
    /// The scope the user may have.
    scope: String,
    /// The client through which the user signed in, and its terms, if it has any of its own.
    client: Option<(String, ClientTerms)>,
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
            scope,
            ..
        } = proof.into_user();
        Self {
            user_id: id,
            username,
            roles,
            scope,
            client: None,
            auth_time: now,
            narrowed: None,
            sid: None,
        }
    }

    /// A grant from a redeemed refresh token, with the user's name and roles as they are now.
    ///
    /// # Errors
    /// [`Refused::SessionEnded`] when the user has been disabled since, or is not the session's.
    pub fn from_refresh(redeemed: &Redeemed, user: User) -> Result<Self, Refused> {
        let session = redeemed.session();
        if user.disabled || user.id != session.user_id {
            return Err(Refused::SessionEnded);
        }
        Ok(Self {
            user_id: user.id,
            username: user.username,
            roles: user.roles,
            scope: user.scope,
            client: None,
            auth_time: session.auth_time,
            narrowed: redeemed.narrowed_scope().map(String::from),
            sid: Some(session.sid.clone()),
        })
    }

    /// The same through a client that is not the server's own: of roles and scope no more than the
    /// client may have, and tokens by its terms.
    pub fn for_client(mut self, client: &Client) -> Self {
        self.roles.retain(|role| client.roles.contains(role));
        self.scope = scope::shared(&self.scope, &client.scope);
        self.client = Some((client.client_id.clone(), client.terms));
        self
    }

    /// Opens a session for this user.
    ///
    /// # Errors
    /// [`Refused::InvalidScope`] when more is asked for than the user may have.
    pub fn open_session(
        &self,
        new: NewSession,
        policy: &SessionPolicy,
        now: UnixTime,
    ) -> Result<Session, Refused> {
        let NewSession {
            handle,
            sid,
            client_id,
            scope,
            audience,
            mac_key_id,
        } = new;
        let narrowed = scope::narrowed(&self.scope, scope.as_deref());
        let scope = narrowed.map_err(|Exceeded| Refused::InvalidScope)?;
        let scope = scope.unwrap_or_else(|| self.scope.clone());
        let expires_at = now.saturating_add(policy.absolute);
        Ok(Session {
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
        })
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

    /// Whether this grant may speak for `session`: it is the user's, the client's, and the one
    /// redeemed if one was.
    pub(crate) fn covers(&self, session: &Session) -> bool {
        let client = self.client.as_ref();
        self.user_id == session.user_id
            && client.is_none_or(|(client_id, _)| *client_id == session.client_id)
            && self.sid.as_ref().is_none_or(|sid| *sid == session.sid)
    }

    /// The terms of the client, the server's if it has none of its own.
    pub(crate) fn terms(&self) -> ClientTerms {
        self.client
            .as_ref()
            .map_or_else(ClientTerms::default, |(_, terms)| *terms)
    }

    /// The scope of the access token to make for `session`: of what the session was granted, no
    /// more than user and client may have now.
    pub fn scope_in(&self, session: &Session) -> String {
        let granted = self.narrowed.as_deref().unwrap_or(&session.scope);
        scope::shared(granted, &self.scope)
    }
}
