//! `countersign restore`: a backup takes the place of the database.

use std::path::PathBuf;

use clap::Args;
use countersign_server::{Comparison, Restored, Reversion, Reverted, Whose};
use serde::Serialize;

use super::database::DatabaseArgs;
use super::progress::Progress;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

/// How many reverted users are named when a person reads.
const NAMED: usize = 50;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign restore /backups/countersign.db")]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &RestoreArgs) -> Result<(), Failure> {
    super::run_async(async {
        let config = args.database.config()?;
        let progress = Progress::of(None);
        let restored = countersign_server::restore(&config, &args.file, |done, total| {
            progress.at_of(done, total, super::megabytes(done));
        })
        .await;
        drop(progress);
        let restored = restored.map_err(Failure::failed)?;
        if args.json {
            output::json(&Report::from(&restored))
        } else {
            say(&restored)
        }
    })
}

fn say(restored: &Restored) -> Result<(), Failure> {
    let of = restored.backup_made_at.map_or_else(
        || "a database copy of unknown age".to_owned(),
        |made_at| format!("the backup of {}", super::date(made_at)),
    );
    output::note(&format!(
        "restored {of}; sessions ended: {}, signing keys withdrawn: {}",
        restored.sessions_ended,
        restored.keys_withdrawn.len()
    ))?;
    if let Some(kept) = &restored.replaced {
        output::note(&format!(
            "the database that was there is {}",
            kept.display()
        ))?;
    }
    match &restored.comparison {
        Comparison::NothingThere => output::warning(
            "there was no database to compare with: whatever was changed since the backup is as \
             it was then: passwords, clients' secrets, roles, who is disabled",
        ),
        Comparison::Unreadable(why) => output::warning(&format!(
            "the database that was there cannot be compared ({why}): whatever was changed since \
             the backup is as it was then: passwords, clients' secrets, roles, who is disabled"
        )),
        Comparison::Compared(reverted) if reverted.is_empty() => {
            output::note("no user or client differs from before")
        }
        Comparison::Compared(reverted) => {
            output::warning("the backup takes these changes back:")?;
            for reverted in reverted.iter().take(NAMED) {
                let name = printable(reverted.whose.name());
                let whose = match &reverted.whose {
                    Whose::Client(_) => format!("client {name}"),
                    Whose::User(_) => name,
                };
                output::line(&format!("{whose}  {}", printable(&words(&reverted.what))))?;
            }
            match reverted.len().saturating_sub(NAMED) {
                0 => Ok(()),
                more => output::note(&format!("and {more} more; --json lists all")),
            }
        }
    }
}

fn words(what: &Reversion) -> String {
    match what {
        Reversion::Gone | Reversion::ClientGone => "is gone: added since the backup".into(),
        Reversion::Back => "is back: deleted since the backup".into(),
        Reversion::Password => "has the older password again".into(),
        Reversion::Roles { before, now } => format!(
            "has other roles again: [{}], until now [{}]",
            now.join(" "),
            before.join(" ")
        ),
        Reversion::Scope { before, now } => {
            format!("has another scope again: [{now}], until now [{before}]")
        }
        Reversion::ClientBack => {
            "is back, with the secret or the keys it had: deleted since the backup".into()
        }
        Reversion::ClientProof => {
            "is known by its older secret or keys again; if they were replaced because they \
             leaked, replace them now"
                .into()
        }
        Reversion::ClientPolicy => "may ask for what it might then".into(),
        Reversion::EnabledAgain => "can sign in again: disabled since the backup".into(),
        Reversion::DisabledAgain => "is disabled again: enabled since the backup".into(),
        // A newer server library may know more; the code says which.
        other => format!("differs: {}", other.code()),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    backup_made_at: Option<u64>,
    sessions_ended: usize,
    keys_withdrawn: &'a [String],
    replaced: Option<String>,
    compared: bool,
    reverted: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    what: &'static str,
}

impl<'a> From<&'a Restored> for Report<'a> {
    fn from(restored: &'a Restored) -> Self {
        let reverted: &[Reverted] = match &restored.comparison {
            Comparison::Compared(reverted) => reverted,
            Comparison::NothingThere | Comparison::Unreadable(_) => &[],
        };
        let kept = restored.replaced.as_ref();
        Self {
            backup_made_at: restored.backup_made_at.map(countersign::UnixTime::as_secs),
            sessions_ended: restored.sessions_ended,
            keys_withdrawn: &restored.keys_withdrawn,
            replaced: kept.map(|kept| kept.to_string_lossy().into_owned()),
            compared: matches!(restored.comparison, Comparison::Compared(_)),
            reverted: reverted.iter().map(row).collect(),
        }
    }
}

fn row(reverted: &Reverted) -> Row<'_> {
    let (username, client_id) = match &reverted.whose {
        Whose::User(name) => (Some(name.as_str()), None),
        Whose::Client(id) => (None, Some(id.as_str())),
    };
    Row {
        username,
        client_id,
        what: reverted.what.code(),
    }
}
