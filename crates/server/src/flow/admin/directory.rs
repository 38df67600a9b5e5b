//! The users: added, listed, given passwords, disabled. For administrators and the command line.
//!
//! It needs the store and nothing of a running server. Over a running one it also tells the guards
//! of that process at once; those of other processes hear of it from the database.

use std::sync::Arc;

use countersign::{UnixTime, crypto};
use countersign_issuer::password::{NewPassword, PasswordPolicy};
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason, PasswordHash, User};
use countersign_issuer::revoke::{Revocation, RevocationKind};
use countersign_issuer::{
    IssuerError, Password, PasswordHasher, PasswordParameters, Refused, scope,
};

use super::administrator::Administrator;
use super::names::{LONGEST, are_roles, is_username};
use crate::config::Config;
use crate::flow::authority::Authority;
use crate::flow::error::FlowError;
use crate::flow::fresh::new_id;
use crate::installation::{self, OpenError};
use crate::store::{Created, Ended, Ending, Found, StoreError, UserChange, Whose};

/// The users of one installation.
#[derive(Clone, Debug)]
pub struct Directory {
    administrator: Administrator,
    cost: PasswordParameters,
}

/// What a user may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The `roles` claim.
    pub roles: Vec<String>,
    /// The scope that may be asked for, words separated by single spaces.
    pub scope: String,
}

impl From<Vec<String>> for Rights {
    fn from(roles: Vec<String>) -> Self {
        Self {
            roles,
            scope: String::new(),
        }
    }
}

/// Why a user was not added or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// There is one of that name.
    #[error("there is a user named {0} already")]
    NameTaken(String),
    /// There is none of that name.
    #[error("there is no user named {0}")]
    UnknownUser(String),
    /// The name cannot be one.
    #[error("a user name has 1 to {LONGEST} bytes and no spaces or control characters")]
    BadName,
    /// A role's name cannot be one.
    #[error("a role has no spaces or control characters, and is not empty")]
    BadRole,
    /// A scope cannot be one.
    #[error("a scope is one word of printable ASCII without `\"` and `\\`")]
    BadScope,
    /// The password cannot be one.
    #[error(transparent)]
    Password(#[from] Refused),
    /// Too many passwords wait to be hashed.
    #[error("too many passwords wait to be hashed; try again in a moment")]
    Busy,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password could not be hashed.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Directory {
    /// Opens the users of the installation that `config` describes, and makes it if it is not there
    /// yet: users may be added before the server is started for the first time.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be opened, or is there without its master key.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let (store, _) = installation::open(config).await?;
        Ok(Self {
            administrator: Administrator::beside(store, config).await?,
            cost: config.passwords,
        })
    }

    /// The users of a running server.
    pub(crate) fn of(authority: Arc<Authority>, config: &Config) -> Self {
        Self {
            administrator: Administrator::of(authority),
            cost: config.passwords,
        }
    }

    /// The same users, changed in the name of the administrator with this user id: the audit log
    /// says so.
    #[must_use]
    pub fn acting(self, actor: impl Into<String>) -> Self {
        Self {
            administrator: self.administrator.acting(actor),
            ..self
        }
    }

    /// Adds a user.
    ///
    /// # Errors
    /// [`DirectoryError::NameTaken`], or what is wrong with name, rights or password.
    pub async fn add(
        &self,
        username: &str,
        password: Password,
        rights: impl Into<Rights>,
    ) -> Result<User, DirectoryError> {
        let Rights { roles, scope } = rights.into();
        if !is_username(username) {
            return Err(DirectoryError::BadName);
        }
        refuse_bad_roles(&roles)?;
        let scope = checked_scope(&scope)?;
        let now = UnixTime::now();
        let user = User {
            id: new_id()?,
            username: username.to_owned(),
            password_hash: self.hash(password, username).await?,
            roles,
            scope,
            disabled: false,
            created_at: now,
            password_changed_at: now,
        };
        match self
            .administrator
            .store()
            .create_user(user.clone(), self.about(&user, AuditKind::UserCreated, now))
            .await?
        {
            Created::Created => Ok(user),
            Created::NameTaken => Err(DirectoryError::NameTaken(username.to_owned())),
        }
    }

    /// Up to `limit` users whose names come after `after`, by name.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, DirectoryError> {
        Ok(self.administrator.store().users(after, limit).await?)
    }

    /// Gives a user another password and ends every session of theirs. The answer is how many.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`], or what is wrong with the password.
    pub async fn set_password(
        &self,
        username: &str,
        password: Password,
    ) -> Result<usize, DirectoryError> {
        let user = self.find(username).await?;
        let hash = self.hash(password, username).await?;
        let now = UnixTime::now();
        let ending = self.administrator.ending(EndReason::PasswordChanged, now);
        let audit = self.about(&user, AuditKind::PasswordChanged, now);
        let ended = self
            .administrator
            .store()
            .set_password(&user.id, None, hash, None, ending.clone(), audit)
            .await?;
        self.told(ended, &ending, &user).await
    }

    /// Keeps a user out: no sign-in, no refresh, every session ended. The answer is how many.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`].
    pub async fn disable(&self, username: &str) -> Result<usize, DirectoryError> {
        let disabled = UserChange {
            disabled: Some(true),
            ..UserChange::default()
        };
        self.change(username, disabled).await
    }

    /// Lets a disabled user sign in again.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`].
    pub async fn enable(&self, username: &str) -> Result<(), DirectoryError> {
        let enabled = UserChange {
            disabled: Some(false),
            ..UserChange::default()
        };
        self.change(username, enabled).await.map(drop)
    }

    /// The user with this name.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`].
    pub async fn user(&self, username: &str) -> Result<User, DirectoryError> {
        self.find(username).await
    }

    /// Gives a user other roles. If one is taken away, every session of the user ends, and the
    /// answer is how many: a token that is out would keep that role, and with it the way to give it
    /// back. A role that is only added is in the next token.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`] or [`DirectoryError::BadRole`].
    pub async fn set_roles(
        &self,
        username: &str,
        roles: Vec<String>,
    ) -> Result<usize, DirectoryError> {
        let change = UserChange {
            roles: Some(roles),
            ..UserChange::default()
        };
        self.change(username, change).await
    }

    /// Gives a user other roles or another scope, keeps the user out or lets them in again, as far
    /// as it is said: all of it or nothing. The answer is how many sessions ended by it.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`], [`DirectoryError::BadRole`] or [`DirectoryError::BadScope`].
    pub async fn change(
        &self,
        username: &str,
        change: UserChange,
    ) -> Result<usize, DirectoryError> {
        let UserChange {
            roles,
            scope,
            disabled,
        } = change;
        refuse_bad_roles(roles.as_deref().unwrap_or_default())?;
        let scope = scope.as_deref().map(checked_scope).transpose()?;
        let user = self.find(username).await?;
        let now = UnixTime::now();
        let mut audit = Vec::new();
        if let Some(roles) = &roles {
            audit.push(AuditEvent {
                detail: Some(format!("roles: {}", roles.join(" "))),
                ..self.about(&user, AuditKind::UserChanged, now)
            });
        }
        if let Some(scope) = &scope {
            audit.push(AuditEvent {
                detail: Some(format!("scope: {scope}")),
                ..self.about(&user, AuditKind::UserChanged, now)
            });
        }
        match disabled {
            Some(true) => audit.push(self.about(&user, AuditKind::UserDisabled, now)),
            Some(false) => audit.push(self.about(&user, AuditKind::UserEnabled, now)),
            None => {}
        }
        let reason = match (disabled, &roles) {
            (Some(true), _) => EndReason::UserDisabled,
            (_, Some(_)) => EndReason::RoleTaken,
            (_, None) => EndReason::ScopeTaken,
        };
        let ending = self.administrator.ending(reason, now);
        let change = UserChange {
            roles,
            scope,
            disabled,
        };
        let ended = self
            .administrator
            .store()
            .change_user(&user.id, change, ending.clone(), audit)
            .await?;
        self.told(ended, &ending, &user).await
    }

    /// Deletes a user and every session of theirs. The answer is how many sessions ended.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`].
    pub async fn delete(&self, username: &str) -> Result<usize, DirectoryError> {
        let user = self.find(username).await?;
        let now = UnixTime::now();
        let ending = self.administrator.ending(EndReason::UserDeleted, now);
        let audit = self.about(&user, AuditKind::UserDeleted, now);
        let ended = self
            .administrator
            .store()
            .delete_user(&user.id, ending.clone(), audit)
            .await?;
        if let Some(authority) = self.administrator.authority() {
            authority.publish([Revocation {
                kind: RevocationKind::Subject,
                value: user.id.clone(),
                at: ending.at,
                until: ending.until,
            }]);
        }
        self.told(ended, &ending, &user).await
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.administrator.close().await;
    }

    /// Tells the guards of a running server which sessions ended, ends those that were too many to end
    /// with the change, and counts them.
    async fn told(
        &self,
        ended: Found<Vec<Ended>>,
        ending: &Ending,
        user: &User,
    ) -> Result<usize, DirectoryError> {
        let Found::Found(ended) = ended else {
            return Err(DirectoryError::UnknownUser(user.username.clone()));
        };
        let whose = Whose::User(user.id.clone());
        Ok(self.administrator.finish(&whose, ending, ended).await?)
    }

    async fn find(&self, username: &str) -> Result<User, DirectoryError> {
        let found = self.administrator.store().user_by_name(username).await?;
        found.ok_or_else(|| DirectoryError::UnknownUser(username.to_owned()))
    }

    async fn hash(
        &self,
        password: Password,
        username: &str,
    ) -> Result<PasswordHash, DirectoryError> {
        let new = NewPassword::choose(password, username, PasswordPolicy::default())?;
        let salt = crypto::random::<16>().map_err(IssuerError::from)?;
        if let Some(authority) = self.administrator.authority() {
            // Where sign-ins hash, and no more of it: an administrator's script is a flood too.
            let hashed = authority.lanes.run(move |hasher| hasher.hash(&new, salt));
            return Ok(hashed.await.map_err(FlowError::from)??);
        }
        let mut hasher = PasswordHasher::new(self.cost);
        let joined = tokio::task::spawn_blocking(move || hasher.hash(&new, salt)).await;
        Ok(joined.map_err(|_| StoreError::Closed)??)
    }

    fn about(&self, user: &User, kind: AuditKind, now: UnixTime) -> AuditEvent {
        AuditEvent {
            user_id: Some(user.id.clone()),
            username: Some(user.username.clone()),
            ..self.administrator.event(kind, now)
        }
    }
}

fn refuse_bad_roles(roles: &[String]) -> Result<(), DirectoryError> {
    if are_roles(roles) {
        Ok(())
    } else {
        Err(DirectoryError::BadRole)
    }
}

/// The scope with each word once and single spaces between them.
fn checked_scope(scope: &str) -> Result<String, DirectoryError> {
    let mut words: Vec<&str> = Vec::new();
    for word in scope.split_whitespace() {
        if !scope::is_word(word) {
            return Err(DirectoryError::BadScope);
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words.join(" "))
}

impl From<FlowError> for DirectoryError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Refused(refused) => Self::Password(refused),
            FlowError::Store(error) => Self::Store(error),
            FlowError::Issuer(error) => Self::Issuer(error),
            FlowError::Busy => Self::Busy,
        }
    }
}
