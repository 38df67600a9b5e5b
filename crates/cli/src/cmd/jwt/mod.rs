//! `countersign jwt`: tokens by hand.
//!
//! Verbs that must not be mistaken for each other: `sign` makes, `verify` proves, `inspect` only
//! looks, `explain` says what a guard would say and why.

mod explain;
mod inspect;
pub(in crate::cmd) mod key;
pub(crate) mod moment;
mod sign;
mod typed;
mod verify;

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
