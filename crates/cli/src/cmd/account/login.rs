//! `countersign login`: a name and a password become a login that is kept.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_client::{Client, ClientBuilder, ClientError};
use reqwest::Url;

use super::profile::{Home, Profiles};
use super::{address, failure};
use crate::cmd::prompt;
use crate::failure::Failure;
use crate::output;
use crate::printable::printable;

/// Sign in at a Countersign server and stay signed in
///
/// The tokens are kept in a file that only you can read, and renewed when they are about to expire.
/// Signing in again, at another server or as another user, keeps both; the latest is the current one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign login https://auth.example.com -u ada
  countersign login :7800 -u ada --api :5000
  countersign login https://localhost:7800 -u ada --cacert cert.pem
  pass show auth | countersign login auth.example.com -u ada --password-stdin")]
pub(crate) struct LoginArgs {
    /// The server, for example https://auth.example.com, or :7800 for a port of this machine
    url: String,
    /// The name to sign in with; without it, it is asked for
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    /// What to call this login; without it, NAME@HOST
    #[arg(long, env = "COUNTERSIGN_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// An API the token may go to besides the server; may be given several times
    #[arg(long, value_name = "URL")]
    api: Vec<String>,
    /// The scope to ask for, separated by spaces
    #[arg(long)]
    scope: Option<String>,
    /// The audience to ask for
    #[arg(long)]
    audience: Option<String>,
    /// A file with the certificate (PEM) of the authority that signed the server's, if the system does
    /// not know it; the login remembers it
    #[arg(long, env = "COUNTERSIGN_CACERT", value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Keep the login in the system's keyring instead of a file
    #[arg(long)]
    keyring: bool,
    /// Speak plain HTTP to another machine, where the network in between can read the password
    #[arg(long)]
    insecure_http: bool,
}

pub(super) async fn run(args: &LoginArgs) -> Result<(), Failure> {
    let url = address(&args.url);
    let builder = builder(args, &url).map_err(failure)?;
    let builder = trusting(builder, args.cacert.as_deref())?;
    let host = host(&url)?;
    let profiles = Profiles::of_this_user()?;
    let home = if args.keyring {
        Home::Keyring
    } else {
        Home::File
    };
    // Before anything is asked for: what cannot be done is said now.
    if let Some(name) = &args.profile {
        profiles.place(name, home)?;
    }
    let name = match &args.username {
        Some(name) => name.clone(),
        None => prompt::line("User name", "say who signs in with -u NAME")?,
    };
    let profile = match &args.profile {
        Some(name) => profiles.place(name, home)?,
        None => profiles.place(&format!("{name}@{host}"), home)?,
    };
    let password = if args.password_stdin {
        prompt::from_stdin()?
    } else {
        prompt::unseen(
            &format!("Password of {} at {host}", printable(&name)),
            "there is no terminal to ask for a password: pipe it in with --password-stdin",
        )?
    };
    let kept = builder.keep_in(profile.storage.clone());
    kept.login(&name, &password).await.map_err(failure)?;
    profile.mark()?;
    profiles.make_current(&profile.name)?;
    output::note(&format!(
        "signed in as {} at {url}; the login is kept in {}",
        printable(&name),
        profile.storage.place()
    ))
}

fn builder(args: &LoginArgs, url: &str) -> Result<ClientBuilder, ClientError> {
    let mut builder = Client::at(url)?;
    for api in &args.api {
        builder = builder.for_origin(&address(api))?;
    }
    if let Some(scope) = &args.scope {
        builder = builder.scope(scope);
    }
    if let Some(audience) = &args.audience {
        builder = builder.audience(audience);
    }
    if args.insecure_http {
        builder = builder.plain_http_insecurely();
    }
    Ok(builder)
}

fn trusting(builder: ClientBuilder, file: Option<&Path>) -> Result<ClientBuilder, Failure> {
    let Some(file) = file else {
        return Ok(builder);
    };
    let named = |error: &dyn Display| Failure::usage(format!("{}: {error}", file.display()));
    let pem = fs::read_to_string(file).map_err(|error| named(&error))?;
    builder.trust_authority(&pem).map_err(|error| named(&error))
}

/// Host and port, if it is not the usual one.
fn host(url: &str) -> Result<String, Failure> {
    let url = Url::parse(url).map_err(Failure::usage)?;
    let host = url.host_str().unwrap_or_default();
    Ok(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
