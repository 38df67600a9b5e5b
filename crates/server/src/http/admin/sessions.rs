//! `/admin/sessions`: everybody's sessions, seen and ended.

use axum::http::StatusCode;
use axum::response::Response;
use countersign_issuer::record::Session;
use countersign_wire::admin::{EndedSessions, SessionPage, SessionRow};
use serde::Deserialize;

use super::caller::{Admin, private};
use crate::flow::SessionsOf;
use crate::http::problem::Rejection;
use crate::http::query::{Page, Parameters, Query};
use crate::http::segment::Segment;

/// `GET /admin/sessions`.
pub(in crate::http) async fn list(
    admin: Admin,
    Query(page): Query<Page>,
) -> Result<Response, Rejection> {
    let sessions = admin
        .oversight
        .sessions(page.after.as_deref(), page.limit())
        .await?;
    let sessions = sessions.into_iter().map(row).collect();
    Ok(private(SessionPage { sessions }))
}

/// `DELETE /admin/sessions/{sid}`. 204 also when it was over already.
pub(in crate::http) async fn end(
    admin: Admin,
    Segment(sid): Segment,
) -> Result<StatusCode, Rejection> {
    admin.oversight.end(SessionsOf::Sid(sid)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose sessions to end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OfUser {
    user: String,
}

impl Parameters for OfUser {
    const TAKEN: &'static str = "`user`, the name of one user";
}

/// `DELETE /admin/sessions?user=NAME`: every session of a user.
pub(in crate::http) async fn end_all(
    admin: Admin,
    Query(of): Query<OfUser>,
) -> Result<Response, Rejection> {
    let ended = admin.oversight.end(SessionsOf::User(of.user)).await?;
    let ended = u64::try_from(ended.len()).unwrap_or(u64::MAX);
    Ok(private(EndedSessions { ended }))
}

fn row((session, username): (Session, String)) -> SessionRow {
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
