//! `/admin/keys`: signing keys, rotated before their time or withdrawn after a leak.

use axum::http::StatusCode;
use axum::response::Response;
use countersign_issuer::record::SigningKeyRecord;
use countersign_wire::admin::{Key, KeyList};

use super::caller::{Admin, private};
use crate::http::problem::Rejection;
use crate::http::segment::Segment;

/// `GET /admin/keys`.
pub(in crate::http) async fn list(admin: Admin) -> Result<Response, Rejection> {
    let keys = admin.custodian.list().await?;
    let keys = keys.into_iter().map(row).collect();
    Ok(private(KeyList { keys }))
}

/// `POST /admin/keys/rotate`: the pending keys sign from now on.
pub(in crate::http) async fn rotate(admin: Admin) -> Result<Response, Rejection> {
    admin.custodian.rotate().await?;
    list(admin).await
}

/// `DELETE /admin/keys/{kid}`: a leaked key is withdrawn.
pub(in crate::http) async fn withdraw(
    admin: Admin,
    Segment(kid): Segment,
) -> Result<StatusCode, Rejection> {
    admin.custodian.withdraw(&kid).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn row(key: SigningKeyRecord) -> Key {
    Key {
        kid: key.kid,
        alg: key.algorithm.name().to_owned(),
        state: key.state.as_str().to_owned(),
        created_at: key.created_at.as_secs(),
    }
}
