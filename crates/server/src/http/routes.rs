//! Every route on one screen.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post, put};
use countersign_wire::paths;

use super::admin::{audit, clients, keys, sessions, users};
use super::named::Naming;
use super::problem::Rejection;
use super::scrape::{Readers, alone, scraped};
use super::shared::Shared;
use super::{
    account, cors, health, login, logout, metrics, named, oauth, openapi, refresh, revocations,
    verify, well_known,
};
use crate::metrics::Traffic;
use crate::seldom::Seldom;

/// What a server's listeners serve.
pub(crate) struct Routers {
    pub(crate) api: Router,
    /// The numbers alone.
    pub(crate) metrics: Router,
}

/// The pages of `browser_origins` may read the answers as well; `readers` the numbers, beside the
/// API.
pub(crate) fn routers(shared: Shared, browser_origins: &[String], readers: Readers) -> Routers {
    let (routes, public) = (routes(), public(shared.authority.issuer()));
    let paths = [&routes.paths, &public.paths]
        .into_iter()
        .flatten()
        .cloned();
    let traffic = Arc::new(Traffic::over(paths.chain([paths::METRICS.to_owned()])));
    let page = {
        let (shared, traffic) = (shared.clone(), Arc::clone(&traffic));
        move || metrics::page(&shared, &traffic)
    };
    let wrong_method = || async { Rejection::WrongMethod };
    // Before the layers: they answer what a browser asks beforehand, by a method of no route.
    let routes = routes.router.method_not_allowed_fallback(wrong_method);
    let public = public.router.method_not_allowed_fallback(wrong_method);
    let routes = if browser_origins.is_empty() {
        routes
    } else {
        routes.layer(cors::configured(browser_origins))
    };
    let naming = Naming {
        proxies: shared.proxies.clone(),
        traffic,
        turned_away: Arc::new(Seldom::new()),
        others: shared.authority.others(),
    };
    let api = routes
        .merge(public.layer(cors::public()))
        .route(paths::METRICS, scraped(readers, page.clone()))
        .fallback(|| async { Rejection::NoSuchRoute })
        .with_state(shared)
        .layer(from_fn_with_state(naming, named::named));
    Routers {
        api,
        metrics: alone(page),
    }
}

/// Routes, and their paths for whoever counts by them.
struct Routes {
    router: Router<Shared>,
    paths: Vec<String>,
}

impl Routes {
    fn new() -> Self {
        Self {
            router: Router::new(),
            paths: Vec::new(),
        }
    }

    fn route(mut self, path: &str, methods: MethodRouter<Shared>) -> Self {
        self.paths.push(path.to_owned());
        self.router = Router::route(self.router, path, methods);
        self
    }

    fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        self.router = self.router.merge(other.router);
        self
    }
}

fn routes() -> Routes {
    Routes::new()
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
fn public(issuer: &str) -> Routes {
    let routes = Routes::new()
        .route(paths::JWKS, get(well_known::key_set))
        .route(paths::OPENID_CONFIGURATION, get(well_known::metadata))
        .route(paths::OAUTH_AUTHORIZATION_SERVER, get(well_known::metadata))
        .route(paths::OPENAPI, get(openapi::openapi));
    let more = well_known::before_the_path(issuer).into_iter().flatten();
    more.fold(routes, |routes, path| {
        Routes::route(routes, &path, get(well_known::metadata))
    })
}

/// The routes for callers with the role `admin`.
fn admin() -> Routes {
    let below = |path: &str, rest: &str| format!("{path}{rest}");
    Routes::new()
        .route(paths::ADMIN_USERS, get(users::list).post(users::add))
        .route(
            &below(paths::ADMIN_USERS, "/{name}"),
            get(users::show).patch(users::change).delete(users::delete),
        )
        .route(
            &below(paths::ADMIN_USERS, "/{name}/password"),
            put(users::set_password),
        )
        .route(
            paths::ADMIN_SESSIONS,
            get(sessions::list).delete(sessions::end_all),
        )
        .route(
            &below(paths::ADMIN_SESSIONS, "/{sid}"),
            delete(sessions::end),
        )
        .route(paths::ADMIN_CLIENTS, get(clients::list).post(clients::add))
        .route(
            &below(paths::ADMIN_CLIENTS, "/{id}"),
            get(clients::show)
                .patch(clients::change)
                .delete(clients::delete),
        )
        .route(
            &below(paths::ADMIN_CLIENTS, "/{id}/secret"),
            post(clients::rotate_secret),
        )
        .route(paths::ADMIN_KEYS, get(keys::list))
        .route(&below(paths::ADMIN_KEYS, "/rotate"), post(keys::rotate))
        .route(&below(paths::ADMIN_KEYS, "/{kid}"), delete(keys::withdraw))
        .route(paths::ADMIN_AUDIT, get(audit::list))
}
