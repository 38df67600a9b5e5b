//! Clients that prove who they are with a secret: services that call other services, and
//! applications that may ask about tokens.
//!
//! A secret is 32 random bytes of our making, so its SHA-256 is all that need be stored: nobody
//! guesses it, and checking it costs no password hash. A new secret does not end the old one at
//! once, or every instance of a service would have to change in the same second.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use countersign::{
    UnixTime, base64url,
    crypto::{self, sha256},
    secret::SecretString,
};

use crate::error::{IssuerError, Refused};

const PREFIX: &str = "csc_";
const CONTEXT: &[u8] = b"countersign client secret v1";

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`, unique in the store. It is the `sub` of the client's own tokens.
    pub client_id: String,
    /// The secrets it may prove itself with, none for a public client.
    pub secrets: Vec<ClientSecretHash>,
    /// The scope it may ask for, words separated by single spaces.
    pub scope: String,
    /// The audiences it may ask for; the first is meant when it asks for none.
    pub audiences: Vec<String>,
    /// A disabled client proves nothing.
    pub disabled: bool,
    /// When it was created.
    pub created_at: UnixTime,
}

/// What a client's secret is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecretHash {
    digest: [u8; 32],
    expires_at: Option<UnixTime>,
}

impl ClientSecretHash {
    /// The hash a store holds, and the time from which it is no longer accepted.
    pub const fn from_stored(digest: [u8; 32], expires_at: Option<UnixTime>) -> Self {
        Self { digest, expires_at }
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.digest
    }

    /// From when on it is no longer accepted.
    pub const fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }
}

impl fmt::Debug for ClientSecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecretHash")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A client's secret, to be shown once. It does not print.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// A secret from the crypto backend's generator.
    ///
    /// # Errors
    /// [`IssuerError::Crypto`] when the backend fails.
    pub fn generate() -> Result<Self, IssuerError> {
        let text = format!("{PREFIX}{}", base64url::encode(&crypto::random::<32>()?));
        Ok(Self(SecretString::new(text)))
    }

    /// The text, to be shown to whoever made the client and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn hash(&self) -> ClientSecretHash {
        ClientSecretHash::from_stored(digest(self.expose()), None)
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

/// A client has proved who it is and may have what it asked for.
#[derive(Clone, Debug)]
pub struct ClientGrant {
    client_id: String,
    scope: String,
    audience: String,
}

impl Client {
    /// Gives the client another secret. Those it has go on until `until`, or until their own end
    /// if that comes first; those whose time is over are dropped.
    pub fn add_secret(&mut self, secret: &ClientSecret, until: UnixTime, now: UnixTime) {
        self.secrets.retain(|known| is_accepted(known, now));
        for known in &mut self.secrets {
            known.expires_at = Some(known.expires_at.map_or(until, |own| own.min(until)));
        }
        self.secrets.push(secret.hash());
    }

    /// Checks a client's secret; unknown clients are checked as well, with `None`.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`] for an unknown or disabled client, a wrong secret and one whose
    /// time is over, without saying which.
    pub fn authenticate<'a>(
        client: Option<&'a Self>,
        secret: &str,
        now: UnixTime,
    ) -> Result<AuthenticatedClient<'a>, Refused> {
        let given = digest(secret);
        let client = client.filter(|client| !client.disabled);
        let known = client.map_or(&[] as &[_], |client| client.secrets.as_slice());
        let right = known
            .iter()
            .filter(|known| is_accepted(known, now))
            .any(|known| same(&known.digest, &given));
        match client {
            Some(client) if right => Ok(AuthenticatedClient(client)),
            _ => Err(Refused::InvalidClient),
        }
    }
}

/// A client that has proved who it is. Only [`Client::authenticate`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedClient<'a>(&'a Client);

impl AuthenticatedClient<'_> {
    /// The client.
    pub const fn client(&self) -> &Client {
        self.0
    }

    /// Grants the client a token in its own name (RFC 6749 §4.4).
    ///
    /// # Errors
    /// [`Refused::InvalidScope`] and [`Refused::InvalidTarget`] for more than it may ask for.
    pub fn grant(&self, wanted: Wanted<'_>) -> Result<ClientGrant, Refused> {
        let client = self.0;
        let may_have = |word: &&str| client.scope.split(' ').any(|granted| granted == *word);
        let words: Vec<_> = wanted
            .scope
            .unwrap_or_default()
            .split(' ')
            .filter(|word| !word.is_empty())
            .collect();
        let scope = match words.as_slice() {
            [] => client.scope.clone(),
            words if words.iter().all(may_have) => words.join(" "),
            _ => return Err(Refused::InvalidScope),
        };
        let mut audiences = client.audiences.iter();
        let audience = match wanted.audience {
            None => audiences.next(),
            Some(wanted) => audiences.find(|audience| *audience == wanted),
        };
        Ok(ClientGrant {
            client_id: client.client_id.clone(),
            scope,
            audience: audience.ok_or(Refused::InvalidTarget)?.clone(),
        })
    }
}

impl ClientGrant {
    /// The client's id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The scope it may have.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Who the token is for.
    pub fn audience(&self) -> &str {
        &self.audience
    }
}

fn is_accepted(known: &ClientSecretHash, now: UnixTime) -> bool {
    known.expires_at.is_none_or(|end| now < end)
}

fn digest(secret: &str) -> [u8; 32] {
    sha256(&[CONTEXT, secret.as_bytes()].concat())
}

/// Compares in the same time wherever they differ.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differing = one.iter().zip(other).map(|(one, other)| one ^ other);
    differing.fold(0, |all, bits| all | bits) == 0
}
