//! `countersign logout`: the session ends at the server, and the login is gone from here.

use clap::Args;

use super::profile::{Profile, Profiles};
use super::{ProfileArgs, failure};
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

/// End the session at the server and remove the login from here
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign logout
  countersign logout --all")]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    /// Sign out of every login
    #[arg(long, conflicts_with = "profile")]
    all: bool,
    /// Remove the login also if the server cannot be told; the session then ends by its age
    #[arg(long)]
    forget: bool,
}

pub(super) async fn run(args: &LogoutArgs) -> Result<(), Failure> {
    let profiles = Profiles::of_this_user()?;
    let chosen = if args.all {
        profiles.all()?
    } else {
        vec![profiles.choose(args.profile.profile.as_deref())?]
    };
    if chosen.is_empty() {
        return output::note("nobody is signed in");
    }
    for profile in chosen {
        end(&profile, args.forget).await?;
        output::note(&format!("signed out {}", printable(&profile.name)))?;
        if let Some(current) = profiles.forget(&profile)? {
            output::note(&format!("the current login is now {}", printable(&current)))?;
        }
    }
    Ok(())
}

async fn end(profile: &Profile, forget: bool) -> Result<(), Failure> {
    let ended = match profile.open().await {
        Ok(client) => client.logout().await.map_err(failure),
        Err(error) => Err(error),
    };
    match ended {
        Err(_) if forget => {
            output::warning("the server was not told")?;
            profile.storage.remove().map_err(Failure::failed)
        }
        ended => ended,
    }
}
