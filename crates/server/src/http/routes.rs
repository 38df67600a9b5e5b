//! Every route on one screen.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use countersign_wire::paths;

use super::problem::Rejection;
use super::shared::Shared;
use super::{
    account, admin, clients, cors, health, login, logout, named, oauth, openapi, refresh,
    revocations, verify, well_known,
};

/// The pages of `browser_origins` may read the answers as well.
pub(crate) fn router(shared: Shared, browser_origins: &[String]) -> Router {
    let wrong_method = || async { Rejection::WrongMethod };
    // Before the layers: they answer what a browser asks beforehand, by a method of no route.
    let routes = routes().method_not_allowed_fallback(wrong_method);
    let public = public().method_not_allowed_fallback(wrong_method);
    let routes = if browser_origins.is_empty() {
        routes
    } else {
        routes.layer(cors::configured(browser_origins))
    };
    let proxies = shared.proxies.clone();
    routes
        .merge(public.layer(cors::public()))
        .fallback(|| async { Rejection::NoSuchRoute })
        .with_state(shared)
        .layer(from_fn_with_state(proxies, named::named))
}

fn routes() -> Router<Shared> {
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
        .route(paths::OAUTH_TOKEN, post(oauth::token))
        .route(paths::OAUTH_INTROSPECT, post(oauth::introspect))
        .route(paths::OAUTH_REVOKE, post(oauth::revoke))
        .merge(admin())
        .route(paths::REVOCATIONS, get(revocations::revocations))
        .route(paths::VERIFY, get(verify::verify))
        .route(paths::HEALTHZ, get(health::healthz))
        .route(paths::READYZ, get(health::readyz))
}

/// What any page of any origin may read.
fn public() -> Router<Shared> {
    Router::new()
        .route(paths::JWKS, get(well_known::key_set))
        .route(paths::OPENID_CONFIGURATION, get(well_known::metadata))
        .route(paths::OAUTH_AUTHORIZATION_SERVER, get(well_known::metadata))
        .route(paths::OPENAPI, get(openapi::openapi))
}

/// The routes for callers with the role `admin`.
fn admin() -> Router<Shared> {
    let below = |path: &str, rest: &str| format!("{path}{rest}");
    Router::new()
        .route(paths::ADMIN_USERS, get(admin::users).post(admin::add_user))
        .route(
            &below(paths::ADMIN_USERS, "/{name}"),
            get(admin::user)
                .patch(admin::change_user)
                .delete(admin::delete_user),
        )
        .route(
            &below(paths::ADMIN_USERS, "/{name}/password"),
            put(admin::set_password),
        )
        .route(
            paths::ADMIN_SESSIONS,
            get(admin::sessions).delete(admin::end_sessions),
        )
        .route(
            &below(paths::ADMIN_SESSIONS, "/{sid}"),
            delete(admin::end_session),
        )
        .route(
            paths::ADMIN_CLIENTS,
            get(clients::clients).post(clients::add),
        )
        .route(
            &below(paths::ADMIN_CLIENTS, "/{id}"),
            get(clients::client)
                .patch(clients::change)
                .delete(clients::delete),
        )
        .route(
            &below(paths::ADMIN_CLIENTS, "/{id}/secret"),
            post(clients::rotate_secret),
        )
        .route(paths::ADMIN_KEYS, get(admin::keys))
        .route(
            &below(paths::ADMIN_KEYS, "/rotate"),
            post(admin::rotate_keys),
        )
        .route(
            &below(paths::ADMIN_KEYS, "/{kid}"),
            delete(admin::withdraw_key),
        )
        .route(paths::ADMIN_AUDIT, get(admin::audit))
}
