//! The clients: added, listed, given secrets, changed, disabled. For administrators and the command
//! line.
//!
//! It needs the store and nothing of a running server. Over a running one it also tells that
//! process at once; others hear of it from the database.

use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::client::{Authentication, BadClient};
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason};
use countersign_issuer::revoke::{Revocation, RevocationKind};
use countersign_issuer::{Client, ClientSecret, IssuerError};

use super::administrator::Administrator;
use super::client::{ClientChange, NewClient, Taken, differing};
use crate::flow::error::FlowError;
use crate::flow::fresh::new_id;
use crate::store::{ClientEnding, Created, Ended, Found, StoreError, Whose};

/// How often a change is made anew because another process was first.
const ATTEMPTS: usize = 5;

/// The clients of one installation.
#[derive(Clone, Debug)]
pub struct Registry(Administrator);

/// Why a client was not added or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is one of that id, or a user has it.
    #[error("the client id {0} is taken")]
    IdTaken(String),
    /// There is none of that id.
    #[error("there is no client {0}")]
    UnknownClient(String),
    /// It cannot be as it is asked for.
    #[error(transparent)]
    Bad(#[from] BadClient),
    /// A client that has no secrets cannot be given another one, nor keys to one that has none.
    #[error("the client {client_id} proves who it is by {method}, and keeps to it")]
    AnotherMethod {
        /// Which.
        client_id: String,
        /// How it proves who it is.
        method: &'static str,
    },
    /// Other processes kept changing it.
    #[error("the client was changed by somebody else at the same time; look at it and try again")]
    Contended,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret could not be made, or a key.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Registry {
    /// The clients of the installation that `administrator` looks after.
    pub const fn of(administrator: Administrator) -> Self {
        Self(administrator)
    }

    /// Adds a client. The secret that is made for it, if it is one for secrets, is in no database:
    /// it must be shown now or never.
    ///
    /// # Errors
    /// [`RegistryError::IdTaken`] or [`RegistryError::Bad`].
    pub async fn add(
        &self,
        new: NewClient,
    ) -> Result<(Client, Option<ClientSecret>), RegistryError> {
        let now = UnixTime::now();
        let (client, secret) = new.into_client(new_id()?, now)?;
        let client = client.checked()?;
        self.make_room_for(&client).await?;
        let audit = self.about(&client.client_id, AuditKind::ClientCreated, now);
        match self.0.store().create_client(client.clone(), audit).await? {
            Created::Created => {}
            Created::NameTaken => return Err(RegistryError::IdTaken(client.client_id)),
        }
        self.told(&client).await?;
        Ok((client, secret))
    }

    /// Up to `limit` clients whose ids come after `after`, by id.
    ///
    /// # Errors
    /// [`RegistryError::Store`].
    pub async fn list(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Client>, RegistryError> {
        Ok(self.0.store().clients(after, limit).await?)
    }

    /// The client of this id.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`].
    pub async fn client(&self, client_id: &str) -> Result<Client, RegistryError> {
        let found = self.0.store().client(client_id).await?;
        found.ok_or_else(|| RegistryError::UnknownClient(client_id.to_owned()))
    }

    /// Changes a client, all of it or nothing. Where a role, a scope, an audience, a grant or a key is
    /// taken away, the tokens it has in its own name are revoked, and all sessions of users through it
    /// end, unless only a key or `client_credentials` was taken: a token that is out would keep what
    /// it has, and might be enough to have it given back. What is only added is in the next token.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`], [`RegistryError::Bad`], or
    /// [`RegistryError::AnotherMethod`] for keys where there are none.
    pub async fn change(
        &self,
        client_id: &str,
        change: &ClientChange,
    ) -> Result<Client, RegistryError> {
        Ok(self.changed(client_id, change).await?.0)
    }

    /// Gives a client a new secret. The newest one it has goes on for `keep`, so that its instances
    /// can change one by one; for no time at all if it has leaked, and then the tokens that the
    /// client has in its own name are revoked too.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`], or [`RegistryError::AnotherMethod`] for one that has keys,
    /// or nothing to keep a secret in.
    pub async fn rotate_secret(
        &self,
        client_id: &str,
        keep: Duration,
    ) -> Result<(Client, ClientSecret), RegistryError> {
        let secret = ClientSecret::generate()?;
        let now = UnixTime::now();
        let taken = Taken {
            own: keep.is_zero(),
            ..Taken::NOTHING
        };
        let edit = |client: &mut Client| match client.authentication {
            Authentication::Secrets(_) => {
                client.add_secret(&secret, now.saturating_add(keep), now);
                Ok(())
            }
            _ => Err(another_method(client)),
        };
        let kind = AuditKind::ClientSecretRotated;
        let (client, _) = self.edit(client_id, kind, taken, edit).await?;
        Ok((client, secret))
    }

    /// Keeps a client out: it proves nothing, its users' sessions end, the tokens it has in its own
    /// name are revoked. The answer is how many sessions ended.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`].
    pub async fn disable(&self, client_id: &str) -> Result<usize, RegistryError> {
        let change = ClientChange {
            disabled: Some(true),
            ..ClientChange::default()
        };
        Ok(self.changed(client_id, &change).await?.1)
    }

    /// Lets a disabled client in again. Its tokens from before stay revoked; those it has from now on
    /// are of another `sid`, and good at once.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`].
    pub async fn enable(&self, client_id: &str) -> Result<(), RegistryError> {
        let change = ClientChange {
            disabled: Some(false),
            ..ClientChange::default()
        };
        self.changed(client_id, &change).await.map(drop)
    }

    /// Deletes a client, with all that ends when it is disabled. The answer is how many sessions
    /// ended.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`].
    pub async fn delete(&self, client_id: &str) -> Result<usize, RegistryError> {
        let now = UnixTime::now();
        let ending = self.0.ending(EndReason::ClientChanged, now);
        let audit = self.about(client_id, AuditKind::ClientDeleted, now);
        let deleted = self
            .0
            .store()
            .delete_client(client_id, ending.clone(), audit)
            .await?;
        let Found::Found((own_sid, ended)) = deleted else {
            return Err(RegistryError::UnknownClient(client_id.to_owned()));
        };
        let all = ClientEnding {
            own_sid: Some(own_sid),
            sessions: true,
            ending,
        };
        self.end_all(client_id, &all, ended).await
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// One edit, whatever is in it. The number is that of the sessions that ended.
    async fn changed(
        &self,
        client_id: &str,
        change: &ClientChange,
    ) -> Result<(Client, usize), RegistryError> {
        let own_sid = new_id()?;
        let edit = |client: &mut Client| {
            if !change.suits(client) {
                return Err(another_method(client));
            }
            change.apply(client);
            match change.disabled {
                Some(false) if client.disabled => {
                    client.disabled = false;
                    client.own_sid.clone_from(&own_sid);
                }
                Some(disabled) => client.disabled = disabled,
                None => {}
            }
            Ok(())
        };
        let kind = match change.disabled {
            None => AuditKind::ClientChanged,
            Some(false) => AuditKind::ClientEnabled,
            Some(true) => AuditKind::ClientDisabled,
        };
        let shut_out = change.disabled == Some(true);
        // Asked for again, what is left of it ends.
        let taken = Taken {
            own: shut_out,
            users: shut_out,
        };
        self.edit(client_id, kind, taken, edit).await
    }

    /// Changes a client as it is now, again if another process was first. What was granted to it ends
    /// as far as the change takes it away, and `taken` says; the answer is how many sessions.
    async fn edit(
        &self,
        client_id: &str,
        kind: AuditKind,
        taken: Taken,
        edit: impl Fn(&mut Client) -> Result<(), RegistryError>,
    ) -> Result<(Client, usize), RegistryError> {
        for _ in 0..ATTEMPTS {
            let before = self.client(client_id).await?;
            let mut client = before.clone();
            edit(&mut client)?;
            let mut client = client.checked()?;
            let lost = Taken::between(&before, &client);
            let (own, users) = (lost.own || taken.own, lost.users || taken.users);
            // News of a revocation cannot be taken back: what it has from now on is of another `sid`.
            // One that is kept out has nothing, and is given another when it is let in.
            if own && !client.disabled && client.own_sid == before.own_sid {
                client.own_sid = new_id()?;
            }
            let ending = self.0.ending(EndReason::ClientChanged, UnixTime::now());
            let ending = (own || users).then(|| ClientEnding {
                own_sid: own.then(|| before.own_sid.clone()),
                sessions: users,
                ending,
            });
            self.make_room_for(&client).await?;
            let mut audit = self.about(client_id, kind, UnixTime::now());
            let fields = differing(&before, &client).join(", ");
            // That a secret is another one is what its own kind says.
            if kind != AuditKind::ClientSecretRotated && !fields.is_empty() {
                audit.detail = Some(format!("{client_id} {fields}"));
            }
            let changed = self
                .0
                .store()
                .change_client(client.clone(), ending.clone(), audit)
                .await?;
            if let Found::Found(ended) = changed {
                let ended = match &ending {
                    None => 0,
                    Some(it) => self.end_all(client_id, it, ended).await?,
                };
                self.told(&client).await?;
                return Ok((client, ended));
            }
        }
        Err(RegistryError::Contended)
    }

    /// Refresh tokens are accepted for as long as the longest session lasts: that is written down
    /// before the first session of that length can be opened.
    async fn make_room_for(&self, client: &Client) -> Result<(), RegistryError> {
        if let Some(life) = client.terms.session_absolute {
            self.0.store().longest_session_life(life).await?;
        }
        Ok(())
    }

    /// A running server goes by the client as it is now, and makes the keys that it asks for.
    async fn told(&self, client: &Client) -> Result<(), RegistryError> {
        let Some(authority) = self.0.authority() else {
            return Ok(());
        };
        authority.forget_clients();
        let terms = &client.terms;
        if terms.algorithm.is_some() || terms.session_absolute.is_some() {
            authority.keep_keys().await?;
        }
        Ok(())
    }

    /// Tells a running server what ended with the change, and ends the sessions that were too many to
    /// end with it. The answer is how many those are together.
    async fn end_all(
        &self,
        client_id: &str,
        what: &ClientEnding,
        ended: Vec<Ended>,
    ) -> Result<usize, RegistryError> {
        let ending = &what.ending;
        if let Some(authority) = self.0.authority() {
            authority.forget_clients();
            authority.publish(what.own_sid.iter().map(|own_sid| Revocation {
                kind: RevocationKind::Session,
                value: own_sid.clone(),
                at: ending.at,
                until: ending.until,
            }));
        }
        if !what.sessions {
            return Ok(0);
        }
        let whose = Whose::Client(client_id.to_owned());
        Ok(self.0.finish(&whose, ending, ended).await?)
    }

    fn about(&self, client_id: &str, kind: AuditKind, now: UnixTime) -> AuditEvent {
        AuditEvent {
            detail: Some(client_id.to_owned()),
            ..self.0.event(kind, now)
        }
    }
}

fn another_method(client: &Client) -> RegistryError {
    RegistryError::AnotherMethod {
        client_id: client.client_id.clone(),
        method: client.authentication.method(),
    }
}

impl From<FlowError> for RegistryError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Store(error) => Self::Store(error),
            FlowError::Issuer(error) => Self::Issuer(error),
            FlowError::Refused(_) | FlowError::Busy => Self::Contended,
        }
    }
}
