//! `countersign jwk new`: a new key.

use clap::Args;
use countersign::{Algorithm, SigningKey};

use super::out::{OutArgs, Sensitivity};
use super::written::Form;
use crate::failure::Failure;
use crate::output;

/// Make a new key
///
/// The private key goes into the file named by --out, which its owner alone can read; the public
/// key is printed. With `--out -` the private key itself is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwk new --out key.json
  countersign jwk new --alg EdDSA --pem --out key.pem > public.pem
  countersign jwk new --alg HS256 --out secret.json
  countersign jwk new --set --out - | jq .")]
pub(super) struct NewArgs {
    /// What it will sign with
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    alg: Algorithm,
    /// Its `kid` [default: the thumbprint; a shared secret has none]
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// Write PEM instead of JWK
    #[arg(long, conflicts_with = "set")]
    pem: bool,
    /// Write a key set with this one key
    #[arg(long)]
    set: bool,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let mut key = SigningKey::generate(args.alg).map_err(Failure::failed)?;
    if let Some(kid) = &args.kid {
        key = key.with_key_id(kid);
    }
    let form = match (args.pem, args.set) {
        (true, _) => Form::Pem,
        (false, true) => Form::Set,
        (false, false) => Form::Jwk,
    };
    let keys = [key.to_jwk()];
    args.out
        .write(form.private(&keys)?.expose(), Sensitivity::Private)?;
    let Some(path) = args.out.path() else {
        return Ok(());
    };
    if args.alg.is_symmetric() {
        return output::note(&format!("the secret is in {}", path.display()));
    }
    output::note(&format!(
        "the private key is in {}; the public one:",
        path.display()
    ))?;
    output::line(form.public(&keys)?.trim_end())
}
