//! `countersign client`: the programs that may ask for tokens.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use countersign::{Algorithm, UnixTime};
use countersign_issuer::client::{Authentication, ClientKeys, ClientTerms};
use countersign_issuer::{Client, ClientSecret, GrantType};
use countersign_server::{NewClient, Proof, Registry};
use serde::Serialize;

use super::database::DatabaseArgs;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

const PAGE: u32 = 200;

/// Add, list and change OAuth clients. Works beside a running server: it notices within a moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign client add billing --scope invoices:read
  countersign client rotate-secret billing
  countersign client list")]
pub(crate) struct ClientArgs {
    #[command(subcommand)]
    command: ClientCommand,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Add a client; its secret is shown this once
    ///
    /// Without more it is a service that has tokens in its own name, with no scope, for the
    /// server's own audience.
    Add(Box<AddArgs>),
    /// List the clients
    List,
    /// Show what a client may ask for
    Show {
        /// The client's id
        id: String,
    },
    /// Give a client another secret; the one it has goes on for a while
    RotateSecret {
        /// The client's id
        id: String,
        /// For how many seconds the old secret goes on; 0 for one that has leaked
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        keep: u64,
    },
    /// Keep a client out: its users' sessions end, its own tokens are refused by every guard
    Disable {
        /// The client's id
        id: String,
    },
    /// Let a disabled client in again
    Enable {
        /// The client's id
        id: String,
    },
    /// Delete a client, with all that ends when it is disabled
    Delete {
        /// The client's id
        id: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The `client_id`: letters, digits and `-._~`
    id: String,
    /// What people call it
    #[arg(long, default_value = "", value_name = "TEXT")]
    name: String,
    /// It can keep no secret (a browser, a telephone), so it has its users' tokens only
    #[arg(long, conflicts_with = "jwks")]
    public: bool,
    /// It proves who it is by signatures (`private_key_jwt`): its public keys, a JWK Set or a JWK
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// What it may come for; may be given twice [default: client_credentials; refresh_token if it
    /// is public; nothing if it only serves an audience]
    #[arg(long = "grant", value_enum, value_name = "GRANT")]
    grants: Vec<Grant>,
    /// A scope it may ask for; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An audience it may ask for; may be given several times [default: the server's]
    #[arg(long = "audience", value_name = "NAME")]
    audiences: Vec<String>,
    /// An audience it answers to, as an API: it may introspect tokens for it; may be given several
    /// times
    #[arg(long = "serves", value_name = "NAME")]
    serves: Vec<String>,
    /// A role of its own tokens, and one that tokens of its users may have; may be given several
    /// times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// For how many seconds a session of its users may lie unused [default: the server's]
    #[arg(long, value_name = "SECONDS")]
    session_idle: Option<u64>,
    /// How many seconds a session of its users lasts at most [default: the server's]
    #[arg(long, value_name = "SECONDS")]
    session_absolute: Option<u64>,
    /// How many seconds its access tokens live; never more than the server's
    #[arg(long, value_name = "SECONDS")]
    access_life: Option<u64>,
    /// How its access tokens are signed [default: as the audience needs it]
    #[arg(long, value_name = "ALG")]
    algorithm: Option<Algorithm>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    /// Tokens in its own name
    ClientCredentials,
    /// Tokens of users who sign in through it
    RefreshToken,
}

impl From<Grant> for GrantType {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::ClientCredentials => Self::ClientCredentials,
            Grant::RefreshToken => Self::RefreshToken,
        }
    }
}

pub(crate) fn run(args: ClientArgs) -> Result<(), Failure> {
    let ClientArgs {
        command,
        database,
        json,
    } = args;
    super::run_async(async {
        let config = database.existing()?;
        // Before anything is opened: what is wrong with the arguments changes nothing.
        let command = match command {
            ClientCommand::Add(add) => Prepared::Add(Box::new(add.client()?)),
            other => Prepared::Other(other),
        };
        let registry = Registry::open(&config).await.map_err(Failure::failed)?;
        let outcome = match command {
            Prepared::Add(new) => add(&registry, *new, json).await,
            Prepared::Other(command) => change(&registry, command, json).await,
        };
        registry.close().await;
        outcome
    })
}

enum Prepared {
    Add(Box<NewClient>),
    Other(ClientCommand),
}

async fn add(registry: &Registry, new: NewClient, json: bool) -> Result<(), Failure> {
    let (client, secret) = registry.add(new).await.map_err(Failure::failed)?;
    shown(&client, secret.as_ref(), json, "added")
}

async fn change(registry: &Registry, command: ClientCommand, json: bool) -> Result<(), Failure> {
    match command {
        ClientCommand::Add(_) => Ok(()),
        ClientCommand::List => list(registry, json).await,
        ClientCommand::Show { id } => {
            let client = registry.client(&id).await.map_err(Failure::failed)?;
            show(&client, json)
        }
        ClientCommand::RotateSecret { id, keep } => {
            let keep = Duration::from_secs(keep);
            let rotated = registry.rotate_secret(&id, keep).await;
            let (client, secret) = rotated.map_err(Failure::failed)?;
            shown(&client, Some(&secret), json, "new secret of")
        }
        ClientCommand::Disable { id } => {
            let ended = registry.disable(&id).await.map_err(Failure::failed)?;
            say(&id, ended, json, "disabled")
        }
        ClientCommand::Enable { id } => {
            registry.enable(&id).await.map_err(Failure::failed)?;
            say(&id, 0, json, "enabled")
        }
        ClientCommand::Delete { id } => {
            let ended = registry.delete(&id).await.map_err(Failure::failed)?;
            say(&id, ended, json, "deleted")
        }
    }
}

async fn list(registry: &Registry, json: bool) -> Result<(), Failure> {
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let after = clients.last().map(|client| client.client_id.clone());
        let page = registry.list(after.as_deref(), PAGE).await;
        let page = page.map_err(Failure::failed)?;
        let last = page.len() < PAGE as usize;
        clients.extend(page);
        if last {
            break;
        }
    }
    if json {
        return output::json(&clients.iter().map(Row::from).collect::<Vec<_>>());
    }
    if clients.is_empty() {
        return output::note("no clients yet; add one with: countersign client add ID");
    }
    let widest = clients.iter().map(|client| client.client_id.len()).max();
    let widest = widest.unwrap_or_default();
    for client in &clients {
        let state = if client.disabled {
            "disabled"
        } else {
            "active"
        };
        let line = format!(
            "{:widest$}  {state:8}  {:19}  {}",
            client.client_id,
            client.authentication.method(),
            printable(&client.name)
        );
        output::line(line.trim_end())?;
    }
    Ok(())
}

fn show(client: &Client, json: bool) -> Result<(), Failure> {
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
        Some(end) => format!("one until {}", super::date(UnixTime::from_secs(end))),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The client, and the secret if one was made. Words go to standard error, so that the secret alone
/// can be piped on.
fn shown(
    client: &Client,
    secret: Option<&ClientSecret>,
    json: bool,
    word: &str,
) -> Result<(), Failure> {
    let secret = secret.map(ClientSecret::expose);
    if json {
        return output::json(&WithSecret {
            client: Row::from(client),
            client_secret: secret,
        });
    }
    let id = &client.client_id;
    match secret {
        None => output::note(&format!("{word} {id}")),
        Some(secret) => {
            output::note(&format!("{word} {id}; this secret is shown this once:"))?;
            output::line(secret)
        }
    }
}

fn say(id: &str, ended: usize, json: bool, word: &str) -> Result<(), Failure> {
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

impl AddArgs {
    fn client(self) -> Result<NewClient, Failure> {
        let proof = match (self.public, self.jwks) {
            (true, _) => Proof::None,
            (false, None) => Proof::Secret,
            (false, Some(file)) => {
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
                let keys = ClientKeys::from_json(&text)
                    .map_err(|bad| Failure::failed(format!("{}: {bad}", file.display())))?;
                Proof::Keys(keys)
            }
        };
        let grants = self.grants.into_iter().map(GrantType::from);
        let grants: Vec<_> = grants.collect();
        Ok(NewClient {
            client_id: self.id,
            name: self.name,
            proof,
            grant_types: (!grants.is_empty()).then_some(grants),
            scope: self.scopes.join(" "),
            audiences: self.audiences,
            serves: self.serves,
            roles: self.roles,
            terms: ClientTerms {
                session_idle: self.session_idle.map(Duration::from_secs),
                session_absolute: self.session_absolute.map(Duration::from_secs),
                access_life: self.access_life.map(Duration::from_secs),
                algorithm: self.algorithm,
            },
        })
    }
}

/// A client as it is printed.
#[derive(Serialize)]
struct Row {
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
