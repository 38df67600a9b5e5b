//! `countersign jwk thumbprint`: a key's name that follows from the key.

use clap::Args;
use countersign::{Algorithm, Jwk, base64url};
use serde::Serialize;

use super::written::Written;
use crate::failure::Failure;
use crate::output::{self, DIM};
use crate::printable::printable;

/// Print the thumbprint of a key (RFC 7638, SHA-256)
///
/// It is the same for the private and the public key, for JWK and PEM. Of a set, every key's is
/// printed with its `kid`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwk thumbprint key.json
  countersign jwk thumbprint --uri public.pem
  curl -s https://id.example/.well-known/jwks.json | countersign jwk thumbprint")]
pub(super) struct ThumbprintArgs {
    /// Files with keys as JWK, JWK set or PEM; without one, or with `-`, standard input
    #[arg(value_name = "FILE")]
    files: Vec<std::path::PathBuf>,
    /// Print it as a URI (RFC 9278)
    #[arg(long)]
    uri: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    kid: Option<String>,
    alg: Option<&'static str>,
    thumbprint: String,
}

pub(super) fn run(args: &ThumbprintArgs) -> Result<(), Failure> {
    let written = Written::read(&args.files, None)?;
    if written
        .keys
        .iter()
        .any(|key| key.to_public_json().is_none())
    {
        output::warning(
            "the thumbprint of a shared secret is a hash of it: keep it as close as the secret",
        )?;
    }
    let shown: Vec<Shown> = written
        .keys
        .iter()
        .map(|key| shown(key, args.uri))
        .collect();
    if args.json {
        return output::json(&shown);
    }
    for key in &shown {
        let kid = key.kid.as_deref().filter(|_| written.is_set);
        let kid = kid.map_or_else(String::new, |kid| {
            format!("  {DIM}kid {}{DIM:#}", printable(kid))
        });
        output::line(&format!("{}{kid}", key.thumbprint))?;
    }
    Ok(())
}

fn shown(key: &Jwk, as_uri: bool) -> Shown {
    let thumbprint = base64url::encode(&key.thumbprint());
    Shown {
        kid: key.key_id().map(str::to_owned),
        alg: key.algorithm().map(Algorithm::name),
        thumbprint: if as_uri {
            format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{thumbprint}")
        } else {
            thumbprint
        },
    }
}
