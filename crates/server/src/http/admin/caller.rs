//! Who may call `/admin/…`, and what is laid in the hands of those who may.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use countersign_guard::{Caller, Requirements};

use crate::flow::{Administrator, Custodian, Directory, Oversight, Registry};
use crate::http::shared::Shared;

/// The role that opens these routes.
const ROLE: &str = "admin";

/// A caller with the role `admin`, and what one may lay hands on, in the own name.
pub(in crate::http) struct Admin {
    pub(super) directory: Directory,
    pub(super) oversight: Oversight,
    pub(super) custodian: Custodian,
    pub(super) registry: Registry,
}

impl FromRequestParts<Shared> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let guard = shared.admins();
        let caller: Caller = Caller::from_request_parts(parts, guard)
            .await
            .map_err(IntoResponse::into_response)?;
        guard
            .require(&caller, &Requirements::new().role(ROLE))
            .map_err(IntoResponse::into_response)?;
        let authority = || Arc::clone(&shared.authority);
        let administrator = Administrator::of(authority()).acting(caller.sub());
        Ok(Self {
            directory: shared.directory.clone().acting(caller.sub()),
            oversight: Oversight::of(administrator.clone()),
            custodian: Custodian::of(authority()).acting(caller.sub()),
            registry: Registry::of(administrator),
        })
    }
}

pub(super) fn private(body: impl serde::Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}
