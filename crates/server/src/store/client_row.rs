//! A client as both engines keep it: plain columns, and back.

use std::time::Duration;

use countersign::{Algorithm, UnixTime};
use countersign_issuer::client::{Authentication, ClientKeys, ClientSecretHash, ClientTerms};
use countersign_issuer::{Client, GrantType};

use super::StoreError;
use super::columns::{roles, seconds, seconds_of};

/// The columns, in the order in which engines write and read them.
pub(super) const COLUMNS: &str = "client_id, name, authentication, secret1, secret1_until, \
     secret2, secret2_until, jwks, grant_types, scope, roles, audiences, serves, session_idle, \
     session_absolute, access_life, algorithm, disabled, created_at, \
     own_sid, revision";

/// One row of the table `clients`.
#[derive(Clone)]
pub(super) struct ClientRow {
    pub(super) client_id: String,
    pub(super) name: String,
    pub(super) authentication: String,
    pub(super) secrets: [Option<Vec<u8>>; 2],
    pub(super) secrets_until: [Option<i64>; 2],
    pub(super) jwks: Option<String>,
    pub(super) grant_types: String,
    pub(super) scope: String,
    pub(super) roles: String,
    pub(super) audiences: String,
    pub(super) serves: String,
    pub(super) session_idle: Option<i64>,
    pub(super) session_absolute: Option<i64>,
    pub(super) access_life: Option<i64>,
    pub(super) algorithm: Option<String>,
    pub(super) disabled: bool,
    pub(super) created_at: i64,
    pub(super) own_sid: String,
    pub(super) revision: i64,
}

impl ClientRow {
    /// The row for a client.
    pub(super) fn of(client: &Client) -> Result<Self, StoreError> {
        let mut row = Self {
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            authentication: String::new(),
            secrets: [None, None],
            secrets_until: [None, None],
            jwks: None,
            grant_types: join(client.grant_types.iter().map(|kind| kind.as_str())),
            scope: client.scope.clone(),
            roles: client.roles.join(" "),
            audiences: array(&client.audiences)?,
            serves: array(&client.serves)?,
            session_idle: client.terms.session_idle.map(seconds_of),
            session_absolute: client.terms.session_absolute.map(seconds_of),
            access_life: client.terms.access_life.map(seconds_of),
            algorithm: client.terms.algorithm.map(|it| it.name().to_owned()),
            disabled: client.disabled,
            created_at: seconds(client.created_at),
            own_sid: client.own_sid.clone(),
            revision: i64::from(client.revision),
        };
        let method = match &client.authentication {
            Authentication::None => "none",
            Authentication::Secrets(secrets) => {
                let places = row.secrets.iter_mut().zip(&mut row.secrets_until);
                for ((secret, until), known) in places.zip(secrets) {
                    *secret = Some(known.as_bytes().to_vec());
                    *until = known.expires_at().map(seconds);
                }
                "secrets"
            }
            Authentication::Keys(keys) => {
                row.jwks = Some(keys.to_json());
                "keys"
            }
        };
        method.clone_into(&mut row.authentication);
        Ok(row)
    }

    /// The client of a row.
    pub(super) fn client(self) -> Result<Client, StoreError> {
        let authentication = match self.authentication.as_str() {
            "none" => Authentication::None,
            "secrets" => {
                let stored = self.secrets.into_iter().zip(self.secrets_until);
                let hashes = stored.filter_map(|(digest, until)| Some((digest?, until)));
                let hash = |(digest, until): (Vec<u8>, Option<i64>)| {
                    let digest = digest.try_into().map_err(|_| corrupt("secret"))?;
                    Ok::<_, StoreError>(ClientSecretHash::from_stored(digest, until.map(from_time)))
                };
                Authentication::Secrets(hashes.map(hash).collect::<Result<_, _>>()?)
            }
            "keys" => {
                let keys = ClientKeys::from_json(&self.jwks.unwrap_or_default());
                Authentication::Keys(keys.map_err(|_| corrupt("jwks"))?)
            }
            _ => return Err(corrupt("authentication")),
        };
        let grant_types = words(&self.grant_types)
            .map(|word| GrantType::from_name(word).ok_or_else(|| corrupt("grant_types")))
            .collect::<Result<_, _>>()?;
        let algorithm = self.algorithm.as_deref().map(algorithm).transpose()?;
        Ok(Client {
            client_id: self.client_id,
            name: self.name,
            authentication,
            grant_types,
            scope: self.scope,
            audiences: list(&self.audiences)?,
            serves: list(&self.serves)?,
            roles: roles(&self.roles),
            terms: ClientTerms {
                session_idle: self.session_idle.map(from_seconds),
                session_absolute: self.session_absolute.map(from_seconds),
                access_life: self.access_life.map(from_seconds),
                algorithm,
            },
            disabled: self.disabled,
            created_at: from_time(self.created_at),
            own_sid: self.own_sid,
            revision: u32::try_from(self.revision).map_err(|_| corrupt("revision"))?,
        })
    }
}

/// A stored algorithm's name.
pub(super) fn algorithm(name: &str) -> Result<Algorithm, StoreError> {
    Algorithm::from_name(name).ok_or_else(|| corrupt("algorithm"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn join<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn array(texts: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(texts).map_err(|_| corrupt("audiences"))
}

fn list(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(|_| corrupt("audiences"))
}

fn from_seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(0).unsigned_abs())
}

fn from_time(seconds: i64) -> UnixTime {
    UnixTime::from_secs(seconds.max(0).unsigned_abs())
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::Corrupt {
        place: "clients",
        detail: format!("column {column} holds what this program never writes"),
    }
}
