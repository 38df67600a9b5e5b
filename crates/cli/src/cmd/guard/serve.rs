//! The sidecar's own routes: the question, and how it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use countersign::UnixTime;
use countersign_guard::forward::{ForwardAuth, Policy};
use countersign_guard::wire::paths;
use countersign_guard::{AnyClaims, GuardBuilder, GuardError, IssuerHealth};
use countersign_server::config::Limits;
use countersign_server::{Readers, metrics_router, serve_plain};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::{open_files, stop};
use super::metrics::page;
use crate::cmd::listen::numbers_at;
use crate::failure::Failure;
use crate::output;

#[derive(Clone)]
struct Shared {
    forward: Arc<ForwardAuth<AnyClaims>>,
    since: UnixTime,
    readers: Readers,
}

/// Where to listen.
pub(super) struct Addresses {
    pub(super) listen: SocketAddr,
    /// For the numbers alone.
    pub(super) metrics: Option<SocketAddr>,
}

pub(super) async fn serve(
    addresses: Addresses,
    guard: GuardBuilder<AnyClaims>,
    policy: Policy<AnyClaims>,
) -> Result<(), Failure> {
    open_files::raise_for(Limits::default().connections, "")?;
    // Who asks early waits for the first answer instead of finding nobody.
    let (listener, address) = bound(addresses.listen).await?;
    let metrics = match addresses.metrics {
        Some(address) => Some(bound(address).await?),
        None => None,
    };
    let stopped = stop::signal().map_err(Failure::failed)?;
    if !address.ip().is_loopback() {
        output::warning(
            "questions and the tokens in them come over plain HTTP from other machines; let nobody \
             but the proxy reach this address",
        )?;
    }
    let guard = guard
        .follow_in_background()
        .await
        .map_err(|error| match error {
            GuardError::IssuerTwice(_) => Failure::usage(error),
            error => Failure::failed(error),
        })?;
    let issuers = guard.health(UnixTime::now());
    let names: Vec<_> = issuers
        .iter()
        .filter_map(|health| health.issuer.as_deref())
        .collect();
    output::note(&format!(
        "guarding on {address} with the tokens of {}",
        names.join(" and ")
    ))?;
    let shared = Shared {
        forward: Arc::new(ForwardAuth::new(guard, policy)),
        since: UnixTime::now(),
        readers: match metrics {
            Some(_) => Readers::Nobody,
            None => Readers::ThisMachine,
        },
    };
    // It ends with the runtime: who scrapes is not waited for.
    if let Some((listener, address)) = metrics {
        numbers_at(address)?;
        let shared = shared.clone();
        let router = metrics_router(move || metrics_page(&shared));
        tokio::spawn(serve_plain(listener, router, std::future::pending()));
    }
    serve_plain(listener, router(shared), async {
        // If the signal cannot be had after all, there is no reason to go on either.
        let _ = stopped.await;
    })
    .await;
    output::note("stopped")
}

async fn bound(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::failed(format!("cannot listen on {address}: {error}")))?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    Ok((listener, address))
}

fn metrics_page(shared: &Shared) -> String {
    page(&shared.forward, shared.since)
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route(paths::HEALTHZ, get(healthz))
        .route(paths::READYZ, get(readyz))
        .fallback(verify)
        .with_state(shared)
}

/// Everything at and below `/verify` is a question, with any method: some proxies ask with the
/// method, and below the path, of the request they ask about.
async fn verify(State(shared): State<Shared>, request: Request) -> Response {
    if request.uri().path() == paths::METRICS
        && let Some(numbers) = shared.readers.answer(&request, || metrics_page(&shared))
    {
        return numbers;
    }
    let (question, _body) = request.into_parts();
    let below = question.uri.path().strip_prefix(paths::VERIFY);
    if below.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        let problem = json!({
            "error": "not_found",
            "error_description": "Questions are answered at /verify",
        });
        return (StatusCode::NOT_FOUND, Json(problem)).into_response();
    }
    shared.forward.answer(&question).await.map(Body::from)
}

async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// 200 if the tokens of at least one issuer can be let in: if one of several is down, the others'
/// callers should not suffer for it.
async fn readyz(State(Shared { forward, .. }): State<Shared>) -> (StatusCode, Json<Value>) {
    let issuers = forward.guard().health(UnixTime::now());
    let ready = issuers.iter().any(|health| health.refuses.is_none());
    let (status, word) = if ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let issuers: Vec<_> = issuers.iter().map(described).collect();
    (status, Json(json!({"status": word, "issuers": issuers})))
}

fn described(health: &IssuerHealth) -> Value {
    // What has not come yet has no age.
    let seconds = |age: Option<Duration>| {
        age.filter(|age| *age != Duration::MAX)
            .map(|age| age.as_secs())
    };
    json!({
        "issuer": health.issuer,
        "ready": health.refuses.is_none(),
        "reason": health.refuses,
        "keys": health.keys,
        "key_age": seconds(health.key_age),
        "revocations_age": seconds(health.news_age),
    })
}
