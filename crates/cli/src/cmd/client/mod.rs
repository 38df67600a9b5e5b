//! `countersign client`: the programs that may ask for tokens.

mod add;
mod change;
mod row;
mod secret_file;
mod written;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_issuer::Client;
use countersign_server::{Administrator, ClientChange, NewClient, Registry};

use self::add::AddArgs;
use self::change::ChangeArgs;
use self::row::{Row, Secret, say, show, shown};
use self::secret_file::SecretFile;
use super::database::DatabaseArgs;
use super::prompt;
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
    /// What is not named stays as it is. A list that is named is the whole list from then on. Where
    /// something is taken away (a role, a scope, an audience, a grant, a key), the client's own tokens
    /// are refused by every guard, and all sessions of users through it end, unless only a key or
    /// `client_credentials` was taken. A first audience takes away the server's default.
    Change(Box<ChangeArgs>),
    /// Give a client another secret; the one it has goes on for a while
    ///
    /// With `--keep 0` the client's own tokens are refused by every guard too.
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
        /// Do not ask whether it is meant
        #[arg(long)]
        yes: bool,
    },
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
                Prepared::Add(Box::new(add.into_client()?), out)
            }
            ClientCommand::Change(change) => {
                let change = *change;
                Prepared::Change(change.id, Box::new(change.changes.into_change()?))
            }
            ClientCommand::RotateSecret { id, keep, out } => {
                let out = out.map(SecretFile::new).transpose()?;
                Prepared::RotateSecret(id, Duration::from_secs(keep), out)
            }
            ClientCommand::Delete { id, yes } => {
                prompt::deletion("client", &id, yes)?;
                Prepared::Other(ClientCommand::Delete { id, yes })
            }
            other => Prepared::Other(other),
        };
        let administrator = Administrator::open(&config).await;
        let registry = Registry::of(administrator.map_err(Failure::failed)?);
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
        ClientCommand::Delete { id, .. } => {
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
