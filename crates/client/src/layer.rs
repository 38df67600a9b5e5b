//! The token for requests of another HTTP stack: a tower layer around any client service.
//!
//! It does what [`Client::execute`] does, with one difference: it sees one answer at a time. A layer that
//! follows redirects belongs outside of it, so that every step is checked and none carries the token to
//! an origin it was not made for.

use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode, Uri};
use tower_layer::Layer;
use tower_service::Service;
use url::Url;

use crate::challenge;
use crate::client::Client;
use crate::error::ClientError;
use crate::send::header;

/// Gives every request the token of a [`Client`], for the client's origins alone.
///
/// `B` is the body of the requests.
///
/// ```
/// # use countersign_client::{Client, TokenLayer};
/// # fn story<S>(client: &Client, http_client: S) {
/// let service = tower::ServiceBuilder::new()
///     .layer(TokenLayer::<String>::resending(client))
///     .service(http_client);
/// # }
/// ```
pub struct TokenLayer<B> {
    client: Client,
    copy: Copy<B>,
}

/// A service that [`TokenLayer`] made.
pub struct TokenService<S, B> {
    inner: S,
    client: Client,
    copy: Copy<B>,
}

type Copy<B> = fn(&B) -> Option<B>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TokenError<E> {
    /// There is no token, or it may not go there; nothing was sent.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service below failed.
    #[error("{0}")]
    Inner(E),
}

impl<B> TokenLayer<B> {
    /// Sends each request once. A refused token is not used again, and the 401 is the answer.
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            copy: |_| None,
        }
    }

    /// Sends a request whose token was refused once more, with a new one.
    pub fn resending(client: &Client) -> Self
    where
        B: Clone,
    {
        Self {
            client: client.clone(),
            copy: |body| Some(body.clone()),
        }
    }
}

impl<S, B> Layer<S> for TokenLayer<B> {
    type Service = TokenService<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        TokenService {
            inner,
            client: self.client.clone(),
            copy: self.copy,
        }
    }
}

impl<S, B, R> Service<Request<B>> for TokenService<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = TokenError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(TokenError::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that said it is ready answers; its clone waits for the next request.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let (client, copy) = (self.client.clone(), self.copy);
        Box::pin(exchange(ready, client, copy, request))
    }
}

async fn exchange<S, B, R>(
    mut service: S,
    client: Client,
    copy: Copy<B>,
    mut request: Request<B>,
) -> Result<Response<R>, TokenError<S::Error>>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    client.sender().origins.check(&address(request.uri())?)?;
    let session = &client.sender().session;
    let token = session.token().await?;
    request.headers_mut().insert(AUTHORIZATION, header(&token));
    let (parts, body) = request.into_parts();
    let again = copy(&body).map(|body| (parts.clone(), body));
    let answer = service.call(Request::from_parts(parts, body)).await;
    let answer = answer.map_err(TokenError::Inner)?;
    let token_refused = answer.status() == StatusCode::UNAUTHORIZED
        && challenge::refuses_the_token(answer.headers());
    if !token_refused || !session.source().can_renew() {
        return Ok(answer);
    }
    session.distrust(&token);
    let Some((mut parts, body)) = again else {
        return Ok(answer);
    };
    drop(answer);
    let token = session.token().await?;
    parts.headers.insert(AUTHORIZATION, header(&token));
    poll_fn(|context| service.poll_ready(context))
        .await
        .map_err(TokenError::Inner)?;
    let again = service.call(Request::from_parts(parts, body)).await;
    again.map_err(TokenError::Inner)
}

/// A request without a host goes wherever the service below decides, which nobody can check.
fn address(uri: &Uri) -> Result<Url, ClientError> {
    Url::parse(&uri.to_string()).map_err(|_| ClientError::OriginNotAllowed {
        origin: "an address without a host".to_owned(),
    })
}

impl<B> Clone for TokenLayer<B> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            copy: self.copy,
        }
    }
}

impl<S: Clone, B> Clone for TokenService<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            client: self.client.clone(),
            copy: self.copy,
        }
    }
}

impl<B> Debug for TokenLayer<B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenLayer")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl<S, B> Debug for TokenService<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
