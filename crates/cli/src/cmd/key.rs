//! `countersign key`: the keys that sign tokens.

use clap::{Args, Subcommand};
use countersign::UnixTime;
use countersign_issuer::record::SigningKeyRecord;
use countersign_server::Custodian;
use serde::Serialize;

use super::database::DatabaseArgs;
use super::rekey;
use crate::failure::Failure;
use crate::output;

/// List, rotate and withdraw signing keys. Works beside a running server: it notices within a moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign key list
  countersign key rotate
  countersign key withdraw KID")]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// List the keys and where they stand in their lives
    List,
    /// Let the next keys sign from now on, before their time
    Rotate,
    /// Seal every key anew under another master key; the server must be stopped
    ///
    /// The new one is that of COUNTERSIGN_NEW_MASTER_KEY, or else a random one, which takes the
    /// place of the master-key file.
    Rekey,
    /// Take a leaked key out of the key set at once; its successor signs, guards are told
    Withdraw {
        /// The key's id, as `key list` shows it
        // One in sixty-four begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

pub(crate) fn run(args: &KeyArgs) -> Result<(), Failure> {
    super::run_async(async {
        let config = args.database.existing()?;
        if let KeyCommand::Rekey = &args.command {
            return rekey::run(&config, args.json).await;
        }
        let custodian = Custodian::open(&config).await.map_err(Failure::failed)?;
        match &args.command {
            KeyCommand::List | KeyCommand::Rekey => {}
            KeyCommand::Rotate => custodian.rotate().await.map_err(Failure::failed)?,
            KeyCommand::Withdraw { kid } => {
                custodian.withdraw(kid).await.map_err(Failure::failed)?;
            }
        }
        let keys = custodian.list().await.map_err(Failure::failed)?;
        custodian.close().await;
        print(&keys, args.json)
    })
}

fn print(keys: &[SigningKeyRecord], json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&keys.iter().map(Row::from).collect::<Vec<_>>());
    }
    if keys.is_empty() {
        return output::note("no keys yet; the server's first start makes them");
    }
    for key in keys {
        let (since, word) = (since(key), key.state.as_str());
        let date = super::date(since);
        output::line(&format!(
            "{word:9}  {:6}  {date}  {}",
            key.algorithm.name(),
            key.kid
        ))?;
    }
    Ok(())
}

/// Since when the key has been in its state.
fn since(key: &SigningKeyRecord) -> UnixTime {
    let reached = [key.gone_at, key.retiring_at, key.signing_at];
    reached
        .into_iter()
        .flatten()
        .next()
        .unwrap_or(key.created_at)
}

#[derive(Serialize)]
struct Row {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    created_at: u64,
    since: u64,
}

impl From<&SigningKeyRecord> for Row {
    fn from(key: &SigningKeyRecord) -> Self {
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.name(),
            state: key.state.as_str(),
            created_at: key.created_at.as_secs(),
            since: since(key).as_secs(),
        }
    }
}
