//! What users do with their own account: see and end sessions, change the password.

use std::net::IpAddr;

use countersign::secret::SecretString;
use countersign::{UnixTime, crypto};
use countersign_issuer::password::{NewPassword, PasswordPolicy};
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason, PasswordHash, Session, User};
use countersign_issuer::throttle::Network;
use countersign_issuer::{IssuerError, Password, Refused};

use super::authority::Authority;
use super::endings;
use super::error::FlowError;
use crate::store::{Ending, Found, Which, Whose, name_key};

/// A change of the own password, as it was asked for.
#[derive(Debug)]
pub(crate) struct PasswordChange {
    pub(crate) user_id: String,
    pub(crate) sid: Option<String>,
    pub(crate) current: SecretString,
    pub(crate) new: SecretString,
    pub(crate) peer: IpAddr,
}

impl Authority {
    /// Up to `limit` of the own sessions that are alive, newest first, from behind the one with the `sid`
    /// `after`; missing if none is called so.
    pub(crate) async fn own_sessions(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Found<Vec<Session>>, FlowError> {
        let now = UnixTime::now();
        Ok(self.store.sessions_of(user_id, after, limit, now).await?)
    }

    /// Ends one of the own sessions, or all. Those of others are not touched, nor is it said that
    /// they exist.
    pub(crate) async fn end_own_sessions(
        &self,
        user_id: &str,
        sid: Option<&str>,
        peer: IpAddr,
    ) -> Result<(), FlowError> {
        let user_id = user_id.to_owned();
        let which = match sid {
            Some(sid) => Which::Of {
                user_id,
                sid: sid.to_owned(),
            },
            None => Which::AllOf { user_id },
        };
        self.end(which, EndReason::EndedByOwner, peer).await
    }

    /// Changes the own password. Every other session ends: whoever else knew the old one is out.
    pub(crate) async fn change_password(&self, asked: PasswordChange) -> Result<(), FlowError> {
        let now = UnixTime::now();
        let current = Password::new(asked.current.expose())?;
        let new = Password::new(asked.new.expose())?;
        let user = self.store.user(&asked.user_id).await?;
        let user = user.ok_or(Refused::InvalidCredentials)?;
        let new = NewPassword::choose(new, &user.username, PasswordPolicy::default())?;

        // A stolen access token must not become a way to guess the password.
        let network = Network::of(asked.peer);
        let name = name_key(&user.username);
        let attempt = self.throttle().admit(&name, network, None, now)?;
        let hash = match self.check_and_hash(user.clone(), current, new).await {
            Ok(hash) => hash,
            Err(error) => {
                self.throttle().released(attempt);
                return Err(error);
            }
        };
        let Some(hash) = hash else {
            self.throttle().failed(attempt, UnixTime::now());
            self.store.audit(refusal(&user, &asked, now)).await?;
            return Err(Refused::InvalidCredentials.into());
        };
        self.throttle().succeeded(attempt, UnixTime::now());
        self.store_password(&user, hash, &asked, now).await
    }

    async fn store_password(
        &self,
        user: &User,
        hash: PasswordHash,
        asked: &PasswordChange,
        now: UnixTime,
    ) -> Result<(), FlowError> {
        let ending = Ending {
            network: Some(asked.peer.to_string()),
            ..self.ending(EndReason::PasswordChanged, now)
        };
        let audit = AuditEvent {
            user_id: Some(user.id.clone()),
            username: Some(user.username.clone()),
            sid: asked.sid.clone(),
            network: Some(asked.peer.to_string()),
            ..AuditEvent::new(now, AuditKind::PasswordChanged)
        };
        let keep = asked.sid.as_deref();
        let checked = user.password_hash.clone();
        let changed = self
            .store
            .set_password(&user.id, Some(checked), hash, keep, ending.clone(), audit)
            .await?;
        match changed {
            Found::Found(mut ended) => {
                let whose = Whose::User(user.id.clone());
                let all = endings::finish(&self.store, Some(self), &whose, &ending, &mut ended);
                Ok(all.await?)
            }
            // Disabled, deleted or given another password while the hash was running: an
            // administrator who resets a stolen account has the last word.
            Found::Missing => Err(Refused::InvalidCredentials.into()),
        }
    }

    /// Checks the old password and hashes the new one in one turn of a lane; `None` if the old one
    /// was wrong.
    async fn check_and_hash(
        &self,
        user: User,
        current: Password,
        new: NewPassword,
    ) -> Result<Option<PasswordHash>, FlowError> {
        let salt = crypto::random::<16>()?;
        let hashed = self.lanes.run(move |hasher| {
            if hasher.check(Some(&user), &current).is_err() {
                return Ok(None);
            }
            Ok::<_, IssuerError>(Some(hasher.hash(&new, salt)?))
        });
        Ok(hashed.await??)
    }
}

/// Somebody with a session guesses at its owner's password: that is worth writing down.
fn refusal(user: &User, asked: &PasswordChange, now: UnixTime) -> AuditEvent {
    AuditEvent {
        user_id: Some(user.id.clone()),
        username: Some(user.username.clone()),
        sid: asked.sid.clone(),
        network: Some(asked.peer.to_string()),
        detail: Some("password change".into()),
        ..AuditEvent::new(now, AuditKind::SignInRefused)
    }
}
