//! `countersign client add`: what is typed, as a new client.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use countersign::Algorithm;
use countersign_issuer::client::ClientTerms;
use countersign_server::{NewClient, Proof};

use super::written::{Grant, grant_types, keys_in};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The `client_id`: letters, digits and `-._~`
    id: String,
    /// What people call it
    #[arg(long, default_value = "", value_name = "TEXT")]
    name: String,
    /// It can keep no secret (a browser, a telephone), so it has its users' tokens only
    #[arg(long, conflicts_with = "jwks")]
    public: bool,
    /// It proves who it is by signatures (`private_key_jwt`): its public keys, a JWK Set or a JWK
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// What it may come for; may be given twice [default: client_credentials; refresh_token if it
    /// is public; nothing if it only serves an audience]
    #[arg(long = "grant", value_enum, value_name = "GRANT")]
    grants: Vec<Grant>,
    /// A scope it may ask for; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An audience it may ask for; may be given several times [default: the server's]
    #[arg(long = "audience", value_name = "NAME")]
    audiences: Vec<String>,
    /// An audience it answers to, as an API: it may introspect tokens for it; may be given several
    /// times
    #[arg(long = "serves", value_name = "NAME")]
    serves: Vec<String>,
    /// A role of its own tokens, and one that tokens of its users may have; may be given several
    /// times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// For how many seconds a session of its users may lie unused [default: the server's]
    #[arg(long, value_name = "SECONDS")]
    session_idle: Option<u64>,
    /// How many seconds a session of its users lasts at most [default: the server's]
    #[arg(long, value_name = "SECONDS")]
    session_absolute: Option<u64>,
    /// How many seconds its access tokens live; never more than the server's
    #[arg(long, value_name = "SECONDS")]
    access_life: Option<u64>,
    /// How its access tokens are signed [default: as the audience needs it]
    #[arg(long, value_name = "ALG")]
    algorithm: Option<Algorithm>,
    /// The file for the secret, which must not be there yet; nobody but its owner may read it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["public", "jwks"])]
    pub(super) out: Option<PathBuf>,
}

impl AddArgs {
    pub(super) fn into_client(self) -> Result<NewClient, Failure> {
        let proof = match (self.public, self.jwks) {
            (true, _) => Proof::None,
            (false, None) => Proof::Secret,
            (false, Some(file)) => Proof::Keys(keys_in(&file)?),
        };
        Ok(NewClient {
            client_id: self.id,
            name: self.name,
            proof,
            grant_types: grant_types(self.grants),
            scope: self.scopes.join(" "),
            audiences: self.audiences,
            serves: self.serves,
            roles: self.roles,
            terms: ClientTerms {
                session_idle: self.session_idle.map(Duration::from_secs),
                session_absolute: self.session_absolute.map(Duration::from_secs),
                access_life: self.access_life.map(Duration::from_secs),
                algorithm: self.algorithm,
            },
        })
    }
}
