//! `countersign audit`: what happened.

use std::time::Duration;

use clap::Args;
use countersign_issuer::AuditEvent;
use countersign_server::{Administrator, Oversight};
use serde::Serialize;

use super::database::DatabaseArgs;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

const PAGE: u32 = 500;
/// How often a followed log is looked at.
const FOLLOW: Duration = Duration::from_millis(500);

/// Show the audit log: one line a security event.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign audit | tail
  countersign audit --follow")]
pub(crate) struct AuditArgs {
    /// Go on as new lines come
    #[arg(long)]
    follow: bool,
    /// How many of the last lines to begin with
    #[arg(long, default_value_t = 100, value_name = "N")]
    lines: u32,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &AuditArgs) -> Result<(), Failure> {
    super::run_async(async {
        let config = args.database.existing()?;
        let administrator = Administrator::open(&config).await;
        let oversight = Oversight::of(administrator.map_err(Failure::failed)?);
        let mut after = oversight
            .audit_tail(args.lines)
            .await
            .map_err(Failure::failed)?;
        loop {
            let page = oversight
                .audit_log(after, PAGE)
                .await
                .map_err(Failure::failed)?;
            let full = page.len() == PAGE as usize;
            for (number, event) in page {
                after = number;
                print(number, &event, args.json)?;
            }
            if !full && !args.follow {
                break;
            }
            if !full {
                tokio::time::sleep(FOLLOW).await;
            }
        }
        oversight.close().await;
        Ok(())
    })
}

fn print(number: u64, event: &AuditEvent, json: bool) -> Result<(), Failure> {
    let row = Row::new(number, event);
    if json {
        let text = serde_json::to_string(&row).map_err(Failure::failed)?;
        return output::line(&text);
    }
    let mut line = format!("{}  {:18}", super::date(event.at), row.event);
    let known = [
        ("user", row.username.or(row.user_id)),
        ("sid", row.sid),
        ("by", row.actor),
        ("from", row.network),
        ("", row.detail),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            line.push_str("  ");
            if !name.is_empty() {
                line.push_str(name);
                line.push('=');
            }
            line.push_str(&printable(value));
        }
    }
    output::line(line.trim_end())
}

#[derive(Serialize)]
struct Row<'a> {
    number: u64,
    at: u64,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(number: u64, event: &'a AuditEvent) -> Self {
        Self {
            number,
            at: event.at.as_secs(),
            event: event.kind.as_str(),
            user_id: event.user_id.as_deref(),
            username: event.username.as_deref(),
            sid: event.sid.as_deref(),
            actor: event.actor.as_deref(),
            network: event.network.as_deref(),
            detail: event.detail.as_deref(),
        }
    }
}
