//! `countersign jwt sign`: claims and a key to a token.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use countersign::{Signer, UnixTime};
use serde_json::{Map, Value};

use super::key::{KeyArgs, read_text};
use super::moment::Offset;
use crate::failure::Failure;
use crate::output;

/// Make a token and print it
///
/// `iat` is set to now, and `exp` to an hour from now unless the claims say otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwt sign --key key.pem --sub ada --aud api --exp 10m
  countersign jwt sign --secret-file secret --claim user=ada --claim level:=7
  echo '{\"sub\":\"ada\"}' | countersign jwt sign --key key.json --claims -")]
pub(super) struct SignArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// A file with the claims as a JSON object (`-` is standard input)
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// A claim: `name=text`, or `name:=JSON` for numbers, lists, true and false
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    single: Vec<Claim>,
    /// Who made the token: claim `iss`
    #[arg(long, value_name = "URL")]
    iss: Option<String>,
    /// Whom it is about: claim `sub`
    #[arg(long, value_name = "ID")]
    sub: Option<String>,
    /// For which API it is: claim `aud`; several times for a list
    #[arg(long, value_name = "NAME")]
    aud: Vec<String>,
    /// What it allows, separated by spaces: claim `scope`
    #[arg(long, value_name = "WORDS")]
    scope: Option<String>,
    /// From now to `exp`: 90s, 10m, 1h, 7d [default: 1h]
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "no_exp"
    )]
    exp: Option<Offset>,
    /// Make a token that never expires
    #[arg(long)]
    no_exp: bool,
    /// From now to `nbf`
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    nbf: Option<Offset>,
    /// `typ` in the header
    #[arg(long, value_name = "TYPE", default_value = "JWT")]
    typ: String,
    /// `kid` in the header, if it is to be another than the key's own
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
}

const AN_HOUR: Offset = Offset::seconds(3600);

pub(super) fn run(args: &SignArgs) -> Result<(), Failure> {
    let claims = args.claims(UnixTime::now())?;
    if !claims.contains_key("exp") {
        output::warning("without `exp` this token is good for ever")?;
    }
    let mut key = args.key.signing_key()?;
    if let Some(kid) = &args.kid {
        key = key.with_key_id(kid);
    }
    let token = Signer::new(key)
        .typ(&args.typ)
        .sign(&claims)
        .map_err(Failure::failed)?;
    output::line(&token)
}

impl SignArgs {
    /// Later sources win: the file, then `--claim`, then the options with a name of their own.
    fn claims(&self, now: UnixTime) -> Result<Map<String, Value>, Failure> {
        let mut claims = match &self.claims {
            Some(path) => serde_json::from_str(&read_text(path)?).map_err(|error| {
                Failure::failed(format!("the claims are not a JSON object: {error}"))
            })?,
            None => Map::new(),
        };
        claims.entry("iat").or_insert_with(|| now.as_secs().into());
        for Claim { name, value } in &self.single {
            claims.insert(name.clone(), value.clone());
        }
        for (name, text) in [
            ("iss", &self.iss),
            ("sub", &self.sub),
            ("scope", &self.scope),
        ] {
            if let Some(text) = text {
                claims.insert(name.to_owned(), text.clone().into());
            }
        }
        match self.aud.as_slice() {
            [] => {}
            [one] => drop(claims.insert("aud".to_owned(), one.clone().into())),
            several => drop(claims.insert("aud".to_owned(), several.into())),
        }
        if let Some(nbf) = self.nbf {
            claims.insert("nbf".to_owned(), nbf.from(now).into());
        }
        match self.exp {
            Some(exp) => drop(claims.insert("exp".to_owned(), exp.from(now).into())),
            None if self.no_exp => drop(claims.remove("exp")),
            None => {
                claims
                    .entry("exp")
                    .or_insert_with(|| AN_HOUR.from(now).into());
            }
        }
        Ok(claims)
    }
}

/// One claim as typed.
#[derive(Clone, Debug)]
struct Claim {
    name: String,
    value: Value,
}

impl FromStr for Claim {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not of the form name=value"))?;
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => {
                let json = serde_json::from_str(value)
                    .map_err(|error| format!("`{value}` is not JSON: {error}"))?;
                (name, json)
            }
            None => (name, value.into()),
        };
        if name.is_empty() {
            return Err(format!("`{text}` has no name before the ="));
        }
        let name = name.to_owned();
        Ok(Self { name, value })
    }
}
