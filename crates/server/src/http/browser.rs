//! Single-page apps: the refresh token in a cookie that no script can read.
//!
//! The page keeps the access token in its memory and nothing else; the browser keeps the refresh
//! token, for this host alone (`__Host-`), out of the reach of scripts (`HttpOnly`) and of requests
//! that other sites start (`SameSite=Strict`). On top of that, a cookie counts only in a request
//! that one of our own origins started, by what the browser itself says of it.
//!
//! The device token travels the same way, so that a page need not store that one either.

use axum::extract::FromRequestParts;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use countersign::secret::SecretString;
use countersign_guard::{OwnOrigins, cookie};
use countersign_issuer::device::DeviceToken;
use countersign_wire::token::{BEARER, BrowserAnswer};

use super::problem::Rejection;
use super::shared::Shared;
use super::token_answer::NEVER_CACHED;
use crate::flow::Pair;

const REFRESH: &str = "__Host-countersign-refresh";
const DEVICE: &str = "__Host-countersign-device";
/// Everything that a `__Host-` cookie must have, and everything that keeps it to itself.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// What the browser brought by itself: cookies, and word of the page that started the request.
pub(super) struct Browser {
    refresh: Option<SecretString>,
    device: Option<SecretString>,
    is_our_page: bool,
}

impl Browser {
    /// Refuses a request that no page of ours started.
    pub(super) fn demand_our_page(&self) -> Result<(), Rejection> {
        if self.is_our_page {
            Ok(())
        } else {
            Err(Rejection::CrossSite)
        }
    }

    /// The refresh token in the cookie, if there is one and one of our pages sent it.
    pub(super) fn refresh_token(&mut self) -> Result<Option<SecretString>, Rejection> {
        match self.refresh.take() {
            None => Ok(None),
            Some(token) => self.demand_our_page().map(|()| Some(token)),
        }
    }

    /// The device token in the cookie, if there is one and one of our pages sent it.
    pub(super) fn device_token(&mut self) -> Option<SecretString> {
        self.device.take().filter(|_| self.is_our_page)
    }

    /// Whether a refresh token is kept here.
    pub(super) fn holds_session(&self) -> bool {
        self.refresh.is_some()
    }
}

impl FromRequestParts<Shared> for Browser {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Rejection> {
        Ok(Self {
            refresh: kept(&parts.headers, REFRESH),
            device: kept(&parts.headers, DEVICE),
            is_our_page: shared.own_origins.started(&parts.headers),
        })
    }
}

/// The cookie of this name. With two of them nobody knows which is ours: then there is none.
fn kept(headers: &HeaderMap, name: &str) -> Option<SecretString> {
    cookie(headers, name).ok().map(SecretString::new)
}

/// The pages whose requests may use cookies: the server's own origin, and those that are configured.
pub(crate) fn own_origins(issuer: &str, configured: &[String]) -> OwnOrigins {
    let own = origin_of(issuer).to_owned();
    OwnOrigins::new([own].into_iter().chain(configured.iter().cloned()))
}

/// `https://id.example/tenant` is served from `https://id.example`.
fn origin_of(issuer: &str) -> &str {
    let authority = issuer.find("://").map_or(0, |at| at + 3);
    let end = issuer[authority..].find('/');
    end.map_or(issuer, |end| &issuer[..authority + end])
}

/// The pair for a browser: the access token as JSON, the rest in cookies.
pub(super) fn answer(pair: &Pair) -> Response {
    let body = BrowserAnswer {
        access_token: pair.access_token.expose().to_owned(),
        token_type: BEARER.into(),
        expires_in: pair.access_token.expires_in().as_secs(),
        refresh_expires_in: pair.refresh_expires_in.as_secs(),
        scope: pair.scope.clone(),
    };
    let mut response = (NEVER_CACHED, axum::Json(body)).into_response();
    let life = pair.refresh_expires_in.as_secs();
    keep(&mut response, REFRESH, pair.refresh_token.expose(), life);
    if let Some(device) = &pair.device_token {
        let life = DeviceToken::LIFE.as_secs();
        keep(&mut response, DEVICE, device.expose(), life);
    }
    response
}

/// Has the browser forget the session. Only for one that is over: after a failure that may pass,
/// forgetting would sign the user out for nothing.
pub(super) fn forget(response: &mut Response) {
    keep(response, REFRESH, "", 0);
}

fn keep(response: &mut Response, name: &str, value: &str, seconds: u64) {
    let text = format!("{name}={value}; Max-Age={seconds}; {ATTRIBUTES}");
    // Our tokens are base64url: there is nothing in them that a header could not hold.
    if let Ok(mut value) = HeaderValue::try_from(text) {
        value.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_with_a_path_has_the_origin_of_its_host() {
        for (issuer, origin) in [
            ("https://id.example", "https://id.example"),
            ("https://id.example/tenant/one", "https://id.example"),
            ("http://127.0.0.1:7800", "http://127.0.0.1:7800"),
        ] {
            assert_eq!(origin_of(issuer), origin);
        }
    }
}
