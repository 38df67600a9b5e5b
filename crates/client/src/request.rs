//! A request on its way to be sent with the token; the shape is reqwest's.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request, Response};
use serde::Serialize;

use crate::error::ClientError;
use crate::send::Sender;

/// A request that [`send`](Self::send) gives the token.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    sender: Sender,
    request: reqwest::RequestBuilder,
}

impl RequestBuilder {
    pub(crate) fn new(sender: Sender, request: reqwest::RequestBuilder) -> Self {
        Self { sender, request }
    }

    /// Adds a header.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|request| request.header(name, value))
    }

    /// Adds headers, in place of those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// Adds `name=value` pairs to the URL's query.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|request| request.query(query))
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|request| request.json(json))
    }

    /// Sets a form body.
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|request| request.form(form))
    }

    /// Sets the body. A stream can be sent only once: if the token is refused, the 401 is the answer.
    pub fn body<T: Into<Body>>(self, body: T) -> Self {
        self.map(|request| request.body(body))
    }

    /// Bounds the time from connecting to the end of the body; a renewal before it has its own bound.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|request| request.timeout(timeout))
    }

    /// Sends the request with the token, renewed first if it is spent.
    ///
    /// An answer of any status is `Ok`. On 401 `invalid_token` the token is renewed and the request
    /// sent once more, if its body can be.
    ///
    /// # Errors
    ///
    /// [`ClientError::OriginNotAllowed`] if the token may not go there (nothing was sent),
    /// [`ClientError::Request`] if the request could not be built or sent, and whatever keeps the
    /// client from having a token.
    pub async fn send(self) -> Result<Response, ClientError> {
        self.sender.execute(self.request.build()?).await
    }

    /// The request as it stands, without the token, for [`Client::execute`](crate::Client::execute).
    ///
    /// # Errors
    ///
    /// [`ClientError::Request`] if it could not be built.
    pub fn build(self) -> Result<Request, ClientError> {
        Ok(self.request.build()?)
    }

    fn map(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self {
            sender: self.sender,
            request: change(self.request),
        }
    }
}
