//! `POST /login`: a name and a password become a token pair.
//!
//! First-party, or through a client, which proves who it is by the `Authorization` header or, if it
//! can keep no secret, is named in the body. With `"cookie": true`, a page of ours leaves the refresh token to its browser
//! (see [`browser`]). It is not OAuth's `password` grant, which RFC 9700 §2.4 forbids.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use countersign::secret::SecretString;
use countersign_wire::token::LoginRequest;

use super::body::Json;
use super::browser::{self, Browser};
use super::client_auth::identified_at_login;
use super::origin::Origin;
use super::problem::Rejection;
use super::token_answer::token_answer;
use crate::flow::{Asking, Authority, SignIn};
use crate::metrics::Login;

pub(super) async fn login(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    headers: HeaderMap,
    browser: Browser,
    request: Result<Json<LoginRequest>, Rejection>,
) -> Result<Response, Rejection> {
    let answer = signed_in(&authority, origin, headers, browser, request).await;
    let ended = answer
        .as_ref()
        .map_or_else(Login::from, |_| Login::SignedIn);
    authority.counts().logins.add(ended);
    answer
}

async fn signed_in(
    authority: &Authority,
    origin: IpAddr,
    headers: HeaderMap,
    mut browser: Browser,
    request: Result<Json<LoginRequest>, Rejection>,
) -> Result<Response, Rejection> {
    let Json(LoginRequest {
        username,
        password,
        scope,
        audience,
        device_token,
        cookie,
        client_id,
    }) = request?;
    let password = SecretString::new(password);
    let device_token = device_token.map(SecretString::new);
    let client = identified_at_login(authority, &headers, client_id, origin).await?;
    // They are pieces of what the connection has read, 8 KiB, which whoever waits for a hash need not
    // hold as well.
    drop(headers);
    if cookie {
        browser.demand_our_page()?;
        if client.is_some() {
            return Err(Rejection::CookieForClient);
        }
    }
    let sign_in = SignIn {
        username,
        password,
        scope,
        audience,
        client,
        device_token: device_token.or_else(|| browser.device_token()),
        peer: origin,
    };
    // Whoever proved to be a client did so by the header.
    let by_header = matches!(sign_in.client, Some(Asking::Proved(_)));
    let refusal = if by_header {
        Rejection::Client
    } else {
        Rejection::Flow
    };
    let pair = authority.sign_in(sign_in).await.map_err(refusal)?;
    Ok(if cookie {
        browser::answer(&pair)
    } else {
        token_answer(pair).into_response()
    })
}
