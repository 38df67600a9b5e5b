//! The HTTP clients below everything: one for the auth server, one for everybody else.
//!
//! The settings of the system for proxies hold, with one exception: plain HTTP to this machine goes
//! straight there, for a proxy would read the password or the token in it.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Request, Response};
use url::Url;
use zeroize::Zeroizing;

use crate::error::ClientError;
use crate::origin::is_own_machine;

/// Connecting may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One request to the auth server may take this long; hashing a password takes a moment.
const AUTH_TIMEOUT: Duration = Duration::from_secs(10);
/// No answer of an auth server is larger than this.
const MAX_ANSWER: usize = 64 * 1024;

/// Carries passwords and refresh tokens, so it follows no redirect at all.
pub(crate) fn to_the_auth_server(base: &Url) -> Result<reqwest::Client, ClientError> {
    build(|client| {
        let client = client.redirect(Policy::none()).timeout(AUTH_TIMEOUT);
        if goes_straight(base) {
            client.no_proxy()
        } else {
            client
        }
    })
}

/// Carries the access token. reqwest drops `Authorization` on a redirect to another scheme, host or
/// port; how long an answer may take is for the caller to say.
#[derive(Clone, Debug)]
pub(crate) struct ToAnyone {
    by_the_settings: reqwest::Client,
    straight: reqwest::Client,
}

impl ToAnyone {
    pub(crate) fn new() -> Result<Self, ClientError> {
        let settings = |client: ClientBuilder| client.redirect(Policy::limited(10)).referer(false);
        Ok(Self {
            by_the_settings: build(settings)?,
            straight: build(|client| settings(client).no_proxy())?,
        })
    }

    /// The client requests are built with.
    pub(crate) fn builder(&self) -> &reqwest::Client {
        &self.by_the_settings
    }

    pub(crate) async fn execute(&self, request: Request) -> Result<Response, reqwest::Error> {
        if goes_straight(request.url()) {
            self.straight.execute(request).await
        } else {
            self.by_the_settings.execute(request).await
        }
    }
}

/// The body, or none if it is longer than any answer of an auth server.
pub(crate) async fn bounded(
    mut answer: Response,
) -> Result<Option<Zeroizing<Vec<u8>>>, reqwest::Error> {
    // With room from the start the buffer does not move and leave copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); the form with a date is not used by our server.
pub(crate) fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn goes_straight(url: &Url) -> bool {
    url.scheme() == "http" && is_own_machine(url)
}

/// On a machine without any CA certificates, as a slim container is, a client is still of use: it
/// trusts no HTTPS server, and speaks plain HTTP where that is allowed.
fn build(
    settings: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<reqwest::Client, ClientError> {
    let client = || {
        settings(reqwest::Client::builder())
            .user_agent(concat!("countersign-client/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
    };
    let built = client().build().or_else(|_| {
        tracing::warn!("this machine has no CA certificates; no HTTPS server will be trusted");
        client().tls_certs_only(None::<Certificate>).build()
    });
    Ok(built?)
}
