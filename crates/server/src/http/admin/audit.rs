//! `/admin/audit`: what happened, line by line.

use axum::response::Response;
use countersign_issuer::record::AuditEvent;
use countersign_wire::admin::{AuditLine, AuditPage};

use super::caller::{Admin, private};
use crate::http::problem::Rejection;
use crate::http::query::{Page, Query};

/// `GET /admin/audit`.
pub(in crate::http) async fn list(
    admin: Admin,
    Query(page): Query<Page>,
) -> Result<Response, Rejection> {
    let after = match &page.after {
        Some(number) => number.parse().map_err(|_| Rejection::BadCursor)?,
        None => 0,
    };
    let lines = admin.oversight.audit_log(after, page.limit()).await?;
    let lines = lines.into_iter().map(line).collect();
    Ok(private(AuditPage { lines }))
}

fn line((number, event): (u64, AuditEvent)) -> AuditLine {
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
