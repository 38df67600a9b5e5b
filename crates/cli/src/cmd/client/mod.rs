//! `countersign client`: the programs that may ask for tokens.

mod change;
mod row;
mod secret_file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use countersign::Algorithm;
use countersign_issuer::client::{ClientKeys, ClientTerms};
use countersign_issuer::{Client, GrantType};
use countersign_server::{ClientChange, NewClient, Proof, Registry};

use self::change::ChangeArgs;
use self::row::{Row, Secret, say, show, shown};
use self::secret_file::SecretFile;
use super::database::DatabaseArgs;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

const PAGE: u32 = 200;

/// Add, list and change OAuth clients. Works beside a running server: it notices within a moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign client add billing --scope invoices:read
  countersign client change billing --scope invoices:read --scope invoices:list
  countersign client rotate-secret billing --out billing.secret
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
    /// Change what a client may ask for, all that is said or nothing
    ///
    /// What is not named stays as it is. A list that is named is the whole list from then on. What
    /// is taken away is in no token from then on; those that are out live for minutes.
    Change(Box<ChangeArgs>),
    /// Give a client another secret; the one it has goes on for a while
    RotateSecret {
        /// The client's id
        id: String,
        /// For how many seconds the old secret goes on; 0 for one that has leaked
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        keep: u64,
        /// The file for the secret, which must not be there yet; nobody but its owner may read it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
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
    /// The file for the secret, which must not be there yet; nobody but its owner may read it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["public", "jwks"])]
    out: Option<PathBuf>,
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
            ClientCommand::Add(add) => {
                let out = add.out.clone().map(SecretFile::new).transpose()?;
                Prepared::Add(Box::new(add.client()?), out)
            }
            ClientCommand::Change(change) => {
                let change = *change;
                Prepared::Change(change.id, Box::new(change.changes.into_change()?))
            }
            ClientCommand::RotateSecret { id, keep, out } => {
                let out = out.map(SecretFile::new).transpose()?;
                Prepared::RotateSecret(id, Duration::from_secs(keep), out)
            }
            other => Prepared::Other(other),
        };
        let registry = Registry::open(&config).await.map_err(Failure::failed)?;
        let outcome = match command {
            Prepared::Add(new, out) => add(&registry, *new, out, json).await,
            Prepared::Change(id, change) => changed(&registry, &id, &change, json).await,
            Prepared::RotateSecret(id, keep, out) => {
                rotate_secret(&registry, &id, keep, out, json).await
            }
            Prepared::Other(command) => other(&registry, command, json).await,
        };
        registry.close().await;
        outcome
    })
}

enum Prepared {
    Add(Box<NewClient>, Option<SecretFile>),
    Change(String, Box<ClientChange>),
    RotateSecret(String, Duration, Option<SecretFile>),
    Other(ClientCommand),
}

async fn add(
    registry: &Registry,
    new: NewClient,
    out: Option<SecretFile>,
    json: bool,
) -> Result<(), Failure> {
    let (client, secret) = registry.add(new).await.map_err(Failure::failed)?;
    match (secret, out) {
        (None, _) => shown(&client, &Secret::None, json, "added"),
        (Some(secret), None) => shown(&client, &Secret::Here(&secret), json, "added"),
        (Some(secret), Some(file)) => {
            let path = file.keep(&secret, &client.client_id)?;
            shown(&client, &Secret::In(&path), json, "added")
        }
    }
}

async fn changed(
    registry: &Registry,
    id: &str,
    change: &ClientChange,
    json: bool,
) -> Result<(), Failure> {
    let client = registry.change(id, change).await.map_err(Failure::failed)?;
    if json {
        return output::json(&Row::from(&client));
    }
    output::note(&format!("changed {id}"))
}

async fn rotate_secret(
    registry: &Registry,
    id: &str,
    keep: Duration,
    out: Option<SecretFile>,
    json: bool,
) -> Result<(), Failure> {
    let rotated = registry.rotate_secret(id, keep).await;
    let (client, secret) = rotated.map_err(Failure::failed)?;
    let word = "new secret of";
    match out {
        None => shown(&client, &Secret::Here(&secret), json, word),
        Some(file) => {
            let path = file.keep(&secret, id)?;
            shown(&client, &Secret::In(&path), json, word)
        }
    }
}

async fn other(registry: &Registry, command: ClientCommand, json: bool) -> Result<(), Failure> {
    match command {
        ClientCommand::Add(_) | ClientCommand::Change(_) | ClientCommand::RotateSecret { .. } => {
            Ok(())
        }
        ClientCommand::List => list(registry, json).await,
        ClientCommand::Show { id } => {
            let client = registry.client(&id).await.map_err(Failure::failed)?;
            show(&client, json)
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

impl AddArgs {
    fn client(self) -> Result<NewClient, Failure> {
        let proof = match (self.public, self.jwks) {
            (true, _) => Proof::None,
            (false, None) => Proof::Secret,
            (false, Some(file)) => Proof::Keys(keys_in(&file)?),
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

/// The public keys in a file.
fn keys_in(file: &Path) -> Result<ClientKeys, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    ClientKeys::from_json(&text)
        .map_err(|bad| Failure::failed(format!("{}: {bad}", file.display())))
}
