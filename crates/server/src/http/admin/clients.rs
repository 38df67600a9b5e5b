//! `/admin/clients`: OAuth clients.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign::{Algorithm, UnixTime};
use countersign_issuer::client::{Authentication, BadClient, ClientKeys, ClientTerms};
use countersign_issuer::{Client, ClientSecret, GrantType};
use countersign_wire::clients as wire;

use super::caller::{Admin, private};
use crate::flow::{ClientChange, NewClient, Proof, RegistryError};
use crate::http::body::{Json, OptionalJson};
use crate::http::problem::Rejection;
use crate::http::query::{Page, Query};
use crate::http::segment::Segment;

/// How long a secret that is replaced goes on, if nothing is said.
const KEEP: Duration = Duration::from_secs(86_400);

/// `GET /admin/clients`.
pub(in crate::http) async fn list(
    admin: Admin,
    Query(page): Query<Page>,
) -> Result<Response, Rejection> {
    let clients = admin
        .registry
        .list(page.after.as_deref(), page.limit())
        .await?;
    let clients = clients.into_iter().map(row).collect();
    Ok(private(wire::ClientPage { clients }))
}

/// `POST /admin/clients`: the secret is in this answer and in no other.
pub(in crate::http) async fn add(
    admin: Admin,
    Json(new): Json<wire::NewClient>,
) -> Result<Response, Rejection> {
    let keys = new.jwks.as_ref().map(keys).transpose()?;
    let proof = match (new.token_endpoint_auth_method.as_deref(), keys) {
        (None | Some("private_key_jwt"), Some(keys)) => Proof::Keys(keys),
        (None | Some("client_secret_basic" | "client_secret_post"), None) => Proof::Secret,
        (Some("none"), None) => Proof::None,
        _ => {
            return Err(shape(
                "token_endpoint_auth_method and jwks that go together",
            ));
        }
    };
    let new = NewClient {
        client_id: new.client_id,
        name: new.name,
        proof,
        grant_types: new.grant_types.as_deref().map(grant_types).transpose()?,
        scope: new.scope,
        audiences: new.audiences,
        serves: new.serves,
        roles: new.roles,
        terms: ClientTerms {
            session_idle: new.session_idle.map(Duration::from_secs),
            session_absolute: new.session_absolute.map(Duration::from_secs),
            access_life: new.access_life.map(Duration::from_secs),
            algorithm: new.algorithm.as_deref().map(algorithm).transpose()?,
        },
    };
    let (client, secret) = admin.registry.add(new).await?;
    let answer = answer(client, secret.as_ref());
    Ok((StatusCode::CREATED, private(answer)).into_response())
}

/// `GET /admin/clients/{id}`.
pub(in crate::http) async fn show(
    admin: Admin,
    Segment(id): Segment,
) -> Result<Response, Rejection> {
    Ok(private(row(admin.registry.client(&id).await?)))
}

/// `PATCH /admin/clients/{id}`: all that is said, or nothing.
pub(in crate::http) async fn change(
    admin: Admin,
    Segment(id): Segment,
    Json(change): Json<wire::ClientChange>,
) -> Result<Response, Rejection> {
    let seconds = |life: Option<Option<u64>>| life.map(|life| life.map(Duration::from_secs));
    let own = match &change.algorithm {
        None => None,
        Some(name) => Some(name.as_deref().map(algorithm).transpose()?),
    };
    let asked = ClientChange {
        name: change.name,
        keys: change.jwks.as_ref().map(keys).transpose()?,
        grant_types: change.grant_types.as_deref().map(grant_types).transpose()?,
        scope: change.scope,
        audiences: change.audiences,
        serves: change.serves,
        roles: change.roles,
        session_idle: seconds(change.session_idle),
        session_absolute: seconds(change.session_absolute),
        access_life: seconds(change.access_life),
        algorithm: own,
        disabled: change.disabled,
    };
    if !asked.is_empty() {
        admin.registry.change(&id, &asked).await?;
    }
    Ok(private(row(admin.registry.client(&id).await?)))
}

/// `POST /admin/clients/{id}/secret`: another secret, shown in this answer and in no other.
pub(in crate::http) async fn rotate_secret(
    admin: Admin,
    Segment(id): Segment,
    OptionalJson(asked): OptionalJson<wire::NewSecret>,
) -> Result<Response, Rejection> {
    let keep = asked.unwrap_or_default().keep;
    let keep = keep.map_or(KEEP, Duration::from_secs);
    let (client, secret) = admin.registry.rotate_secret(&id, keep).await?;
    Ok(private(answer(client, Some(&secret))))
}

/// `DELETE /admin/clients/{id}`.
pub(in crate::http) async fn delete(
    admin: Admin,
    Segment(id): Segment,
) -> Result<StatusCode, Rejection> {
    admin.registry.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(client: Client, secret: Option<&ClientSecret>) -> wire::ClientAnswer {
    wire::ClientAnswer {
        client: row(client),
        client_secret: secret.map(|secret| secret.expose().to_owned()),
    }
}

fn row(client: Client) -> wire::ClientRow {
    let method = client.authentication.method().to_owned();
    let (secrets, jwks) = match &client.authentication {
        Authentication::None => (Vec::new(), None),
        Authentication::Keys(keys) => (Vec::new(), serde_json::from_str(&keys.to_json()).ok()),
        Authentication::Secrets(secrets) => {
            let ends = secrets.iter().map(|secret| wire::SecretRow {
                expires_at: secret.expires_at().map(UnixTime::as_secs),
            });
            (ends.collect(), None)
        }
    };
    let seconds = |life: Option<Duration>| life.map(|life| life.as_secs());
    let kinds = client.grant_types.iter();
    wire::ClientRow {
        client_id: client.client_id,
        name: client.name,
        token_endpoint_auth_method: method,
        secrets,
        jwks,
        grant_types: kinds.map(|kind| kind.as_str().to_owned()).collect(),
        scope: client.scope,
        audiences: client.audiences,
        serves: client.serves,
        roles: client.roles,
        session_idle: seconds(client.terms.session_idle),
        session_absolute: seconds(client.terms.session_absolute),
        access_life: seconds(client.terms.access_life),
        algorithm: client.terms.algorithm.map(|it| it.name().to_owned()),
        disabled: client.disabled,
        created_at: client.created_at.as_secs(),
    }
}

fn keys(jwks: &serde_json::Value) -> Result<ClientKeys, Rejection> {
    ClientKeys::from_json(&jwks.to_string()).map_err(|bad| RegistryError::Bad(bad).into())
}

fn grant_types(names: &[String]) -> Result<Vec<GrantType>, Rejection> {
    let kinds = names.iter().map(|name| GrantType::from_name(name));
    let kinds = kinds.collect::<Option<Vec<_>>>();
    kinds.ok_or_else(|| shape("grant_types of client_credentials and refresh_token"))
}

fn algorithm(name: &str) -> Result<Algorithm, Rejection> {
    Algorithm::from_name(name).ok_or_else(|| RegistryError::Bad(BadClient::Algorithm).into())
}

fn shape(expected: &str) -> Rejection {
    Rejection::BodyMismatch {
        detail: format!("expected {expected}"),
    }
}
