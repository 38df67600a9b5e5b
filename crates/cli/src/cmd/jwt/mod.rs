//! `countersign jwt`: tokens by hand.
//!
//! Verbs that must not be mistaken for each other: `sign` makes, `verify` proves, `inspect` only
//! looks, `explain` says what a guard would say and why.

mod explain;
mod inspect;
pub(in crate::cmd) mod key;
pub(crate) mod moment;
mod sign;
mod verify;

use std::io::{self, IsTerminal, Read};

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// Sign, verify and look at tokens
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwt inspect < token
  countersign jwt verify --issuer https://id.example --audience api < token
  countersign jwt sign --key key.pem --sub ada --aud api --exp 10m")]
pub(crate) struct JwtArgs {
    #[command(subcommand)]
    command: JwtCommand,
}

#[derive(Debug, Subcommand)]
enum JwtCommand {
    Sign(sign::SignArgs),
    Verify(verify::VerifyArgs),
    Inspect(inspect::InspectArgs),
    Explain(explain::ExplainArgs),
}

pub(crate) fn run(args: JwtArgs) -> Result<(), Failure> {
    match args.command {
        JwtCommand::Sign(args) => sign::run(&args),
        JwtCommand::Verify(args) => verify::run(&args),
        JwtCommand::Inspect(args) => inspect::run(&args),
        JwtCommand::Explain(args) => explain::run(&args),
    }
}

/// Where a token comes from: the command line, or standard input.
#[derive(Debug, Args)]
struct TokenArgs {
    /// The token; without it, or with `-`, standard input is read
    token: Option<String>,
}

/// More than any token, less than a file piped in by mistake.
const MAX_INPUT: u64 = 1024 * 1024;

impl TokenArgs {
    fn read(&self) -> Result<String, Failure> {
        let text = match self.token.as_deref() {
            Some(token) if token != "-" => token.to_owned(),
            _ => from_stdin("a token")?,
        };
        let text = text.trim();
        // What `curl -H` was given is often what is at hand.
        let token = text
            .strip_prefix("Authorization:")
            .map_or(text, str::trim_start);
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
        if token.is_empty() {
            return Err(Failure::usage(
                "there is no token: give it as an argument or pipe it in",
            ));
        }
        Ok(token.to_owned())
    }
}

/// Reads text that was piped in; a person at a terminal is told what is waited for.
fn from_stdin(what: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        crate::output::note(&format!(
            "reading {what} from the terminal; end with Ctrl-D"
        ))?;
    }
    let mut text = String::new();
    io::stdin()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}
