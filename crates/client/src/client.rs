//! The client: signs in, hands out requests and tokens, signs out.

use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use reqwest::{Method, Request, Response};

use crate::error::ClientError;
use crate::lease::Lease;
use crate::login::Server;
use crate::origin::{Origins, PlainHttp, server_url};
use crate::renew::Session;
use crate::request::RequestBuilder;
use crate::secret::{AccessToken, RefreshToken};
use crate::send::Sender;

/// A renewal may take this long in all.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(15);

/// A signed-in client. Clones share the login; they are cheap.
///
/// It needs a running tokio runtime.
#[derive(Clone)]
pub struct Client {
    sender: Sender,
    plain_http: PlainHttp,
}

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

    /// A client that is not signed in yet, with more to say before it is.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if `server` is not an `http` or `https` address.
    pub fn at(server: &str) -> Result<ClientBuilder, ClientError> {
        let url = server_url(server)?;
        Ok(ClientBuilder {
            server: Server::at(url)?,
            renewal_timeout: RENEWAL_TIMEOUT,
            plain_http: PlainHttp::OwnMachine,
        })
    }

    /// A client of the same login whose token may also go to the origin of `url`: its scheme, host and
    /// port; the path does not matter.
    ///
    /// # Errors
    ///
    /// [`ClientError::BadAddress`] if `url` is not an `https` address, or an `http` one of this machine.
    pub fn for_origin(&self, url: &str) -> Result<Self, ClientError> {
        let url = server_url(url)?;
        self.plain_http.check(&url)?;
        let mut client = self.clone();
        client.sender.origins = self.sender.origins.with(&url);
        Ok(client)
    }

    /// A `GET` request.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A `POST` request.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A `PUT` request.
    pub fn put(&self, url: &str) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A `PATCH` request.
    pub fn patch(&self, url: &str) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A `DELETE` request.
    pub fn delete(&self, url: &str) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A request of any method. A URL that cannot be read is reported when it is sent.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        RequestBuilder::new(self.sender.clone(), self.sender.http().request(method, url))
    }

    /// Sends a finished request with the token; see [`RequestBuilder::send`].
    ///
    /// # Errors
    ///
    /// See [`RequestBuilder::send`].
    pub async fn execute(&self, request: Request) -> Result<Response, ClientError> {
        self.sender.execute(request).await
    }

    /// A valid access token, for those who send requests by other means. Do not keep it: ask again.
    ///
    /// # Errors
    ///
    /// [`ClientError::SessionEnded`] or [`ClientError::SignedOut`] if there will be no more tokens;
    /// otherwise what kept the spent one from being renewed.
    pub async fn token(&self) -> Result<AccessToken, ClientError> {
        self.sender.session.token().await
    }

    /// Renews the pair now, even though the access token may still be good; joins a renewal that is
    /// under way. For a second after a renewal has failed, its error is the answer.
    ///
    /// # Errors
    ///
    /// Those of [`Client::token`].
    pub async fn refresh_now(&self) -> Result<AccessToken, ClientError> {
        self.sender.session.renew().await
    }

    /// The refresh token of this moment, to [`resume`](Client::resume) later; each renewal replaces it.
    /// There is none once the session is over.
    pub fn refresh_token(&self) -> Option<RefreshToken> {
        self.sender.session.refresh_token()
    }

    /// Ends the session at the server. All clones are signed out; a session that has ended already is fine.
    ///
    /// # Errors
    ///
    /// What kept the server from doing it; the client is then still signed in.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.sender.session.sign_out().await
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.sender.session.server().origin())
            .field("origins", &self.sender.origins)
            .finish_non_exhaustive()
    }
}

/// A [`Client`] before it is signed in.
#[derive(Debug)]
#[must_use = "sign in or resume to get a client"]
pub struct ClientBuilder {
    server: Server,
    renewal_timeout: Duration,
    plain_http: PlainHttp,
}

impl ClientBuilder {
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

    /// Signs in; see [`Client::login`].
    ///
    /// # Errors
    ///
    /// Those of [`Client::login`].
    pub async fn login(self, username: &str, password: &str) -> Result<Client, ClientError> {
        self.plain_http.check(self.server.base())?;
        let pair = self.server.sign_in(username, password).await?;
        self.client(Some(pair.lease), pair.refresh)
    }

    /// Goes on with an earlier session; see [`Client::resume`].
    ///
    /// # Errors
    ///
    /// Those of [`Client::resume`].
    pub fn resume(self, refresh_token: impl Into<RefreshToken>) -> Result<Client, ClientError> {
        self.plain_http.check(self.server.base())?;
        self.client(None, refresh_token.into())
    }

    fn client(self, lease: Option<Lease>, refresh: RefreshToken) -> Result<Client, ClientError> {
        let origins = Origins::only(self.server.base());
        let session = Session::new(self.server, self.renewal_timeout, lease, refresh);
        Ok(Client {
            sender: Sender::new(session, origins)?,
            plain_http: self.plain_http,
        })
    }
}
