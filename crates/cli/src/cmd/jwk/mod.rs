//! `countersign jwk`: keys as they are written down.
//!
//! What can sign leaves only to where it was asked to: into a file that its owner alone can read, or
//! to standard output when that is named.

mod convert;
mod new;
mod out;
mod public;
mod thumbprint;
mod written;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// Make, convert and name keys (JWK, JWK sets, PEM)
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwk new --out key.json
  countersign jwk public --set key.json > jwks.json
  countersign jwk convert --to pem key.json --out key.pem")]
pub(crate) struct JwkArgs {
    #[command(subcommand)]
    command: JwkCommand,
}

#[derive(Debug, Subcommand)]
enum JwkCommand {
    New(new::NewArgs),
    Public(public::PublicArgs),
    Thumbprint(thumbprint::ThumbprintArgs),
    Convert(convert::ConvertArgs),
}

pub(crate) fn run(args: &JwkArgs) -> Result<(), Failure> {
    match &args.command {
        JwkCommand::New(args) => new::run(args),
        JwkCommand::Public(args) => public::run(args),
        JwkCommand::Thumbprint(args) => thumbprint::run(args),
        JwkCommand::Convert(args) => convert::run(args),
    }
}
