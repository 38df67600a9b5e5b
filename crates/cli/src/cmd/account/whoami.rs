//! `countersign whoami`: who is signed in, where, until when, and where the secret lives.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use countersign::UnixTime;
use countersign_client::KeptLogin;
use countersign_wire::account::Me;
use countersign_wire::paths;
use serde::Serialize;

use super::profile::{Profile, Profiles};
use super::{ProfileArgs, failure};
use crate::cmd::jwt::moment;
use crate::failure::Failure;
use crate::output::{self, BOLD, DIM, styled};
use crate::printable::printable;

/// Say who is signed in, where, until when, and where it is kept
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign whoami
  countersign whoami --json")]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    /// List every login, without asking any server
    #[arg(long, conflicts_with = "profile")]
    all: bool,
    /// Say what is known here, without asking the server
    #[arg(long)]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is known here, and what the server says.
#[derive(Serialize)]
struct Report {
    profile: String,
    current: bool,
    server: String,
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    session_over: bool,
    signed_in_at: Option<u64>,
    token_expires_at: Option<u64>,
    session_expires_at: Option<u64>,
    sent_to: Vec<String>,
    kept_in: String,
}

pub(super) async fn run(args: &WhoamiArgs) -> Result<(), Failure> {
    let profiles = Profiles::of_this_user()?;
    let current = profiles.current()?;
    if args.all {
        return list(&profiles, current.as_deref(), args.json);
    }
    let profile = profiles.choose(args.profile.profile.as_deref())?;
    let is_current = current.as_deref() == Some(&profile.name);
    let me = if args.offline {
        None
    } else {
        Some(ask(&profile).await?)
    };
    let login = profile.login()?.ok_or_else(|| gone(&profile))?;
    let mut report = Report::of(&profile, &login, is_current);
    if let Some(me) = me {
        report.username = me.username.or(report.username);
        report.sub = Some(me.sub);
        report.roles = Some(me.roles);
        report.scope = Some(me.scope);
        report.sid = me.sid;
    }
    if args.json {
        return output::json(&report);
    }
    report.print()
}

fn list(profiles: &Profiles, current: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut reports = Vec::new();
    for profile in profiles.all()? {
        let login = profile.login()?.ok_or_else(|| gone(&profile))?;
        let is_current = current == Some(&profile.name);
        reports.push(Report::of(&profile, &login, is_current));
    }
    if json {
        return output::json(&reports);
    }
    if reports.is_empty() {
        return output::note("nobody is signed in; sign in with: countersign login URL");
    }
    let names: Vec<_> = reports.iter().map(|it| printable(&it.profile)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max();
    let widest = widest.unwrap_or_default();
    for (report, name) in reports.iter().zip(names) {
        let mark = if report.current { '*' } else { ' ' };
        let state = report.state(UnixTime::now());
        output::line(&format!(
            "{mark} {name:widest$}  {}  {state}",
            report.server
        ))?;
    }
    Ok(())
}

/// The server knows best; it is also the proof that the token is good.
async fn ask(profile: &Profile) -> Result<Me, Failure> {
    let login = profile.login()?.ok_or_else(|| gone(profile))?;
    let client = profile.open().await?;
    client.lasting_token().await.map_err(failure)?;
    let url = format!("{}{}", login.server(), paths::ME);
    let answer = client.get(&url).send().await.map_err(failure)?;
    client.settle().await;
    let status = answer.status();
    if status == reqwest::StatusCode::UNAUTHORIZED {
        let words = "the server does not accept the token; sign in again";
        return Err(Failure::refused("invalid_token", words));
    }
    if !status.is_success() {
        return Err(Failure::failed(format!("{url} answered {status}")));
    }
    answer.json().await.map_err(|error| {
        Failure::failed(format!(
            "{url} answered what is not understood: {}",
            error.without_url()
        ))
    })
}

/// Between two looks another process signed out.
fn gone(profile: &Profile) -> Failure {
    let name = printable(&profile.name);
    Failure::refused("not_signed_in", format!("nobody is signed in as {name}"))
}

impl Report {
    fn of(profile: &Profile, login: &KeptLogin, current: bool) -> Self {
        let server = login.server().to_owned();
        let mut sent_to = vec![server.clone()];
        sent_to.extend(login.origins());
        sent_to.dedup();
        Self {
            profile: profile.name.clone(),
            current,
            username: login.username().map(str::to_owned),
            sub: None,
            roles: None,
            scope: None,
            sid: None,
            session_over: login.is_over(),
            signed_in_at: seconds(login.signed_in_at()),
            token_expires_at: login.token_expires_at().and_then(seconds),
            session_expires_at: login.session_expires_at().and_then(seconds),
            sent_to,
            kept_in: profile.storage.place(),
            server,
        }
    }

    fn print(&self) -> Result<(), Failure> {
        let now = UnixTime::now();
        let name = self.username.as_deref().map_or_else(
            || "a session without a name".to_owned(),
            |name| styled(BOLD, &printable(name)),
        );
        output::line(&format!("{name} at {}", self.server))?;
        let when = |time: Option<u64>| {
            let time = i64::try_from(time?).ok()?;
            let date = moment::date(time)?;
            Some(format!("{date} ({})", moment::relative(time, now)))
        };
        let joined = |words: &Vec<String>| words.join(" ");
        let current = if self.current { " (current)" } else { "" };
        let session = match &self.sid {
            Some(sid) => format!("{sid}, {}", self.state(now)),
            None => self.state(now),
        };
        let rows = [
            ("id", self.sub.clone()),
            ("roles", self.roles.as_ref().map(joined)),
            ("scope", self.scope.clone()),
            ("signed in", when(self.signed_in_at)),
            ("token until", when(self.token_expires_at)),
            ("session", Some(session)),
            ("sent to", Some(self.sent_to.join(" "))),
            ("kept in", Some(self.kept_in.clone())),
            ("profile", Some(format!("{}{current}", self.profile))),
        ];
        for (title, value) in rows {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                continue;
            };
            let title = format!("{title:<11}");
            output::line(&format!("  {DIM}{title}{DIM:#} {}", printable(&value)))?;
        }
        Ok(())
    }

    fn state(&self, now: UnixTime) -> String {
        if self.session_over {
            return "has ended; sign in again".to_owned();
        }
        let ends = self
            .session_expires_at
            .and_then(|time| i64::try_from(time).ok());
        match ends {
            Some(time) => format!("ends {} unless it is used", moment::relative(time, now)),
            None => "nobody said when it ends".to_owned(),
        }
    }
}

fn seconds(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}
