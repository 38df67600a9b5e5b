//! The client: signs in, hands out requests and tokens, signs out.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use reqwest::{Method, Request, Response};

use crate::error::ClientError;
use crate::origin::{Origins, PlainHttp, server_url};
use crate::renew::Session;
use crate::request::RequestBuilder;
use crate::secret::{AccessToken, RefreshToken};
use crate::send::Sender;
use crate::transport::Authorities;

/// A signed-in client. Clones share the login; they are cheap.
///
/// It needs a running tokio runtime.
#[derive(Clone)]
pub struct Client {
    sender: Sender,
    plain_http: PlainHttp,
}

impl Client {
    pub(crate) fn new(
        session: Arc<Session>,
        origins: Origins,
        plain_http: PlainHttp,
        authorities: &Authorities,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            sender: Sender::new(session, origins, authorities)?,
            plain_http,
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

    #[cfg(feature = "tower")]
    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The same, and remembered where the login is kept, for all who share it.
    ///
    /// # Errors
    ///
    /// Those of [`for_origin`](Self::for_origin), [`ClientError::Storage`], and
    /// [`ClientError::NotOffered`] if the login is not kept anywhere.
    pub async fn remember_origin(&self, url: &str) -> Result<Self, ClientError> {
        let client = self.for_origin(url)?;
        let session = &self.sender.session;
        let Some(kept) = session.source().kept() else {
            return Err(ClientError::NotOffered {
                what: "storage to remember it in",
            });
        };
        kept.add_origin(server_url(url)?, session.deadline())
            .await?;
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

    /// A `HEAD` request.
    pub fn head(&self, url: &str) -> RequestBuilder {
        self.request(Method::HEAD, url)
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

    /// The same, but a renewal that is due is waited for, so that the token lasts a while; if the renewal
    /// fails on the way, the held token is the answer as long as it is good.
    ///
    /// # Errors
    ///
    /// Those of [`Client::token`].
    pub async fn lasting_token(&self) -> Result<AccessToken, ClientError> {
        self.sender.session.lasting_token().await
    }

    /// Waits for a renewal that is under way. A program that ends right after a request calls it last,
    /// or its end may cut the renewal off; the server would have to answer it again.
    pub async fn settle(&self) {
        self.sender.session.settle().await;
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
    /// There is none once the session is over, none for a login that is kept in a storage, which is its
    /// one home, and none for a source that knows no refresh tokens.
    pub fn refresh_token(&self) -> Option<RefreshToken> {
        self.sender.session.refresh_token()
    }

    /// Ends the session at the server, and empties the storage it was kept in. All clones are signed out;
    /// a session that has ended already is fine.
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
            .field("server", &self.sender.session.origin())
            .field("origins", &self.sender.origins)
            .finish_non_exhaustive()
    }
}
