//! `countersign session`: who is signed in.

use clap::{Args, Subcommand};
use countersign_issuer::Session;
use countersign_server::store::Ended;
use countersign_server::{Administrator, Config, Custodian, Oversight, SessionsOf};
use serde::Serialize;

use super::database::DatabaseArgs;
use super::prompt;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

const PAGE: u32 = 500;

/// List and end sessions. Works beside a running server: guards refuse within a second.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign session list
  countersign session end --user ada
  countersign session end --everyone --yes")]
pub(crate) struct SessionArgs {
    #[command(subcommand)]
    command: SessionCommand,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum SessionCommand {
    /// List the sessions that are alive
    List,
    /// End one session, every session of a user, or every session there is
    End {
        /// The session's id, as `session list` shows it
        // One in sixty-four begins with a hyphen.
        #[arg(required_unless_present_any = ["user", "everyone"], allow_hyphen_values = true)]
        sid: Option<String>,
        /// Every session of this user
        #[arg(long, value_name = "NAME", conflicts_with = "sid")]
        user: Option<String>,
        /// Every session of everybody, and every refresh token there is: after a database was put back
        /// to an earlier state by its own tools
        #[arg(long, conflicts_with_all = ["sid", "user"])]
        everyone: bool,
        /// Do not ask whether it is meant
        #[arg(long, requires = "everyone")]
        yes: bool,
    },
}

pub(crate) fn run(args: &SessionArgs) -> Result<(), Failure> {
    super::run_async(async {
        let config = args.database.existing()?;
        if let SessionCommand::End {
            everyone: true,
            yes,
            ..
        } = &args.command
        {
            return end_everyone(&config, *yes, args.json).await;
        }
        let administrator = Administrator::open(&config).await;
        let oversight = Oversight::of(administrator.map_err(Failure::failed)?);
        let outcome = match &args.command {
            SessionCommand::List => list(&oversight, args.json).await,
            SessionCommand::End { sid, user, .. } => {
                end(&oversight, sid.as_deref(), user.as_deref(), args.json).await
            }
        };
        oversight.close().await;
        outcome
    })
}

async fn list(oversight: &Oversight, json: bool) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = oversight
            .sessions(after.as_deref(), PAGE)
            .await
            .map_err(Failure::failed)?;
        after = page.last().map(|(session, _)| session.sid.clone());
        let full = page.len() == PAGE as usize;
        rows.extend(
            page.into_iter()
                .map(|(session, username)| Row::new(&session, username)),
        );
        if !full {
            break;
        }
    }
    if json {
        return output::json(&rows);
    }
    if rows.is_empty() {
        return output::note("nobody is signed in");
    }
    let names: Vec<_> = rows.iter().map(|row| printable(&row.username)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max();
    let widest = widest.unwrap_or_default();
    for (row, name) in rows.iter().zip(&names) {
        let used = super::date(countersign::UnixTime::from_secs(row.last_used_at));
        output::line(&format!("{}  {name:widest$}  last used {used}", row.sid))?;
    }
    Ok(())
}

async fn end(
    oversight: &Oversight,
    sid: Option<&str>,
    user: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let which = match (sid, user) {
        (Some(sid), _) => SessionsOf::Sid(sid.to_owned()),
        (None, Some(user)) => SessionsOf::User(user.to_owned()),
        (None, None) => return Err(Failure::usage("name a session, or a user with --user")),
    };
    let ended = oversight.end(which).await.map_err(Failure::failed)?;
    if ended.is_empty() && !json {
        return Err(Failure::failed(match user {
            Some(user) => format!("{user} has no session that is alive"),
            None => "there is no such session that is alive".to_owned(),
        }));
    }
    tell(ended, json)
}

async fn end_everyone(config: &Config, sure: bool, json: bool) -> Result<(), Failure> {
    if !sure {
        let asked = "Everybody will have to sign in again. Type everyone to go on";
        let otherwise = "this signs everybody out: give --yes if you mean it";
        if prompt::line(asked, otherwise)? != "everyone" {
            return Err(Failure::failed("nothing was ended"));
        }
    }
    let custodian = Custodian::open(config).await.map_err(Failure::failed)?;
    let ended = custodian.end_everyone().await.map_err(Failure::failed);
    custodian.close().await;
    tell(ended?, json)
}

fn tell(ended: Vec<Ended>, json: bool) -> Result<(), Failure> {
    let sids: Vec<_> = ended.into_iter().map(|session| session.sid).collect();
    if json {
        return output::json(&sids);
    }
    match sids.len() {
        1 => output::note("ended 1 session"),
        more => output::note(&format!("ended {more} sessions")),
    }
}

#[derive(Serialize)]
struct Row {
    sid: String,
    username: String,
    client_id: String,
    scope: String,
    created_at: u64,
    last_used_at: u64,
    expires_at: u64,
}

impl Row {
    fn new(session: &Session, username: String) -> Self {
        Self {
            sid: session.sid.clone(),
            username,
            client_id: session.client_id.clone(),
            scope: session.scope.clone(),
            created_at: session.created_at.as_secs(),
            last_used_at: session.last_used_at.as_secs(),
            expires_at: session.idle_expires_at.min(session.expires_at).as_secs(),
        }
    }
}
