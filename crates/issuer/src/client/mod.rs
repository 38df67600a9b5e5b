//! Clients: the programs that ask for tokens, for themselves or for the users who signed in
//! through them, and what they may ask for.
//!
//! ```text
//! id + secret ------> Client::authenticate ------> AuthenticatedClient --grant--> ClientGrant
//! id + assertion ---> check_assertion --unused?--^         |
//! id alone ---------> Client::named --> PublicClient ------+--> UserGrant::for_client
//! ```

mod assertion;
mod registration;
mod secret;

use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use countersign::{Algorithm, UnixTime};

pub use self::{
    assertion::{UnusedAssertion, claimed_client},
    registration::{BadClient, ClientKeys},
    secret::{ClientSecret, ClientSecretHash},
};
use crate::{
    error::Refused,
    scope::{self, Exceeded},
    session::SessionPolicy,
};

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`, unique in the store. It is the `sub` of the client's own tokens.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// How it proves who it is.
    pub authentication: Authentication,
    /// What it may come to the token endpoint for.
    pub grant_types: Vec<GrantType>,
    /// The scope it may ask for, words separated by single spaces.
    pub scope: String,
    /// The audiences it may ask for; the first is meant when it asks for none. None at all: the
    /// server's default.
    pub audiences: Vec<String>,
    /// The audiences it answers to, as an API: it may ask what tokens for them are worth.
    pub serves: Vec<String>,
    /// The `roles` of its own tokens, and the most that tokens of users may have through it.
    pub roles: Vec<String>,
    /// Where it differs from the server's settings.
    pub terms: ClientTerms,
    /// A disabled client proves nothing.
    pub disabled: bool,
    /// When it was created.
    pub created_at: UnixTime,
    /// The `sid` of its tokens in its own name: random, and another one each time it is enabled
    /// again. It is what is revoked when the client is disabled or deleted.
    pub own_sid: String,
    /// Rises by one with every change, so that no change is made over another one unseen. Random at first:
    /// a client that is deleted and added anew under the same id is another one.
    pub revision: u32,
}

/// How a client proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all: it runs where no secret can be kept (a browser, a telephone).
    None,
    /// With a secret of our making, two of which are good at a time.
    Secrets(Vec<ClientSecretHash>),
    /// With a signature (`private_key_jwt`), checked with one of these keys.
    Keys(ClientKeys),
}

/// What a client may come to the token endpoint for (RFC 7591 §2 `grant_types`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantType {
    /// Tokens in its own name.
    ClientCredentials,
    /// Tokens of users who signed in through it.
    RefreshToken,
}

impl GrantType {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::RefreshToken];

    /// The value of `grant_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The kind a value of `grant_type` names.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a client differs from the server's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientTerms {
    /// How long a session of a user may lie unused.
    pub session_idle: Option<Duration>,
    /// How long a session of a user lasts in any case.
    pub session_absolute: Option<Duration>,
    /// How long an access token lives at most. It only shortens: guards are told the server's.
    pub access_life: Option<Duration>,
    /// How its access tokens are signed.
    pub algorithm: Option<Algorithm>,
}

impl ClientTerms {
    /// How long sessions last under these terms, at a server of this policy.
    pub fn session_policy(&self, server: &SessionPolicy) -> SessionPolicy {
        let absolute = self.session_absolute.unwrap_or(server.absolute);
        SessionPolicy {
            idle: self.session_idle.unwrap_or(server.idle).min(absolute),
            absolute,
            grace: server.grace,
        }
    }
}

/// What a client asks a token for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The scope, all it may have if none is named.
    pub scope: Option<&'a str>,
    /// The audience (RFC 8707 `resource`), its first if none is named.
    pub audience: Option<&'a str>,
}

/// A client that has proved who it is. Only [`Client::authenticate`] and
/// [`UnusedAssertion::first_use`] make one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Client>);

/// A client that cannot prove who it is, and is believed as far as a public client may be. Only
/// [`Client::named`] makes one.
#[derive(Clone, Debug)]
pub struct PublicClient(Arc<Client>);

/// A client has proved who it is and may have what it asked for.
#[derive(Clone, Debug)]
pub struct ClientGrant {
    client_id: String,
    sid: String,
    scope: String,
    audience: String,
    roles: Vec<String>,
    terms: ClientTerms,
}

impl Client {
    /// The client of everyone who signs in at the server itself. No other has this id.
    pub const FIRST_PARTY: &str = "first-party";

    /// Checks a client's secret; unknown clients are checked as well, with `None`.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`] for an unknown or disabled client, a wrong secret and one whose
    /// time is over, without saying which.
    pub fn authenticate(
        client: Option<&Arc<Self>>,
        secret: &str,
        now: UnixTime,
    ) -> Result<AuthenticatedClient, Refused> {
        let client = client.filter(|client| !client.disabled);
        let known = match client.map(|client| &client.authentication) {
            Some(Authentication::Secrets(secrets)) => secrets.as_slice(),
            _ => &[],
        };
        // Before it is looked at whether there is a client: the same work for one that there is not.
        let right = secret::is_one_of(known, secret, now);
        match client {
            Some(client) if right => Ok(AuthenticatedClient(Arc::clone(client))),
            _ => Err(Refused::InvalidClient),
        }
    }

    /// Takes a client by its word: only one that can keep no secret.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`] for one that is unknown, disabled or able to prove itself.
    pub fn named(client: Option<&Arc<Self>>) -> Result<PublicClient, Refused> {
        match client {
            Some(client) if !client.disabled && client.authentication == Authentication::None => {
                Ok(PublicClient(Arc::clone(client)))
            }
            _ => Err(Refused::InvalidClient),
        }
    }

    /// Whether it may come for this.
    ///
    /// # Errors
    /// [`Refused::UnauthorizedClient`].
    pub fn may(&self, kind: GrantType) -> Result<(), Refused> {
        if self.grant_types.contains(&kind) {
            Ok(())
        } else {
            Err(Refused::UnauthorizedClient)
        }
    }

    /// The audience it gets tokens for when it asks for this one.
    ///
    /// # Errors
    /// [`Refused::InvalidTarget`] for one that is not among its own.
    pub fn audience(&self, wanted: Option<&str>, default: &str) -> Result<String, Refused> {
        let mut own = self.audiences.iter().map(String::as_str);
        let found = match wanted {
            None => own.next().or(Some(default)),
            Some(wanted) if self.audiences.is_empty() => Some(default).filter(|own| *own == wanted),
            Some(wanted) => own.find(|audience| *audience == wanted),
        };
        found.map(String::from).ok_or(Refused::InvalidTarget)
    }
}

impl AuthenticatedClient {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        &self.0
    }

    /// The same proof for the client as it is stored now: good while everything that may have been
    /// the proof is still accepted.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`] for a client that is gone or disabled, or has lost a secret or a key.
    pub fn renewed(&self, stored: Option<&Arc<Client>>, now: UnixTime) -> Result<Self, Refused> {
        let before = &self.0;
        let same = stored.filter(|stored| {
            stored.client_id == before.client_id
                && !stored.disabled
                && stored.authentication.keeps(&before.authentication, now)
        });
        same.map_or(Err(Refused::InvalidClient), |stored| {
            Ok(Self(Arc::clone(stored)))
        })
    }

    /// Grants the client a token in its own name (RFC 6749 §4.4). `default` is the server's
    /// audience.
    ///
    /// # Errors
    /// [`Refused::UnauthorizedClient`] if it may have none, [`Refused::InvalidScope`] and
    /// [`Refused::InvalidTarget`] for more than it may ask for.
    pub fn grant(&self, wanted: Wanted<'_>, default: &str) -> Result<ClientGrant, Refused> {
        let client = &self.0;
        client.may(GrantType::ClientCredentials)?;
        let narrowed = scope::narrowed(&client.scope, wanted.scope);
        let scope = narrowed.map_err(|Exceeded| Refused::InvalidScope)?;
        Ok(ClientGrant {
            client_id: client.client_id.clone(),
            sid: client.own_sid.clone(),
            scope: scope.unwrap_or_else(|| client.scope.clone()),
            audience: client.audience(wanted.audience, default)?,
            roles: client.roles.clone(),
            terms: client.terms,
        })
    }
}

impl PublicClient {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        &self.0
    }
}

impl ClientGrant {
    /// The client's id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The `sid` of its tokens.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The scope it may have.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Who the token is for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The roles it has.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    pub(crate) const fn terms(&self) -> &ClientTerms {
        &self.terms
    }
}

impl core::fmt::Display for GrantType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Authentication {
    /// Whether all that is accepted of `before` at `now` is accepted of this as well.
    fn keeps(&self, before: &Self, now: UnixTime) -> bool {
        match (before, self) {
            (Self::None, Self::None) => true,
            (Self::Secrets(before), Self::Secrets(secrets)) => {
                secret::all_among(before, secrets, now)
            }
            (Self::Keys(before), Self::Keys(keys)) => keys.contains_all(before),
            (Self::None | Self::Secrets(_) | Self::Keys(_), _) => false,
        }
    }

    /// The first of the names by which RFC 7591 §2 calls it (`token_endpoint_auth_method`).
    pub const fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secrets(_) => "client_secret_basic",
            Self::Keys(_) => "private_key_jwt",
        }
    }
}
