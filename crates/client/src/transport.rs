//! The two HTTP clients below everything: one for the auth server, one for everybody else.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};

use crate::error::ClientError;

/// Connecting may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One request to the auth server may take this long; hashing a password takes a moment.
const AUTH_TIMEOUT: Duration = Duration::from_secs(10);

/// Carries passwords and refresh tokens, so it follows no redirect at all.
pub(crate) fn to_the_auth_server() -> Result<reqwest::Client, ClientError> {
    build(|client| client.redirect(Policy::none()).timeout(AUTH_TIMEOUT))
}

/// Carries the access token. reqwest drops `Authorization` on a redirect to another scheme, host or
/// port; how long an answer may take is for the caller to say.
pub(crate) fn to_anyone() -> Result<reqwest::Client, ClientError> {
    build(|client| client.redirect(Policy::limited(10)).referer(false))
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
