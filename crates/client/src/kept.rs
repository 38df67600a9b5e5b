//! A login as it is kept in a storage: whose it is, where it is good, and its tokens.
//!
//! Times are those of this machine's own wall clock, for no other clock goes on between two processes.
//! They say how old the held token is; a clock that was set back makes it count as spent, and whatever
//! else a wrong clock does ends with the server's 401 and one renewal more.

use std::fmt::{self, Debug, Formatter};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::auth::{Authority, ClientCredentials, Endpoints, Issued};
use crate::error::ClientError;
use crate::lease::Lease;
use crate::origin::{Origins, PlainHttp};
use crate::secret::{AccessToken, RefreshToken};
use crate::storage::{Storage, StorageError};
use crate::transport::Authorities;

const VERSION: u8 = 1;

/// A login in a storage, without a way to its tokens: what a program can tell its user about it.
pub struct KeptLogin(Document);

#[derive(Clone, Serialize, Deserialize)]
struct Document {
    version: u8,
    server: Url,
    /// Only if they are not those of a Countersign server at `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoints: Option<Endpoints>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default)]
    plain_http: bool,
    /// Certificates of authorities that are believed beside the system's, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authorities: Option<String>,
    username: Option<String>,
    /// Where else the token may go.
    #[serde(default)]
    origins: Vec<Url>,
    signed_in_at: u64,
    access_token: Option<String>,
    obtained_at_ms: u64,
    expires_in: Option<u64>,
    /// None once the session has ended.
    refresh_token: Option<String>,
    session_expires_at: Option<u64>,
}

impl KeptLogin {
    /// What is kept in `storage`, if anything is. No server is asked.
    ///
    /// # Errors
    ///
    /// What keeps it from being read or understood.
    pub fn read(storage: &(impl Storage + ?Sized)) -> Result<Option<Self>, StorageError> {
        let Some(bytes) = storage.load()? else {
            return Ok(None);
        };
        serde_json::from_slice::<Document>(&bytes)
            .ok()
            .filter(|document| document.version == VERSION)
            .map(|document| Some(Self(document)))
            .ok_or_else(|| StorageError::NotALogin {
                place: storage.place(),
            })
    }

    /// The auth server.
    pub fn server(&self) -> &str {
        self.0.server.as_str().trim_end_matches('/')
    }

    /// The name that signed in, if it was by name and password.
    pub fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }

    /// Where the token may go besides the server.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.0
            .origins
            .iter()
            .map(|url| url.origin().ascii_serialization())
    }

    /// Whether the token may go to the origin of `url`.
    pub fn is_for(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.allowed().contain(&url))
    }

    /// When the user signed in.
    pub fn signed_in_at(&self) -> SystemTime {
        at(self.0.signed_in_at)
    }

    /// When the held access token expires, if the server said so.
    pub fn token_expires_at(&self) -> Option<SystemTime> {
        self.0.access_token.as_ref()?;
        at(self.0.obtained_at_ms / 1000).checked_add(Duration::from_secs(self.0.expires_in?))
    }

    /// When the session ends unless it is used before, if the server said so.
    pub fn session_expires_at(&self) -> Option<SystemTime> {
        self.0.refresh_token.as_ref()?;
        self.0.session_expires_at.map(at)
    }

    /// Whether the session has ended, as far as is known here.
    pub fn is_over(&self) -> bool {
        self.0.refresh_token.is_none()
    }

    /// A login that has just been made, or is to go on from a refresh token.
    pub(crate) fn new(
        authority: &Authority,
        plain_http: PlainHttp,
        username: Option<&str>,
        origins: Vec<Url>,
        refresh: &RefreshToken,
    ) -> Result<Self, ClientError> {
        let client_id = match authority.credentials() {
            ClientCredentials::None => None,
            ClientCredentials::Public { id } => Some(id.clone()),
            ClientCredentials::Secret { .. } => {
                return Err(ClientError::NotOffered {
                    what: "way to keep a login that needs a client's secret",
                });
            }
        };
        let endpoints = authority.endpoints();
        let of_countersign = endpoints.is_of_countersign();
        Ok(Self(Document {
            version: VERSION,
            server: endpoints.base().clone(),
            endpoints: (!of_countersign).then(|| endpoints.clone()),
            client_id,
            plain_http: plain_http == PlainHttp::Anywhere,
            authorities: None,
            username: username.map(str::to_owned),
            origins,
            signed_in_at: now_ms() / 1000,
            access_token: None,
            obtained_at_ms: 0,
            expires_in: None,
            refresh_token: Some(refresh.expose().to_owned()),
            session_expires_at: None,
        }))
    }

    /// Takes over what the server issued.
    pub(crate) fn renew(&mut self, issued: &Issued) {
        let age = u64::try_from(issued.requested_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let obtained_at = now_ms().saturating_sub(age);
        let document = &mut self.0;
        document.access_token.zeroize();
        document.access_token = Some(issued.access.expose().to_owned());
        document.obtained_at_ms = obtained_at;
        document.expires_in = issued.expires_in.map(|life| life.as_secs());
        if let Some(refresh) = &issued.refresh {
            document.refresh_token.zeroize();
            document.refresh_token = Some(refresh.expose().to_owned());
        }
        document.session_expires_at = issued
            .refresh_expires_in
            .and_then(|life| (obtained_at / 1000).checked_add(life.as_secs()));
    }

    /// The session is over; what is left says whose it was.
    pub(crate) fn end(&mut self) {
        self.0.access_token.zeroize();
        self.0.refresh_token.zeroize();
        self.0.access_token = None;
        self.0.refresh_token = None;
    }

    pub(crate) fn add_origin(&mut self, url: Url) {
        if !self.allowed().contain(&url) {
            self.0.origins.push(url);
        }
    }

    /// The server to ask, as it was asked when the login was made.
    pub(crate) fn authority(&self) -> Result<Authority, ClientError> {
        let document = &self.0;
        let endpoints = match &document.endpoints {
            Some(endpoints) => endpoints.clone(),
            None => Endpoints::of_countersign(document.server.clone()),
        };
        let mut authority = Authority::new(endpoints);
        if let Some(id) = &document.client_id {
            authority.identify_as(ClientCredentials::Public { id: id.clone() });
        }
        if let Some(pem) = &document.authorities {
            authority.trust(Authorities::read(pem)?);
        }
        Ok(authority)
    }

    /// Remembers the certificates that its server may be signed with.
    pub(crate) fn trust(&mut self, authorities: Option<String>) {
        self.0.authorities = authorities;
    }

    pub(crate) fn allowed(&self) -> Origins {
        let first = Origins::only(&self.0.server);
        self.0
            .origins
            .iter()
            .fold(first, |origins, url| origins.with(url))
    }

    pub(crate) fn plain_http(&self) -> PlainHttp {
        if self.0.plain_http {
            PlainHttp::Anywhere
        } else {
            PlainHttp::OwnMachine
        }
    }

    /// Whether both are logins of one user at one server; only then one may take the other's place.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.0.server == other.0.server && self.0.username == other.0.username
    }

    pub(crate) fn refresh_token(&self) -> Option<RefreshToken> {
        self.0.refresh_token.as_deref().map(RefreshToken::from)
    }

    pub(crate) fn lease(&self) -> Option<Lease> {
        let token = AccessToken::new(self.0.access_token.clone()?);
        // A token from the future has an age that nobody knows.
        let age = now_ms().checked_sub(self.0.obtained_at_ms);
        let age = age.map_or(Duration::MAX, Duration::from_millis);
        Some(Lease::aged(
            token,
            age,
            self.0.expires_in.map(Duration::from_secs),
        ))
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        // Strings and numbers always have a JSON form.
        let _ = serde_json::to_writer(&mut *bytes, &self.0);
        bytes
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.access_token.zeroize();
        self.refresh_token.zeroize();
    }
}

impl Debug for KeptLogin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptLogin")
            .field("server", &self.server())
            .field("username", &self.username())
            .field("is_over", &self.is_over())
            .finish_non_exhaustive()
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        })
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(UNIX_EPOCH)
}
