//! OAuth's endpoints for clients: `POST /oauth/token` (RFC 6749), `/oauth/introspect` (RFC 7662)
//! and `/oauth/revoke` (RFC 7009). Nothing here is kept in a cache.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_issuer::client::Wanted;
use countersign_issuer::{GrantType, Refused};
use countersign_wire::token::{AccessTokenAnswer, BEARER};

use super::client_auth::identified;
use super::form::Form;
use super::form_fault::FormFault;
use super::origin::Origin;
use super::problem::Rejection;
use super::token_answer::NEVER_CACHED;
use crate::flow::{Asking, Authority, ClientToken, Pair, Refresh};
use crate::metrics::{Counters, Endpoint, OauthCounts, OauthOutcome};

/// `POST /oauth/token`.
pub(super) async fn token(
    State(authority): State<Arc<Authority>>,
    State(counts): State<Arc<OauthCounts>>,
    Origin(origin): Origin,
    headers: HeaderMap,
    form: Result<Form, Rejection>,
) -> Result<Response, Rejection> {
    let answer = token_of(&authority, origin, &headers, form).await;
    counted(counts.of(Endpoint::Token), answer)
}

async fn token_of(
    authority: &Authority,
    origin: IpAddr,
    headers: &HeaderMap,
    form: Result<Form, Rejection>,
) -> Result<Response, Rejection> {
    let mut form = form?;
    // What is wrong by itself is said before an assertion is used up.
    let grant_type = form.require("grant_type")?;
    let grant_type = GrantType::from_name(grant_type.expose());
    let grant_type = grant_type.ok_or(FormFault::UnsupportedGrantType)?;
    let scope = form.take_text("scope");
    let audience = match form.audiences().as_mut_slice() {
        [] => None,
        [one] => Some(std::mem::take(one)),
        // A token for two would let each of them play the other's client.
        [_, _, ..] => return Err(Refused::InvalidTarget.into()),
    };
    let refresh_token = match grant_type {
        GrantType::RefreshToken => Some(form.require("refresh_token")?),
        GrantType::ClientCredentials => None,
    };
    let asking = identified(authority, headers, &mut form, origin).await?;
    let answer = match (refresh_token, asking) {
        (Some(token), asking) => {
            let asked = Refresh {
                token: &token,
                client: Some(asking.client()),
                scope: scope.as_deref(),
                audience: audience.as_deref(),
                peer: origin,
            };
            pair(&authority.refresh(asked).await?)
        }
        (None, Asking::Proved(client)) => {
            let wanted = Wanted {
                scope: scope.as_deref(),
                audience: audience.as_deref(),
            };
            in_own_name(&authority.client_token(&client, wanted)?)
        }
        // RFC 6749 §4.4: for those alone who can prove who they are.
        (None, Asking::Public(_)) => return Err(Refused::UnauthorizedClient.into()),
    };
    Ok(private(answer))
}

/// `POST /oauth/introspect`: for clients that prove who they are.
pub(super) async fn introspect(
    State(authority): State<Arc<Authority>>,
    State(counts): State<Arc<OauthCounts>>,
    Origin(origin): Origin,
    headers: HeaderMap,
    form: Result<Form, Rejection>,
) -> Result<Response, Rejection> {
    let answer = introspected(&authority, origin, &headers, form).await;
    counted(counts.of(Endpoint::Introspect), answer)
}

async fn introspected(
    authority: &Authority,
    origin: IpAddr,
    headers: &HeaderMap,
    form: Result<Form, Rejection>,
) -> Result<Response, Rejection> {
    let mut form = form?;
    // The hint is not needed: our tokens show what they are.
    let token = form.require("token")?;
    let asking = identified(authority, headers, &mut form, origin).await?;
    let client = asking.proved()?;
    Ok(private(
        authority.introspect(&client, token.expose()).await?,
    ))
}

/// `POST /oauth/revoke`. The answer is 200 also for what is no token, or none any more.
pub(super) async fn revoke(
    State(authority): State<Arc<Authority>>,
    State(counts): State<Arc<OauthCounts>>,
    Origin(origin): Origin,
    headers: HeaderMap,
    form: Result<Form, Rejection>,
) -> Result<Response, Rejection> {
    let answer = revoked(&authority, origin, &headers, form).await;
    counted(counts.of(Endpoint::Revoke), answer)
}

async fn revoked(
    authority: &Authority,
    origin: IpAddr,
    headers: &HeaderMap,
    form: Result<Form, Rejection>,
) -> Result<Response, Rejection> {
    let mut form = form?;
    let token = form.require("token")?;
    let asking = identified(authority, headers, &mut form, origin).await?;
    authority
        .revoke(asking.client(), token.expose(), origin)
        .await?;
    Ok((StatusCode::OK, NEVER_CACHED).into_response())
}

/// The answer, once it is counted how it ended.
fn counted(
    counts: &Counters<OauthOutcome>,
    answer: Result<Response, Rejection>,
) -> Result<Response, Rejection> {
    let outcome = answer.as_ref();
    counts.add(outcome.map_or_else(OauthOutcome::from, |_| OauthOutcome::Ok));
    answer
}

fn pair(pair: &Pair) -> AccessTokenAnswer {
    AccessTokenAnswer {
        access_token: pair.access_token.expose().to_owned(),
        token_type: BEARER.to_owned(),
        expires_in: pair.access_token.expires_in().as_secs(),
        refresh_token: Some(pair.refresh_token.expose().to_owned()),
        refresh_expires_in: Some(pair.refresh_expires_in.as_secs()),
        scope: pair.scope.clone(),
    }
}

fn in_own_name(token: &ClientToken) -> AccessTokenAnswer {
    AccessTokenAnswer {
        access_token: token.access_token.expose().to_owned(),
        token_type: BEARER.to_owned(),
        expires_in: token.access_token.expires_in().as_secs(),
        refresh_token: None,
        refresh_expires_in: None,
        scope: token.scope.clone(),
    }
}

fn private(body: impl serde::Serialize) -> Response {
    (NEVER_CACHED, axum::Json(body)).into_response()
}
