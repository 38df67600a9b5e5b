//! The HTTP clients below everything: one for the auth server, one for everybody else.
//!
//! The settings of the system for proxies hold, with one exception: plain HTTP to this machine goes
//! straight there, for a proxy would read the password or the token in it.

use std::sync::{Arc, OnceLock};
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

/// Authorities that are believed beside those of the system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities(Arc<[Certificate]>);

impl Authorities {
    /// Reads certificates in PEM, of which there must be one.
    pub(crate) fn read(pem: &str) -> Result<Self, ClientError> {
        match Certificate::from_pem_bundle(pem.as_bytes()) {
            Ok(all) if !all.is_empty() => Ok(Self(all.into())),
            _ => Err(ClientError::NoCertificate),
        }
    }
}

/// An HTTP client that is made when the first request needs it: to load the system's certificates takes
/// longer than everything else that a short program does with a token that is still good.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    manner: Manner,
    authorities: Authorities,
    built: Arc<OnceLock<reqwest::Client>>,
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Carries passwords and refresh tokens, so it follows no redirect at all.
    ToTheAuthServer { straight: bool },
    /// Carries the access token. reqwest drops `Authorization` on a redirect to another scheme, host or
    /// port; how long an answer may take is for the caller to say.
    ToAnyone { straight: bool },
}

impl Http {
    pub(crate) fn to_the_auth_server(base: &Url, authorities: Authorities) -> Self {
        let straight = goes_straight(base);
        Self::new(Manner::ToTheAuthServer { straight }, authorities)
    }

    fn new(manner: Manner, authorities: Authorities) -> Self {
        Self {
            manner,
            authorities,
            built: Arc::default(),
        }
    }

    pub(crate) fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    pub(crate) fn client(&self) -> Result<&reqwest::Client, ClientError> {
        if let Some(client) = self.built.get() {
            return Ok(client);
        }
        let authorities = &self.authorities.0;
        let client = build(|client| {
            let client = client.tls_certs_merge(authorities.iter().cloned());
            self.manner.set(client)
        })?;
        Ok(self.built.get_or_init(|| client))
    }
}

impl Manner {
    fn set(self, client: ClientBuilder) -> ClientBuilder {
        match self {
            Self::ToTheAuthServer { straight } => {
                let client = client.redirect(Policy::none()).timeout(AUTH_TIMEOUT);
                if straight {
                    // It stays on this machine, so no certificate is ever looked at.
                    return client.no_proxy().tls_certs_only(None::<Certificate>);
                }
                client
            }
            Self::ToAnyone { straight } => {
                let client = client.redirect(Policy::limited(10)).referer(false);
                if straight { client.no_proxy() } else { client }
            }
        }
    }
}

/// For requests with the access token.
#[derive(Clone, Debug)]
pub(crate) struct ToAnyone {
    by_the_settings: Http,
    straight: Http,
    /// Requests are put together with it, and never sent: it has no certificates.
    builder: reqwest::Client,
}

impl ToAnyone {
    pub(crate) fn new(authorities: &Authorities) -> Result<Self, ClientError> {
        let http = |straight| Http::new(Manner::ToAnyone { straight }, authorities.clone());
        let builder = reqwest::Client::builder()
            .tls_certs_only(None::<Certificate>)
            .no_proxy();
        Ok(Self {
            by_the_settings: http(false),
            straight: http(true),
            builder: builder.build()?,
        })
    }

    pub(crate) fn builder(&self) -> &reqwest::Client {
        &self.builder
    }

    pub(crate) async fn execute(&self, request: Request) -> Result<Response, ClientError> {
        let http = if goes_straight(request.url()) {
            &self.straight
        } else {
            &self.by_the_settings
        };
        Ok(http.client()?.execute(request).await?)
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
