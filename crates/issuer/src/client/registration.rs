//! What a client must be to be stored.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

use countersign::key::{Jwk, KeyError, KeySet, VerifyingKey};

use super::{Authentication, Client, ClientTerms, GrantType};
use crate::scope;

/// The longest id, in bytes.
const LONGEST_ID: usize = 128;
/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// The longest audience, in bytes.
const LONGEST_AUDIENCE: usize = 512;
/// How many scopes, audiences or roles one client may have.
const MOST: usize = 100;
/// How many keys.
const MOST_KEYS: usize = 10;
/// The longest session: ten years.
const LONGEST_SESSION: Duration = Duration::from_secs(3_650 * 86_400);

/// Why a client cannot be as it is described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadClient {
    /// The id cannot be one.
    #[error(
        "a client id has 1 to {LONGEST_ID} letters, digits and `-._~`, and is none of `{}`, `.` and \
         `..`",
        Client::FIRST_PARTY
    )]
    Id,
    /// The name cannot be one.
    #[error("a client's name has at most {LONGEST_NAME} characters, none of them for control")]
    Name,
    /// A scope cannot be one.
    #[error("a scope is one word of printable ASCII without `\"` and `\\`")]
    Scope,
    /// An audience cannot be one.
    #[error("an audience is one word of 1 to {LONGEST_AUDIENCE} bytes")]
    Audience,
    /// A role cannot be one.
    #[error("a role is one word")]
    Role,
    /// More of a kind than are kept.
    #[error("a client has at most {MOST} scopes, audiences and roles, and {MOST_KEYS} keys")]
    TooMany,
    /// A client that cannot prove itself would have tokens in its own name, or be told of others'.
    #[error(
        "a public client cannot prove who it is: it may neither have client_credentials nor serve \
         an audience"
    )]
    Public,
    /// There is nothing it may do.
    #[error("the client may do nothing: give it a grant type, or an audience that it serves")]
    Idle,
    /// A length of time cannot be.
    #[error(
        "sessions last a second to ten years, unused no longer than in all; access tokens live 5 \
         seconds to 24 hours"
    )]
    Life,
    /// A secret that this server shares with nobody cannot sign.
    #[error("tokens cannot be signed with a shared secret; choose ES256, EdDSA or RS256")]
    Algorithm,
    /// There is no key to check its signatures with.
    #[error("the key set holds no key for signatures")]
    NoKey,
    /// A key may be known to somebody else, or is one that everybody who can check could sign with.
    #[error("the key set holds a private key or a shared secret; give the public half only")]
    PrivateKey,
    /// A key is not sound.
    #[error("a key of the set cannot be used: {0}")]
    Key(KeyError),
}

impl BadClient {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Id => "bad_client_id",
            Self::Name => "bad_client_name",
            Self::Scope => "bad_scope",
            Self::Audience => "bad_audience",
            Self::Role => "bad_role",
            Self::TooMany => "too_many",
            Self::Public => "public_client",
            Self::Idle => "idle_client",
            Self::Life => "bad_life",
            Self::Algorithm => "bad_algorithm",
            Self::NoKey => "no_key",
            Self::PrivateKey => "private_key",
            Self::Key(_) => "bad_key",
        }
    }
}

impl Client {
    /// The client, if it can be one.
    ///
    /// # Errors
    /// [`BadClient`], which says what to change.
    pub fn checked(self) -> Result<Self, BadClient> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // Two of them are no name in a path: whoever asks for them asks for what is above.
        let id = self.client_id.as_bytes();
        if !(1..=LONGEST_ID).contains(&id.len())
            || !id.iter().copied().all(unreserved)
            || [Self::FIRST_PARTY, ".", ".."].contains(&self.client_id.as_str())
        {
            return Err(BadClient::Id);
        }
        if self.name.chars().count() > LONGEST_NAME || self.name.chars().any(char::is_control) {
            return Err(BadClient::Name);
        }
        // Written together they must read back as they were.
        let scopes = scope::words(&self.scope).collect::<Vec<_>>();
        if !scopes.iter().all(|word| scope::is_word(word)) || scopes.join(" ") != self.scope {
            return Err(BadClient::Scope);
        }
        let mut audiences = self.audiences.iter().chain(&self.serves);
        if !audiences.all(|audience| audience.len() <= LONGEST_AUDIENCE && is_word(audience)) {
            return Err(BadClient::Audience);
        }
        if !self.roles.iter().all(|role| is_word(role)) {
            return Err(BadClient::Role);
        }
        let lists = [self.audiences.len(), self.serves.len(), self.roles.len()];
        if scopes.len() > MOST || lists.into_iter().any(|length| length > MOST) {
            return Err(BadClient::TooMany);
        }
        let in_own_name = self.grant_types.contains(&GrantType::ClientCredentials);
        if self.authentication == Authentication::None && (in_own_name || !self.serves.is_empty()) {
            return Err(BadClient::Public);
        }
        if self.grant_types.is_empty() && self.serves.is_empty() {
            return Err(BadClient::Idle);
        }
        self.terms.check()?;
        Ok(self)
    }
}

impl ClientTerms {
    fn check(&self) -> Result<(), BadClient> {
        let second = Duration::from_secs(1);
        let session = |life: Duration| (second..=LONGEST_SESSION).contains(&life);
        let sessions = [self.session_idle, self.session_absolute];
        let too_idle = matches!(sessions, [Some(idle), Some(absolute)] if idle > absolute);
        let access = |life: Duration| (5..=86_400).contains(&life.as_secs());
        if too_idle
            || !sessions.into_iter().flatten().all(session)
            || !self.access_life.is_none_or(access)
        {
            return Err(BadClient::Life);
        }
        match self.algorithm {
            Some(algorithm) if algorithm.is_symmetric() => Err(BadClient::Algorithm),
            _ => Ok(()),
        }
    }
}

/// The public keys of a client.
#[derive(Clone, Debug)]
pub struct ClientKeys(KeySet);

impl ClientKeys {
    /// Reads a JWK Set (RFC 7517 §5), or one JWK.
    ///
    /// # Errors
    /// [`BadClient`] when there is no key in it, when one is private, shared, or not sound: unlike
    /// a key set that was published, one that is handed in is right in every part.
    pub fn from_json(json: &str) -> Result<Self, BadClient> {
        let set: serde_json::Value = serde_json::from_str(json)
            .map_err(|_| BadClient::Key(KeyError::Malformed("it is not JSON")))?;
        let keys = match set.get("keys").and_then(serde_json::Value::as_array) {
            Some(keys) => keys.iter().map(ToString::to_string).collect(),
            None => Vec::from([String::from(json)]),
        };
        if keys.len() > MOST_KEYS {
            return Err(BadClient::TooMany);
        }
        let mut verifying = Vec::new();
        for key in keys {
            let jwk = Jwk::from_json(key).map_err(BadClient::Key)?;
            if jwk.is_private() {
                return Err(BadClient::PrivateKey);
            }
            verifying.push(VerifyingKey::from_jwk(&jwk).map_err(BadClient::Key)?);
        }
        if verifying.is_empty() {
            return Err(BadClient::NoKey);
        }
        KeySet::new(verifying).map(Self).map_err(BadClient::Key)
    }

    /// What is stored: a JWK Set of public keys.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// The keys.
    pub const fn set(&self) -> &KeySet {
        &self.0
    }
}

impl ClientKeys {
    /// Whether every key of `other` is one of these.
    pub fn contains_all(&self, other: &Self) -> bool {
        let own = |key: &VerifyingKey| {
            self.0
                .iter()
                .any(|own| own.thumbprint() == key.thumbprint())
        };
        other.0.iter().all(own)
    }
}

impl PartialEq for ClientKeys {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl Eq for ClientKeys {}

fn is_word(text: &str) -> bool {
    let stops = |character: char| character.is_whitespace() || character.is_control();
    !text.is_empty() && text.len() <= LONGEST_AUDIENCE && !text.contains(stops)
}
