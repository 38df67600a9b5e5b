//! A client as it is printed, and what was done to it.

use std::path::Path;
use std::time::Duration;

use countersign::{Algorithm, UnixTime};
use countersign_issuer::client::Authentication;
use countersign_issuer::{Client, ClientSecret};
use serde::Serialize;

use super::super::date;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

pub(super) fn show(client: &Client, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&Row::from(client));
    }
    let row = Row::from(client);
    let seconds = |life: Option<u64>| life.map(|life| format!("{life} s"));
    let lines = [
        ("client_id", Some(row.client_id.clone())),
        ("name", Some(row.name.clone())),
        (
            "state",
            Some(if row.disabled { "disabled" } else { "active" }.to_owned()),
        ),
        (
            "proves itself by",
            Some(row.token_endpoint_auth_method.to_owned()),
        ),
        (
            "secrets",
            (!row.secrets.is_empty()).then(|| described(&row.secrets)),
        ),
        ("grants", Some(row.grant_types.join(" "))),
        ("scope", Some(row.scope.clone())),
        ("audiences", Some(row.audiences.join(" "))),
        ("serves", Some(row.serves.join(" "))),
        ("roles", Some(row.roles.join(" "))),
        ("session idle", seconds(row.session_idle)),
        ("session absolute", seconds(row.session_absolute)),
        ("access token life", seconds(row.access_life)),
        ("algorithm", row.algorithm.map(str::to_owned)),
    ];
    for (name, value) in lines {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            output::line(&format!("{name:18}{}", printable(&value)))?;
        }
    }
    Ok(())
}

/// How many secrets there are, and when they end: all that can be known of them.
fn described(secrets: &[SecretRow]) -> String {
    let each = secrets.iter().map(|secret| match secret.expires_at {
        None => "one without an end".to_owned(),
        Some(end) => format!("one until {}", date(UnixTime::from_secs(end))),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Where the secret is that was made.
pub(super) enum Secret<'a> {
    /// There is none.
    None,
    /// To be printed here, this once.
    Here(&'a ClientSecret),
    /// In a file already.
    In(&'a Path),
}

/// The client, and the secret if one was made. Words go to standard error, so that the secret alone
/// can be piped on.
pub(super) fn shown(
    client: &Client,
    secret: &Secret<'_>,
    json: bool,
    word: &str,
) -> Result<(), Failure> {
    if json {
        let client_secret = match secret {
            Secret::Here(secret) => Some(secret.expose()),
            Secret::None | Secret::In(_) => None,
        };
        return output::json(&WithSecret {
            client: Row::from(client),
            client_secret,
        });
    }
    let id = &client.client_id;
    match secret {
        Secret::None => output::note(&format!("{word} {id}")),
        Secret::In(file) => {
            let file = file.display();
            output::note(&format!("{word} {id}; the secret is in {file}"))
        }
        Secret::Here(secret) => {
            output::note(&format!("{word} {id}; this secret is shown this once:"))?;
            output::line(secret.expose())
        }
    }
}

pub(super) fn say(id: &str, ended: usize, json: bool, word: &str) -> Result<(), Failure> {
    if json {
        return output::json(&Changed {
            client_id: id,
            sessions_ended: ended,
        });
    }
    output::note(&match ended {
        0 => format!("{word} {id}"),
        1 => format!("{word} {id}, 1 session ended"),
        more => format!("{word} {id}, {more} sessions ended"),
    })
}

/// A client as it is printed.
#[derive(Serialize)]
pub(super) struct Row {
    client_id: String,
    name: String,
    token_endpoint_auth_method: &'static str,
    secrets: Vec<SecretRow>,
    grant_types: Vec<&'static str>,
    scope: String,
    audiences: Vec<String>,
    serves: Vec<String>,
    roles: Vec<String>,
    session_idle: Option<u64>,
    session_absolute: Option<u64>,
    access_life: Option<u64>,
    algorithm: Option<&'static str>,
    disabled: bool,
    created_at: u64,
}

#[derive(Serialize)]
struct SecretRow {
    expires_at: Option<u64>,
}

#[derive(Serialize)]
struct WithSecret<'a> {
    #[serde(flatten)]
    client: Row,
    client_secret: Option<&'a str>,
}

#[derive(Serialize)]
struct Changed<'a> {
    client_id: &'a str,
    sessions_ended: usize,
}

impl From<&Client> for Row {
    fn from(client: &Client) -> Self {
        let secrets = match &client.authentication {
            Authentication::Secrets(secrets) => secrets.as_slice(),
            Authentication::None | Authentication::Keys(_) => &[],
        };
        let secrets = secrets.iter().map(|secret| SecretRow {
            expires_at: secret.expires_at().map(UnixTime::as_secs),
        });
        let terms = &client.terms;
        let seconds = |life: Option<Duration>| life.map(|life| life.as_secs());
        Self {
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            token_endpoint_auth_method: client.authentication.method(),
            secrets: secrets.collect(),
            grant_types: client
                .grant_types
                .iter()
                .map(|kind| kind.as_str())
                .collect(),
            scope: client.scope.clone(),
            audiences: client.audiences.clone(),
            serves: client.serves.clone(),
            roles: client.roles.clone(),
            session_idle: seconds(terms.session_idle),
            session_absolute: seconds(terms.session_absolute),
            access_life: seconds(terms.access_life),
            algorithm: terms.algorithm.map(Algorithm::name),
            disabled: client.disabled,
            created_at: client.created_at.as_secs(),
        }
    }
}
