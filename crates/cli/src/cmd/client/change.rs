//! `countersign client change`: what is typed, as a change of the client.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use countersign::Algorithm;
use countersign_server::ClientChange;

use super::written::{Grant, grant_types, keys_in};
use crate::failure::Failure;

#[derive(Debug, Args)]
// What clap would write names every one of them.
#[command(override_usage = "countersign client change [OPTIONS] <ID>")]
pub(super) struct ChangeArgs {
    /// The client's id
    pub(super) id: String,
    #[command(flatten)]
    pub(super) changes: Changes,
}

/// At least one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Changes {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Its public keys, for one that signs: a JWK Set or a JWK
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// What it may come for; may be given twice
    #[arg(long = "grant", value_enum, value_name = "GRANT")]
    grants: Vec<Grant>,
    /// A scope it may ask for; may be given several times; '' for none
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An audience it may ask for; may be given several times; '' for the server's
    #[arg(long = "audience", value_name = "NAME")]
    audiences: Vec<String>,
    /// An audience it answers to, as an API; may be given several times; '' for none
    #[arg(long = "serves", value_name = "NAME")]
    serves: Vec<String>,
    /// A role of its own tokens, and one that tokens of its users may have; may be given several
    /// times; '' for none
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// For how many seconds a session of its users may lie unused; `default` for the server's
    #[arg(long, value_name = "SECONDS")]
    session_idle: Option<Own<u64>>,
    /// How many seconds a session of its users lasts at most; `default` for the server's
    #[arg(long, value_name = "SECONDS")]
    session_absolute: Option<Own<u64>>,
    /// How many seconds its access tokens live, never more than the server's; `default` for those
    #[arg(long, value_name = "SECONDS")]
    access_life: Option<Own<u64>>,
    /// How its access tokens are signed; `default` for what the audience needs
    #[arg(long, value_name = "ALG")]
    algorithm: Option<Own<Algorithm>>,
}

/// A client's own setting, or the word `default`: then it goes by the server's.
#[derive(Clone, Copy, Debug)]
struct Own<T>(Option<T>);

impl<T: FromStr> FromStr for Own<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text {
            "default" => Ok(Self(None)),
            own => own.parse().map(|own| Self(Some(own))),
        }
    }
}

impl Changes {
    pub(super) fn into_change(self) -> Result<ClientChange, Failure> {
        let seconds = |own: Option<Own<u64>>| own.map(|Own(life)| life.map(Duration::from_secs));
        Ok(ClientChange {
            name: self.name,
            keys: self.jwks.as_deref().map(keys_in).transpose()?,
            grant_types: grant_types(self.grants),
            scope: list(self.scopes).map(|scopes| scopes.join(" ")),
            audiences: list(self.audiences),
            serves: list(self.serves),
            roles: list(self.roles),
            session_idle: seconds(self.session_idle),
            session_absolute: seconds(self.session_absolute),
            access_life: seconds(self.access_life),
            algorithm: self.algorithm.map(|Own(algorithm)| algorithm),
            disabled: None,
        })
    }
}

/// What was named, all of it; an empty name stands for nothing at all.
fn list(mut named: Vec<String>) -> Option<Vec<String>> {
    if named.is_empty() {
        return None;
    }
    named.retain(|name| !name.is_empty());
    Some(named)
}
