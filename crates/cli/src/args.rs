//! What can be typed.

use clap::{Parser, Subcommand};

use crate::cmd::{
    account, audit, backup, client, completions, config, demo, guard, jwk, jwt, key, manual,
    password, reason, request, restore, scan, serve, session, user,
};
use crate::output::{self, LogFormat};

/// JWT authentication for APIs: sign in, guard, refresh, revoke.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  countersign demo
  countersign serve --dev
  countersign login http://127.0.0.1:7800 -u admin
  countersign jwt inspect < token"
)]
pub(crate) struct Cli {
    /// What to log to standard error: error, warn, info, debug, or `target=level` pairs
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_LOG",
        value_name = "FILTER",
        value_parser = output::log_words,
        display_order = 900
    )]
    log: Option<String>,
    /// How a line of the log is written
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        display_order = 901
    )]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the whole story on a server of its own, step by step
    Demo(demo::DemoArgs),
    /// Run the auth server
    Serve(serve::ServeArgs),
    /// Answer a proxy's questions: may this request pass, and whose is it?
    Guard(guard::GuardArgs),
    /// Add, list and change users
    User(user::UserArgs),
    /// Add, list and change OAuth clients: services, and apps that users sign in through
    Client(client::ClientArgs),
    /// List, rotate and withdraw signing keys
    Key(key::KeyArgs),
    /// List and end sessions
    Session(session::SessionArgs),
    /// Show what happened
    Audit(audit::AuditArgs),
    /// Find out what a password hash should cost on this machine
    Password(password::PasswordArgs),
    /// Copy the database while the server runs
    ///
    /// The copy holds one moment: password hashes, and keys sealed under the master key, which it
    /// does not hold. Only its owner can read it.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database; the server must be stopped
    ///
    /// Nobody stays signed in: every session ends, every signing key is withdrawn, and no token of
    /// before or after the backup is accepted. The database that was there is kept beside it, and
    /// what the backup takes back is listed.
    Restore(restore::RestoreArgs),
    Login(account::LoginArgs),
    Logout(account::LogoutArgs),
    Whoami(account::WhoamiArgs),
    Token(account::TokenArgs),
    Request(request::RequestArgs),
    /// Sign, verify, explain and look at tokens
    Jwt(jwt::JwtArgs),
    /// Make, convert and name keys
    Jwk(jwk::JwkArgs),
    /// Say what a reason code means
    Reason(reason::ReasonArgs),
    Scan(scan::ScanArgs),
    /// Check the settings file, and list what can be set
    Config(config::ConfigArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write man pages, or the reference page of the command line
    #[command(hide = true)]
    Manual(manual::ManualArgs),
}

impl Cli {
    /// The log filter: as asked, or what an operator should see.
    pub(crate) fn log(&self) -> &str {
        match (&self.log, &self.command) {
            (Some(filter), _) => filter,
            (None, Command::Serve(_) | Command::Guard(_)) => "warn,countersign=info",
            // The demo steals a token on purpose; the warning about it would interrupt the story.
            (None, Command::Demo(_)) => "error",
            (None, _) => "warn",
        }
    }
}
