//! `countersign jwk public`: what others may see of a key.

use clap::Args;
use countersign::Algorithm;

use super::out::{OutArgs, Sensitivity};
use super::written::{Form, Written};
use crate::failure::Failure;

/// Print the public half of a key, or of every key of a set
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwk public key.json
  countersign jwk public --set old.pem new.pem > jwks.json
  countersign jwk public --pem key.json")]
pub(super) struct PublicArgs {
    /// Files with keys as JWK, JWK set or PEM; without one, or with `-`, standard input
    #[arg(value_name = "FILE")]
    files: Vec<std::path::PathBuf>,
    /// The algorithm, where a key does not say it
    #[arg(long, value_name = "ALG")]
    alg: Option<Algorithm>,
    /// Print a key set, also for one key
    #[arg(long, conflicts_with = "pem")]
    set: bool,
    /// Print PEM
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &PublicArgs) -> Result<(), Failure> {
    let written = Written::read(&args.files, args.alg)?;
    let form = match (args.pem, args.set || written.is_set) {
        (true, _) => Form::Pem,
        (false, true) => Form::Set,
        (false, false) => Form::Jwk,
    };
    args.out
        .write(&form.public(&written.keys)?, Sensitivity::Public)
}
