//! `login`, `logout`, `whoami`, `token`: the user's own side, against any Countersign server.
//!
//! Several logins stand side by side, each in a profile of its own; the latest is the current one.

mod address;
mod login;
mod logout;
mod profile;
mod token;
mod whoami;

use clap::Args;
use countersign_client::ClientError;

pub(in crate::cmd) use address::address;
pub(crate) use login::LoginArgs;
pub(crate) use logout::LogoutArgs;
pub(in crate::cmd) use profile::{Profile, Profiles};
pub(crate) use token::TokenArgs;
pub(crate) use whoami::WhoamiArgs;

use crate::failure::Failure;

pub(crate) fn login(args: &LoginArgs) -> Result<(), Failure> {
    super::run_async(login::run(args))
}

pub(crate) fn logout(args: &LogoutArgs) -> Result<(), Failure> {
    super::run_async(logout::run(args))
}

pub(crate) fn whoami(args: &WhoamiArgs) -> Result<(), Failure> {
    super::run_async(whoami::run(args))
}

pub(crate) fn token(args: &TokenArgs) -> Result<(), Failure> {
    super::run_async(token::run(args))
}

/// Which login to use.
#[derive(Debug, Args)]
pub(in crate::cmd) struct ProfileArgs {
    /// The login to use; without it, the current one
    #[arg(long, env = "COUNTERSIGN_PROFILE", value_name = "NAME")]
    pub(in crate::cmd) profile: Option<String>,
}

/// Who is refused is told so; what was typed wrong is wrong usage.
pub(in crate::cmd) fn failure(error: ClientError) -> Failure {
    match error {
        error if error.is_refused() => Failure::refused(error.code(), error),
        ClientError::BadAddress { .. } => Failure::usage(error),
        error => Failure::failed(error),
    }
}
