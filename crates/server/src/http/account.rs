//! What signed-in callers see of their own account, and change about it.
//!
//! `GET /me` is for every token. The rest is the owner's, signed in at this server itself: a token
//! that a user got through some client is for that client's purpose, whatever its scope, and ends no
//! sessions of others.

use std::sync::Arc;

use axum::Json as JsonAnswer;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use countersign::secret::SecretString;
use countersign_guard::{Caller, Requirements};
use countersign_issuer::{Client, Session};
use countersign_wire::account::{Me, PasswordChange, SessionEntry, SessionList};

use super::body::Json;
use super::origin::Origin;
use super::problem::Rejection;
use super::query::{NoQuery, Page, Query};
use super::segment::Segment;
use super::shared::Shared;
use crate::flow::{self, Authority};
use crate::store::Found;

/// A caller who signed in at this server itself.
pub(super) struct Owner(Caller);

impl FromRequestParts<Shared> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let caller: Caller = Caller::from_request_parts(parts, shared)
            .await
            .map_err(IntoResponse::into_response)?;
        let own = Requirements::new().rule("a sign-in at this server itself", |caller: &Caller| {
            caller.claims().client_id() == Client::FIRST_PARTY
        });
        shared
            .guard
            .require(&caller, &own)
            .map_err(IntoResponse::into_response)?;
        Ok(Self(caller))
    }
}

/// `GET /me`: who the token speaks for.
pub(super) async fn me(caller: Caller) -> impl IntoResponse {
    let claims = caller.claims();
    let me = Me {
        sub: claims.sub().into(),
        username: claims.preferred_username().map(Into::into),
        roles: claims.roles().map(Into::into).collect(),
        scope: claims.scope().into(),
        // That of a client's own token names no session.
        sid: claims
            .sid()
            .filter(|_| !claims.is_clients_own())
            .map(Into::into),
        expires_at: claims.exp().as_secs(),
    };
    ([(CACHE_CONTROL, "no-store")], JsonAnswer(me))
}

/// `GET /sessions`: the own sessions that are alive.
pub(super) async fn sessions(
    State(authority): State<Arc<Authority>>,
    Owner(caller): Owner,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Rejection> {
    let sessions = authority.own_sessions(caller.sub(), page.after.as_deref(), page.limit());
    let Found::Found(sessions) = sessions.await? else {
        return Err(Rejection::BadCursor);
    };
    let own = caller.sid();
    let sessions = sessions
        .into_iter()
        .map(|session| entry(session, own))
        .collect();
    Ok((
        [(CACHE_CONTROL, "no-store")],
        JsonAnswer(SessionList { sessions }),
    ))
}

/// `DELETE /sessions/{id}`: ends one of them. 204 also when it was over already.
pub(super) async fn end_session(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    Owner(caller): Owner,
    Segment(sid): Segment,
) -> Result<StatusCode, Rejection> {
    authority
        .end_own_sessions(caller.sub(), Some(&sid), origin)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /sessions`: ends all of them, this one too.
pub(super) async fn end_sessions(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    Owner(caller): Owner,
    _: NoQuery,
) -> Result<StatusCode, Rejection> {
    authority
        .end_own_sessions(caller.sub(), None, origin)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /password`: another password; every other session ends.
pub(super) async fn password(
    State(authority): State<Arc<Authority>>,
    Origin(origin): Origin,
    Owner(caller): Owner,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Rejection> {
    let asked = flow::PasswordChange {
        user_id: caller.sub().into(),
        sid: caller.sid().map(Into::into),
        current: SecretString::new(change.current),
        new: SecretString::new(change.new),
        peer: origin,
    };
    authority.change_password(asked).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn entry(session: Session, own: Option<&str>) -> SessionEntry {
    SessionEntry {
        current: own == Some(session.sid.as_str()),
        sid: session.sid,
        client_id: session.client_id,
        scope: session.scope,
        created_at: session.created_at.as_secs(),
        last_used_at: session.last_used_at.as_secs(),
        expires_at: session.idle_expires_at.min(session.expires_at).as_secs(),
    }
}
