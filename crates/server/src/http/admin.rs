//! `/admin/…`: users, sessions, keys and the audit log, for callers with the role `admin`.
//!
//! Long lists come in pages: `?after=` takes the last entry's name (number, for the audit log), and
//! `?limit=` how many there are to be, 100 if nothing is said and 1000 at most. A page that is not
//! full is the last one.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use countersign_guard::{Caller, Requirements};
use countersign_issuer::Password;
use countersign_issuer::record::{AuditEvent, Session, SigningKeyRecord, User};
use countersign_wire::admin::{
    AuditLine, AuditPage, EndedSessions, Key, KeyList, NewPassword, NewUser, SessionPage,
    SessionRow, UserChange, UserPage, UserRow,
};
use serde::Deserialize;

use super::body::Json;
use super::problem::Rejection;
use super::segment::Segment;
use super::shared::Shared;
use crate::flow::{Custodian, Directory, Oversight, Registry, Rights, SessionsOf};

/// The role that opens these routes.
const ROLE: &str = "admin";
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1000;

/// A caller with the role `admin`, and what one may lay hands on, in the own name.
pub(super) struct Admin {
    directory: Directory,
    oversight: Oversight,
    custodian: Custodian,
    pub(super) registry: Registry,
}

impl FromRequestParts<Shared> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let caller: Caller = Caller::from_request_parts(parts, shared)
            .await
            .map_err(IntoResponse::into_response)?;
        shared
            .guard
            .require(&caller, &Requirements::new().role(ROLE))
            .map_err(IntoResponse::into_response)?;
        let authority = || Arc::clone(&shared.authority);
        Ok(Self {
            directory: shared.directory.clone().acting(caller.sub()),
            oversight: Oversight::of(authority()).acting(caller.sub()),
            custodian: Custodian::of(authority()).acting(caller.sub()),
            registry: Registry::of(authority()).acting(caller.sub()),
        })
    }
}

/// Which page of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) after: Option<String>,
    limit: Option<u32>,
}

impl Page {
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)
    }
}

pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

/// `GET /admin/users`.
pub(super) async fn users(admin: Admin, page: Asked<Page>) -> Result<Response, Rejection> {
    let page = query(page)?;
    let users = admin
        .directory
        .list(page.after.as_deref(), page.limit())
        .await?;
    let users = users.into_iter().map(user_row).collect();
    Ok(private(UserPage { users }))
}

/// `POST /admin/users`.
pub(super) async fn add_user(
    admin: Admin,
    Json(new): Json<NewUser>,
) -> Result<Response, Rejection> {
    let password = Password::new(new.password)?;
    let user = admin
        .directory
        .add(
            &new.username,
            password,
            Rights {
                roles: new.roles,
                scope: new.scope,
            },
        )
        .await?;
    Ok((StatusCode::CREATED, private(user_row(user))).into_response())
}

/// `GET /admin/users/{name}`.
pub(super) async fn user(admin: Admin, Segment(name): Segment) -> Result<Response, Rejection> {
    Ok(private(user_row(admin.directory.user(&name).await?)))
}

/// `PATCH /admin/users/{name}`: all that is said, or nothing.
pub(super) async fn change_user(
    admin: Admin,
    Segment(name): Segment,
    Json(change): Json<UserChange>,
) -> Result<Response, Rejection> {
    admin
        .directory
        .change(
            &name,
            crate::store::UserChange {
                roles: change.roles,
                scope: change.scope,
                disabled: change.disabled,
            },
        )
        .await?;
    Ok(private(user_row(admin.directory.user(&name).await?)))
}

/// `PUT /admin/users/{name}/password`: every session of theirs ends.
pub(super) async fn set_password(
    admin: Admin,
    Segment(name): Segment,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Rejection> {
    let password = Password::new(new.password)?;
    admin.directory.set_password(&name, password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /admin/users/{name}`.
pub(super) async fn delete_user(
    admin: Admin,
    Segment(name): Segment,
) -> Result<StatusCode, Rejection> {
    admin.directory.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/sessions`.
pub(super) async fn sessions(admin: Admin, page: Asked<Page>) -> Result<Response, Rejection> {
    let page = query(page)?;
    let sessions = admin
        .oversight
        .sessions(page.after.as_deref(), page.limit())
        .await?;
    let sessions = sessions.into_iter().map(session_row).collect();
    Ok(private(SessionPage { sessions }))
}

/// `DELETE /admin/sessions/{sid}`. 204 also when it was over already.
pub(super) async fn end_session(
    admin: Admin,
    Segment(sid): Segment,
) -> Result<StatusCode, Rejection> {
    admin.oversight.end(SessionsOf::Sid(sid)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose sessions to end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfUser {
    user: String,
}

/// `DELETE /admin/sessions?user=NAME`: every session of a user.
pub(super) async fn end_sessions(admin: Admin, of: Asked<OfUser>) -> Result<Response, Rejection> {
    let ended = admin
        .oversight
        .end(SessionsOf::User(query(of)?.user))
        .await?;
    let ended = u64::try_from(ended.len()).unwrap_or(u64::MAX);
    Ok(private(EndedSessions { ended }))
}

/// `GET /admin/keys`.
pub(super) async fn keys(admin: Admin) -> Result<Response, Rejection> {
    let keys = admin.custodian.list().await?;
    let keys = keys.into_iter().map(key_row).collect();
    Ok(private(KeyList { keys }))
}

/// `POST /admin/keys/rotate`: the pending keys sign from now on.
pub(super) async fn rotate_keys(admin: Admin) -> Result<Response, Rejection> {
    admin.custodian.rotate().await?;
    keys(admin).await
}

/// `DELETE /admin/keys/{kid}`: a leaked key is withdrawn.
pub(super) async fn withdraw_key(
    admin: Admin,
    Segment(kid): Segment,
) -> Result<StatusCode, Rejection> {
    admin.custodian.withdraw(&kid).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/audit`.
pub(super) async fn audit(admin: Admin, page: Asked<Page>) -> Result<Response, Rejection> {
    let page = query(page)?;
    let after = match &page.after {
        Some(number) => number.parse().map_err(|_| Rejection::BadQuery)?,
        None => 0,
    };
    let lines = admin.oversight.audit_log(after, page.limit()).await?;
    let lines = lines.into_iter().map(audit_line).collect();
    Ok(private(AuditPage { lines }))
}

pub(super) fn query<T>(asked: Asked<T>) -> Result<T, Rejection> {
    asked
        .map(|Query(asked)| asked)
        .map_err(|_| Rejection::BadQuery)
}

pub(super) fn private(body: impl serde::Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

fn user_row(user: User) -> UserRow {
    UserRow {
        id: user.id,
        username: user.username,
        roles: user.roles,
        scope: user.scope,
        disabled: user.disabled,
        created_at: user.created_at.as_secs(),
        password_changed_at: user.password_changed_at.as_secs(),
    }
}

fn session_row((session, username): (Session, String)) -> SessionRow {
    SessionRow {
        sid: session.sid,
        user_id: session.user_id,
        username,
        client_id: session.client_id,
        scope: session.scope,
        created_at: session.created_at.as_secs(),
        last_used_at: session.last_used_at.as_secs(),
        expires_at: session.idle_expires_at.min(session.expires_at).as_secs(),
    }
}

fn key_row(key: SigningKeyRecord) -> Key {
    Key {
        kid: key.kid,
        alg: key.algorithm.name().to_owned(),
        state: key.state.as_str().to_owned(),
        created_at: key.created_at.as_secs(),
    }
}

fn audit_line((number, event): (u64, AuditEvent)) -> AuditLine {
    AuditLine {
        number,
        at: event.at.as_secs(),
        event: event.kind.as_str().to_owned(),
        user_id: event.user_id,
        username: event.username,
        sid: event.sid,
        actor: event.actor,
        network: event.network,
        detail: event.detail,
    }
}
