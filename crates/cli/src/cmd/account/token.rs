//! `countersign token`: a valid access token, for whatever sends requests by other means.

use std::time::UNIX_EPOCH;

use clap::Args;
use serde::Serialize;

use super::profile::Profiles;
use super::{ProfileArgs, failure};
use crate::failure::Failure;
use crate::output;

/// Print a valid access token, renewed first when it is about to expire
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  curl -H \"Authorization: Bearer $(countersign token)\" https://localhost:5000")]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_at: Option<u64>,
}

pub(super) async fn run(args: &TokenArgs) -> Result<(), Failure> {
    let profile = Profiles::of_this_user()?.choose(args.profile.profile.as_deref())?;
    let client = profile.open().await?;
    let token = client.lasting_token().await.map_err(failure)?;
    if !args.json {
        return output::line(token.expose());
    }
    let expires_at = profile.login()?.and_then(|login| login.token_expires_at());
    output::json(&Printed {
        access_token: token.expose(),
        token_type: "Bearer",
        expires_at: expires_at
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map(|time| time.as_secs()),
    })
}
