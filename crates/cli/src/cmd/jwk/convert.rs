//! `countersign jwk convert`: the same keys, written otherwise.

use clap::{Args, ValueEnum};
use countersign::Algorithm;

use super::out::{OutArgs, Sensitivity};
use super::written::{Form, Written};
use crate::failure::Failure;

/// Write keys in another form: JWK, JWK set, PEM
///
/// A private key stays private, and needs a place to go: --out FILE, or `--out -` to print it.
/// A key read from PEM gets its thumbprint as `kid`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwk convert --to jwk public.pem
  countersign jwk convert --to pem key.json --out key.pem
  countersign jwk convert --to set --kid 2026-11 --out keys.json new.pem
  openssl genpkey -algorithm ed25519 \\
      | countersign jwk convert --to jwk --out key.json")]
pub(super) struct ConvertArgs {
    /// Files with keys as JWK, JWK set or PEM; without one, or with `-`, standard input
    #[arg(value_name = "FILE")]
    files: Vec<std::path::PathBuf>,
    /// The form to write
    #[arg(long, value_name = "FORM")]
    to: To,
    /// The algorithm, where a key does not say it [RSA in PEM: RS256]
    #[arg(long, value_name = "ALG")]
    alg: Option<Algorithm>,
    /// Another `kid`, if there is one key
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// One JSON Web Key
    Jwk,
    /// A JSON Web Key Set
    Set,
    /// PEM: PKCS#8, or SubjectPublicKeyInfo for a public key
    Pem,
}

pub(super) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let mut written = Written::read(&args.files, args.alg)?;
    if let Some(kid) = &args.kid {
        written.rename(kid)?;
    }
    let form = match args.to {
        To::Jwk if written.keys.len() > 1 => {
            return Err(Failure::usage(format!(
                "there are {} keys: a JWK is one key, --to set writes them all",
                written.keys.len()
            )));
        }
        To::Jwk => Form::Jwk,
        To::Set => Form::Set,
        To::Pem => Form::Pem,
    };
    if written.keys.iter().any(countersign::Jwk::is_private) {
        let text = form.private(&written.keys)?;
        args.out.write(text.expose(), Sensitivity::Private)
    } else {
        args.out
            .write(&form.public(&written.keys)?, Sensitivity::Public)
    }
}
