//! How a client comes to its first token: every source of a login, and what can be set before.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::auth::{Authority, ClientCredentials, Endpoints, SecretPlace, is_token};
use crate::client::Client;
use crate::error::ClientError;
use crate::kept::KeptLogin;
use crate::lease::Lease;
use crate::origin::{Origins, PlainHttp, server_url};
use crate::renew::Session;
use crate::secret::{AccessToken, RefreshToken};
use crate::source::kept::{read, replace};
use crate::source::{KeptSource, PairSource, ServiceSource, Source, TokenSource};
use crate::storage::Storage;
use crate::transport::Authorities;

/// A renewal may take this long in all.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(15);

impl Client {
    /// Signs in at a Countersign server, for example `https://auth.example.com`.
    ///
    /// # Errors
    ///
    /// [`ClientError::InvalidCredentials`] if the server refuses them,
    /// [`ClientError::TooManyAttempts`] if it wants us to wait, and whatever is wrong with the address
    /// or the network.
    pub async fn login(server: &str, username: &str, password: &str) -> Result<Self, ClientError> {
        Self::at(server)?.login(username, password).await
    }

    /// Goes on with the session of an earlier login. Nothing is sent before the first token is needed.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if `server` is not an `https` address, or an `http` one of this machine.
    pub fn resume(
        server: &str,
        refresh_token: impl Into<RefreshToken>,
    ) -> Result<Self, ClientError> {
        Self::at(server)?.resume(refresh_token)
    }

    /// Goes on with the login that `storage` keeps, as other processes may be doing. No server is asked
    /// before a new token is needed.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotSignedIn`] if there is none, [`ClientError::Storage`] if it cannot be used or
    /// must not be.
    pub async fn open(storage: impl Storage) -> Result<Self, ClientError> {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let Some(login) = read(&storage).await? else {
            return Err(ClientError::NotSignedIn {
                place: storage.place(),
            });
        };
        kept_client(storage, login, RENEWAL_TIMEOUT)
    }

    /// A client that is not signed in yet, with more to say before it is. Every source of a login is a
    /// method of the [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if `server` is not an `http` or `https` address.
    pub fn at(server: &str) -> Result<ClientBuilder, ClientError> {
        Ok(ClientBuilder::with(Endpoints::of_countersign(server_url(
            server,
        )?)))
    }

    /// The same at an OAuth 2 issuer of any make, which is asked where it does what.
    ///
    /// # Errors
    ///
    /// Those of [`ClientBuilder::discover`].
    pub async fn discover(issuer: &str) -> Result<ClientBuilder, ClientError> {
        Self::at(issuer)?.discover().await
    }

    /// The same at an OAuth 2 token endpoint (RFC 6749 §3.2) of which nothing else is known.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if `url` is not an `http` or `https` address.
    pub fn at_token_endpoint(url: &str) -> Result<ClientBuilder, ClientError> {
        Ok(ClientBuilder::with(Endpoints::of_token_endpoint(
            server_url(url)?,
        )))
    }
}

/// A [`Client`] before it is signed in.
#[derive(Debug)]
#[must_use = "sign in or resume to get a client"]
pub struct ClientBuilder {
    authority: Authority,
    origins: Vec<Url>,
    renewal_timeout: Duration,
    plain_http: PlainHttp,
    /// What `trust_authority` was given, to be kept with the login.
    authorities: Option<String>,
}

impl ClientBuilder {
    fn with(endpoints: Endpoints) -> Self {
        Self {
            authority: Authority::new(endpoints),
            origins: Vec::new(),
            renewal_timeout: RENEWAL_TIMEOUT,
            plain_http: PlainHttp::OwnMachine,
            authorities: None,
        }
    }

    /// Believes certificates that the authorities in `pem` have signed, beside those that the system
    /// believes: for servers with a certificate of one's own. Only for this login, its server and the
    /// APIs its token goes to; a login that is kept remembers it.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoCertificate`] if there is none in it.
    pub fn trust_authority(mut self, pem: &str) -> Result<Self, ClientError> {
        self.authority.trust(Authorities::read(pem)?);
        self.authorities = Some(pem.to_owned());
        Ok(self)
    }

    /// Bounds a renewal, its retries included; 15 s if not set.
    pub fn renewal_timeout(mut self, timeout: Duration) -> Self {
        self.renewal_timeout = timeout;
        self
    }

    /// Speaks plain HTTP to other machines too, where the network in between can read the password and the
    /// tokens; for networks that are encrypted by other means.
    pub fn plain_http_insecurely(mut self) -> Self {
        self.plain_http = PlainHttp::Anywhere;
        self
    }

    /// Lets the token go to the origin of `url` as well; see [`Client::for_origin`].
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if `url` is not an `http` or `https` address.
    pub fn for_origin(mut self, url: &str) -> Result<Self, ClientError> {
        self.origins.push(server_url(url)?);
        Ok(self)
    }

    /// The scope to ask for, separated by spaces; without it, what the server gives.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.authority.ask_for_scope(scope.into());
        self
    }

    /// The audience to ask for; without it, the server's default.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.authority.ask_for_audience(audience.into());
        self
    }

    /// The client's name at the token endpoint, for a client that has no secret.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.authority.identify_as(ClientCredentials::Public { id });
        self
    }

    /// The client's name and secret at the token endpoint, sent as the server wants it, or else in the
    /// `Authorization` header.
    pub fn client_secret(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let place = self.authority.endpoints().secret_place();
        self.authority
            .identify_as(ClientCredentials::secret(id.into(), secret.into(), place));
        self
    }

    /// The same in the form's body (`client_secret_post`), for servers that take nothing else.
    pub fn client_secret_in_body(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        let place = SecretPlace::Body;
        self.authority
            .identify_as(ClientCredentials::secret(id.into(), secret.into(), place));
        self
    }

    /// Asks the server where it does what (RFC 8414, OpenID Connect Discovery), for any OAuth 2 issuer;
    /// a Countersign server has its routes at known paths and need not be asked.
    ///
    /// Call it before [`client_secret`](Self::client_secret): the server also says where it wants one.
    ///
    /// # Errors
    ///
    /// [`ClientError::OtherIssuer`] if what is found there speaks for somebody else, and whatever is
    /// wrong with an address or the network.
    pub async fn discover(mut self) -> Result<Self, ClientError> {
        self.plain_http.check(self.authority.base())?;
        self.authority.discover(self.plain_http).await?;
        Ok(self)
    }

    /// Signs in; see [`Client::login`].
    ///
    /// # Errors
    ///
    /// Those of [`Client::login`].
    pub async fn login(self, username: &str, password: &str) -> Result<Client, ClientError> {
        self.check()?;
        let issued = self.authority.sign_in(username, password).await?;
        let lease = issued.lease();
        let refresh = issued.refresh.ok_or(ClientError::NotOffered {
            what: "refresh token in the server's answer",
        })?;
        let source = Source::Pair(PairSource::new(self.authority.clone(), refresh));
        self.client(source, Some(lease))
    }

    /// Goes on with an earlier session; see [`Client::resume`].
    ///
    /// # Errors
    ///
    /// Those of [`Client::resume`].
    pub fn resume(self, refresh_token: impl Into<RefreshToken>) -> Result<Client, ClientError> {
        self.check()?;
        let pair = PairSource::new(self.authority.clone(), refresh_token.into());
        self.client(Source::Pair(pair), None)
    }

    /// Signs in as the client itself (client credentials, RFC 6749 §4.4), with what
    /// [`client_secret`](Self::client_secret) said. Nothing is sent before the first token is needed.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if the address is not an `https` one, or an `http` one of this machine.
    pub fn client_credentials(self) -> Result<Client, ClientError> {
        self.check()?;
        let source = Source::Service(ServiceSource::new(self.authority.clone()));
        self.client(source, None)
    }

    /// Sends this token and never another, as long as it is accepted. The address the builder was made
    /// with is where it goes.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotAToken`] if it cannot be sent in a header, [`ClientError::BadAddress`] as above.
    pub fn fixed_token(self, token: impl Into<String>) -> Result<Client, ClientError> {
        self.check()?;
        let token = AccessToken::new(token.into());
        if !is_token(token.expose()) {
            return Err(ClientError::NotAToken);
        }
        let lease = Lease::new(token, std::time::Instant::now(), None);
        self.client(Source::Fixed, Some(lease))
    }

    /// Gets its tokens from code of your own. The address the builder was made with is where they go.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] as above.
    pub fn source(self, source: impl TokenSource) -> Result<Client, ClientError> {
        self.check()?;
        self.client(Source::Own(Box::new(source)), None)
    }

    /// Keeps the login in a storage, where later runs and other processes find it.
    pub fn keep_in(self, storage: impl Storage) -> KeptBuilder {
        KeptBuilder {
            builder: self,
            storage: Arc::new(storage),
        }
    }

    fn check(&self) -> Result<(), ClientError> {
        self.plain_http.check(self.authority.base())?;
        self.origins
            .iter()
            .try_for_each(|url| self.plain_http.check(url))
    }

    fn client(self, source: Source, lease: Option<Lease>) -> Result<Client, ClientError> {
        let first = Origins::only(self.authority.base());
        let origins = self
            .origins
            .iter()
            .fold(first, |origins, url| origins.with(url));
        let origin = self.authority.origin();
        let session = Session::new(source, origin, self.renewal_timeout, lease);
        Client::new(session, origins, self.plain_http, self.authority.trusted())
    }
}

/// A [`Client`] whose login will be kept, before it is signed in.
#[must_use = "sign in or resume to get a client"]
pub struct KeptBuilder {
    builder: ClientBuilder,
    storage: Arc<dyn Storage>,
}

impl KeptBuilder {
    /// Signs in and keeps the login, in the place of the one that is there, which is ended.
    ///
    /// # Errors
    ///
    /// Those of [`Client::login`], and [`ClientError::Storage`]; a storage that cannot be used is noticed
    /// before the password is sent.
    pub async fn login(self, username: &str, password: &str) -> Result<Client, ClientError> {
        let Self { builder, storage } = self;
        builder.check()?;
        let sign_in = async {
            let issued = builder.authority.sign_in(username, password).await?;
            let refresh = issued.refresh.clone().ok_or(ClientError::NotOffered {
                what: "refresh token in the server's answer",
            })?;
            let mut login = builder.kept(Some(username), &refresh)?;
            login.renew(&issued);
            Ok(login)
        };
        builder.keep(storage, sign_in).await
    }

    /// Keeps a session that was begun elsewhere; whoever had the refresh token must not use it any more.
    ///
    /// # Errors
    ///
    /// [`ClientError::Storage`], and those of [`Client::resume`].
    pub async fn resume(
        self,
        refresh_token: impl Into<RefreshToken>,
    ) -> Result<Client, ClientError> {
        let Self { builder, storage } = self;
        builder.check()?;
        let login = builder.kept(None, &refresh_token.into())?;
        builder.keep(storage, async { Ok(login) }).await
    }
}

impl ClientBuilder {
    fn kept(
        &self,
        username: Option<&str>,
        refresh: &RefreshToken,
    ) -> Result<KeptLogin, ClientError> {
        let origins = self.origins.clone();
        let mut login =
            KeptLogin::new(&self.authority, self.plain_http, username, origins, refresh)?;
        login.trust(self.authorities.clone());
        Ok(login)
    }

    async fn keep<F>(&self, storage: Arc<dyn Storage>, sign_in: F) -> Result<Client, ClientError>
    where
        F: Future<Output = Result<KeptLogin, ClientError>>,
    {
        let deadline = Instant::now() + self.renewal_timeout;
        let login = replace(&storage, deadline, sign_in).await?;
        kept_client(storage, login, self.renewal_timeout)
    }
}

impl Debug for KeptBuilder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptBuilder")
            .field("builder", &self.builder)
            .field("place", &self.storage.place())
            .finish()
    }
}

fn kept_client(
    storage: Arc<dyn Storage>,
    login: KeptLogin,
    renewal_timeout: Duration,
) -> Result<Client, ClientError> {
    let (origins, plain_http, lease) = (login.allowed(), login.plain_http(), login.lease());
    let authorities = login.authority()?.trusted().clone();
    let source = KeptSource::new(storage, login)?;
    let origin = source.origin();
    let session = Session::new(
        Source::Kept(Box::new(source)),
        origin,
        renewal_timeout,
        lease,
    );
    Client::new(session, origins, plain_http, &authorities)
}
