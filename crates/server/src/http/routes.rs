//! Every route on one screen.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use countersign_guard::Guard;
use countersign_wire::paths;

use super::origin::TrustedProxies;
use super::problem::Rejection;
use super::{account, health, login, logout, refresh, revocations, well_known};
use crate::flow::Authority;

/// What the handlers share: the authority that signs, and the guard over its own routes.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) authority: Arc<Authority>,
    pub(crate) guard: Guard,
    pub(crate) proxies: TrustedProxies,
}

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route(paths::LOGIN, post(login::login))
        .route(paths::REFRESH, post(refresh::refresh))
        .route(paths::LOGOUT, post(logout::logout))
        .route(paths::ME, get(account::me))
        .route(
            paths::SESSIONS,
            get(account::sessions).delete(account::end_sessions),
        )
        .route(
            &format!("{}/{{sid}}", paths::SESSIONS),
            delete(account::end_session),
        )
        .route(paths::PASSWORD, post(account::password))
        .route(paths::JWKS, get(well_known::key_set))
        .route(paths::OPENID_CONFIGURATION, get(well_known::metadata))
        .route(paths::OAUTH_AUTHORIZATION_SERVER, get(well_known::metadata))
        .route(paths::REVOCATIONS, get(revocations::revocations))
        .route(paths::HEALTHZ, get(health::healthz))
        .route(paths::READYZ, get(health::readyz))
        .fallback(|| async { Rejection::NoSuchRoute })
        .method_not_allowed_fallback(|| async { Rejection::WrongMethod })
        .with_state(shared)
}

impl FromRef<Shared> for Arc<Authority> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.authority)
    }
}

impl FromRef<Shared> for Guard {
    fn from_ref(shared: &Shared) -> Self {
        shared.guard.clone()
    }
}
