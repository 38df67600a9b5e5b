//! `/admin/users`: users, and what they may do.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_issuer::Password;
use countersign_issuer::record::User;
use countersign_wire::admin::{NewPassword, NewUser, UserChange, UserPage, UserRow};

use super::caller::{Admin, private};
use crate::flow::Rights;
use crate::http::body::Json;
use crate::http::problem::Rejection;
use crate::http::query::{Page, Query};
use crate::http::segment::Segment;

/// `GET /admin/users`.
pub(in crate::http) async fn list(
    admin: Admin,
    Query(page): Query<Page>,
) -> Result<Response, Rejection> {
    let users = admin
        .directory
        .list(page.after.as_deref(), page.limit())
        .await?;
    let users = users.into_iter().map(row).collect();
    Ok(private(UserPage { users }))
}

/// `POST /admin/users`.
pub(in crate::http) async fn add(
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
    Ok((StatusCode::CREATED, private(row(user))).into_response())
}

/// `GET /admin/users/{name}`.
pub(in crate::http) async fn show(
    admin: Admin,
    Segment(name): Segment,
) -> Result<Response, Rejection> {
    Ok(private(row(admin.directory.user(&name).await?)))
}

/// `PATCH /admin/users/{name}`: all that is said, or nothing.
pub(in crate::http) async fn change(
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
    Ok(private(row(admin.directory.user(&name).await?)))
}

/// `PUT /admin/users/{name}/password`: every session of theirs ends.
pub(in crate::http) async fn set_password(
    admin: Admin,
    Segment(name): Segment,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Rejection> {
    let password = Password::new(new.password)?;
    admin.directory.set_password(&name, password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /admin/users/{name}`.
pub(in crate::http) async fn delete(
    admin: Admin,
    Segment(name): Segment,
) -> Result<StatusCode, Rejection> {
    admin.directory.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn row(user: User) -> UserRow {
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
