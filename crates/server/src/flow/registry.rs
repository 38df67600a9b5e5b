//! The clients: added, listed, given secrets, changed, disabled. For administrators and the command
//! line.
//!
//! It needs the store and nothing of a running server. Over a running one it also tells that
//! process at once; others hear of it from the database.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Algorithm, UnixTime};
use countersign_issuer::client::{Authentication, BadClient, ClientKeys, ClientTerms};
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason};
use countersign_issuer::revoke::{Revocation, RevocationKind, RevocationPolicy};
use countersign_issuer::{Client, ClientSecret, GrantType, IssuerError};

use super::authority::Authority;
use super::endings;
use super::error::FlowError;
use super::fresh::new_id;
use crate::config::Config;
use crate::installation::{self, OpenError};
use crate::store::{Created, Ended, Ending, Found, SharedStore, StoreError, Whose};

/// How often a change is made anew because another process was first.
const ATTEMPTS: usize = 5;

/// The clients of one installation.
#[derive(Clone, Debug)]
pub struct Registry {
    store: SharedStore,
    revocations: RevocationPolicy,
    authority: Option<Arc<Authority>>,
    actor: Option<String>,
}

/// A client as it is asked for.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The `client_id`.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// How it shall prove who it is.
    pub proof: Proof,
    /// What it may come for. If nothing is said: a public client for its users' tokens, one that
    /// serves an audience for nothing, any other for tokens in its own name.
    pub grant_types: Option<Vec<GrantType>>,
    /// The scope it may ask for, words separated by single spaces.
    pub scope: String,
    /// The audiences it may ask for; none: the server's default.
    pub audiences: Vec<String>,
    /// The audiences it answers to, as an API.
    pub serves: Vec<String>,
    /// The roles of its own tokens, and the most that its users' have.
    pub roles: Vec<String>,
    /// Where it differs from the server's settings.
    pub terms: ClientTerms,
}

/// How a new client shall prove who it is.
#[derive(Clone, Debug, Default)]
pub enum Proof {
    /// With a secret, which is made for it.
    #[default]
    Secret,
    /// With signatures, checked with these keys.
    Keys(ClientKeys),
    /// Not at all.
    None,
}

/// What is to be different about a client; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// What people call it.
    pub name: Option<String>,
    /// Its public keys. For a client that has keys already.
    pub keys: Option<ClientKeys>,
    /// What it may come for.
    pub grant_types: Option<Vec<GrantType>>,
    /// The scope it may ask for.
    pub scope: Option<String>,
    /// The audiences it may ask for.
    pub audiences: Option<Vec<String>>,
    /// The audiences it answers to.
    pub serves: Option<Vec<String>>,
    /// Its roles.
    pub roles: Option<Vec<String>>,
    /// How long a session may lie unused; inside, `None` for what the server has.
    pub session_idle: Option<Option<Duration>>,
    /// How long a session lasts.
    pub session_absolute: Option<Option<Duration>>,
    /// How long an access token lives.
    pub access_life: Option<Option<Duration>>,
    /// How access tokens are signed.
    pub algorithm: Option<Option<Algorithm>>,
    /// Whether it is kept out, with what [`Registry::disable`] and [`Registry::enable`] say.
    pub disabled: Option<bool>,
}

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
    /// Opens the clients of the installation that `config` describes.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be opened, or is there without its master key.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let (store, _) = installation::open(config).await?;
        let revocations = installation::revocation_policy(&*store, config).await?;
        Ok(Self {
            store,
            revocations,
            authority: None,
            actor: None,
        })
    }

    /// The clients of a running server.
    pub(crate) fn of(authority: Arc<Authority>) -> Self {
        Self {
            store: Arc::clone(&authority.store),
            revocations: authority.revocation_policy(),
            authority: Some(authority),
            actor: None,
        }
    }

    /// The same clients, changed in the name of the administrator with this user id.
    #[must_use]
    pub fn acting(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
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
        let (authentication, secret) = match new.proof {
            Proof::None => (Authentication::None, None),
            Proof::Keys(keys) => (Authentication::Keys(keys), None),
            Proof::Secret => {
                let secret = ClientSecret::generate()?;
                (Authentication::Secrets(vec![secret.hash()]), Some(secret))
            }
        };
        let usual = match (&authentication, new.serves.as_slice()) {
            (Authentication::None, _) => vec![GrantType::RefreshToken],
            (_, []) => vec![GrantType::ClientCredentials],
            (_, [_, ..]) => Vec::new(),
        };
        let client = Client {
            client_id: new.client_id,
            name: new.name,
            authentication,
            grant_types: new.grant_types.unwrap_or(usual),
            scope: new.scope,
            audiences: new.audiences,
            serves: new.serves,
            roles: new.roles,
            terms: new.terms,
            disabled: false,
            created_at: now,
            own_sid: new_id().map_err(registry)?,
            revision: 0,
        };
        let client = client.checked()?;
        self.make_room_for(&client).await?;
        let audit = self.about(&client.client_id, AuditKind::ClientCreated, now);
        match self.store.create_client(client.clone(), audit).await? {
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
        Ok(self.store.clients(after, limit).await?)
    }

    /// The client of this id.
    ///
    /// # Errors
    /// [`RegistryError::UnknownClient`].
    pub async fn client(&self, client_id: &str) -> Result<Client, RegistryError> {
        let found = self.store.client(client_id).await?;
        found.ok_or_else(|| RegistryError::UnknownClient(client_id.to_owned()))
    }

    /// Changes a client, all of it or nothing. What is taken away is in no token made from now on;
    /// those that are out live for minutes.
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
    /// can change one by one; for no time at all if it has leaked.
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
        let edit = |client: &mut Client| match client.authentication {
            Authentication::Secrets(_) => {
                client.add_secret(&secret, now.saturating_add(keep), now);
                Ok(())
            }
            _ => Err(another_method(client)),
        };
        let kind = AuditKind::ClientSecretRotated;
        let (client, _) = self.edit(client_id, kind, None, edit).await?;
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
        let ending = self.ending(now);
        let audit = self.about(client_id, AuditKind::ClientDeleted, now);
        let deleted = self
            .store
            .delete_client(client_id, ending.clone(), audit)
            .await?;
        let Found::Found((own_sid, ended)) = deleted else {
            return Err(RegistryError::UnknownClient(client_id.to_owned()));
        };
        self.end_all(client_id, &own_sid, ended, &ending).await
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// One edit, whatever is in it. The number is that of the sessions that ended.
    async fn changed(
        &self,
        client_id: &str,
        change: &ClientChange,
    ) -> Result<(Client, usize), RegistryError> {
        let own_sid = new_id().map_err(registry)?;
        let edit = |client: &mut Client| {
            change.apply(client)?;
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
        let (kind, ending) = match change.disabled {
            None => (AuditKind::ClientChanged, None),
            Some(false) => (AuditKind::ClientEnabled, None),
            Some(true) => {
                let ending = self.ending(UnixTime::now());
                (AuditKind::ClientDisabled, Some(ending))
            }
        };
        self.edit(client_id, kind, ending, edit).await
    }

    /// Changes a client as it is now, again if another process was first. With `ending`, what was
    /// granted to it ends; the answer is how many sessions.
    async fn edit(
        &self,
        client_id: &str,
        kind: AuditKind,
        ending: Option<Ending>,
        edit: impl Fn(&mut Client) -> Result<(), RegistryError>,
    ) -> Result<(Client, usize), RegistryError> {
        for _ in 0..ATTEMPTS {
            let before = self.client(client_id).await?;
            let mut client = before.clone();
            edit(&mut client)?;
            let client = client.checked()?;
            self.make_room_for(&client).await?;
            let mut audit = self.about(client_id, kind, UnixTime::now());
            let fields = differing(&before, &client).join(", ");
            // That a secret is another one is what its own kind says.
            if kind != AuditKind::ClientSecretRotated && !fields.is_empty() {
                audit.detail = Some(format!("{client_id} {fields}"));
            }
            let changed = self
                .store
                .change_client(client.clone(), ending.clone(), audit)
                .await?;
            if let Found::Found(ended) = changed {
                let ended = match &ending {
                    None => 0,
                    Some(ending) => {
                        let own_sid = &client.own_sid;
                        self.end_all(client_id, own_sid, ended, ending).await?
                    }
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
            self.store.longest_session_life(life).await?;
        }
        Ok(())
    }

    /// A running server goes by the client as it is now, and makes the keys that it asks for.
    async fn told(&self, client: &Client) -> Result<(), RegistryError> {
        let Some(authority) = &self.authority else {
            return Ok(());
        };
        authority.forget_clients();
        let terms = &client.terms;
        if terms.algorithm.is_some() || terms.session_absolute.is_some() {
            authority.keep_keys().await.map_err(registry)?;
        }
        Ok(())
    }

    /// Tells a running server what ended with the change, and ends the sessions that were too many to
    /// end with it. The answer is how many those are together.
    async fn end_all(
        &self,
        client_id: &str,
        own_sid: &str,
        mut ended: Vec<Ended>,
        ending: &Ending,
    ) -> Result<usize, RegistryError> {
        if let Some(authority) = &self.authority {
            authority.forget_clients();
            authority.publish([Revocation {
                kind: RevocationKind::Session,
                value: own_sid.to_owned(),
                at: ending.at,
                until: ending.until,
            }]);
        }
        let whose = Whose::Client(client_id.to_owned());
        let authority = self.authority.as_deref();
        endings::finish(&self.store, authority, &whose, ending, &mut ended).await?;
        Ok(ended.len())
    }

    fn ending(&self, now: UnixTime) -> Ending {
        Ending {
            reason: EndReason::ClientChanged,
            kind: AuditKind::SessionEnded,
            at: now,
            until: self.revocations.last_token_gone(now),
            network: None,
            actor: self.actor.clone(),
            detail: None,
        }
    }

    fn about(&self, client_id: &str, kind: AuditKind, now: UnixTime) -> AuditEvent {
        AuditEvent {
            actor: self.actor.clone(),
            detail: Some(client_id.to_owned()),
            ..AuditEvent::new(now, kind)
        }
    }
}

impl ClientChange {
    /// Whether nothing is to be different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply(&self, client: &mut Client) -> Result<(), RegistryError> {
        if let Some(keys) = &self.keys {
            if !matches!(client.authentication, Authentication::Keys(_)) {
                return Err(another_method(client));
            }
            client.authentication = Authentication::Keys(keys.clone());
        }
        set(&mut client.name, self.name.as_ref());
        set(&mut client.grant_types, self.grant_types.as_ref());
        set(&mut client.scope, self.scope.as_ref());
        set(&mut client.audiences, self.audiences.as_ref());
        set(&mut client.serves, self.serves.as_ref());
        set(&mut client.roles, self.roles.as_ref());
        let terms = &mut client.terms;
        set(&mut terms.session_idle, self.session_idle.as_ref());
        set(&mut terms.session_absolute, self.session_absolute.as_ref());
        set(&mut terms.access_life, self.access_life.as_ref());
        set(&mut terms.algorithm, self.algorithm.as_ref());
        Ok(())
    }
}

/// The names of what differs, as they are said on the wire. No values: what is in the audit log is
/// read by many.
fn differing(before: &Client, after: &Client) -> Vec<&'static str> {
    let (old, new) = (&before.terms, &after.terms);
    let fields = [
        ("name", before.name != after.name),
        ("jwks", before.authentication != after.authentication),
        ("grant_types", before.grant_types != after.grant_types),
        ("scope", before.scope != after.scope),
        ("audiences", before.audiences != after.audiences),
        ("serves", before.serves != after.serves),
        ("roles", before.roles != after.roles),
        ("session_idle", old.session_idle != new.session_idle),
        (
            "session_absolute",
            old.session_absolute != new.session_absolute,
        ),
        ("access_life", old.access_life != new.access_life),
        ("algorithm", old.algorithm != new.algorithm),
    ];
    let differing = fields.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(name, _)| name).collect()
}

fn set<T: Clone>(place: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        place.clone_from(new);
    }
}

fn another_method(client: &Client) -> RegistryError {
    RegistryError::AnotherMethod {
        client_id: client.client_id.clone(),
        method: client.authentication.method(),
    }
}

fn registry(error: FlowError) -> RegistryError {
    match error {
        FlowError::Store(error) => RegistryError::Store(error),
        FlowError::Issuer(error) => RegistryError::Issuer(error),
        FlowError::Refused(_) | FlowError::Busy => RegistryError::Contended,
    }
}
