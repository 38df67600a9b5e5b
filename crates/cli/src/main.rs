//! The `countersign` command: parse, run, one exit code.

mod args;
mod cmd;
#[cfg(test)]
mod examples;
mod exit;
mod failure;
mod file_limit;
mod nearest;
mod output;
mod printable;
mod reason;
mod settings;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::settings::Unparsed;

fn main() -> ExitCode {
    if let Err(error) = file_limit::fails_a_write() {
        return exit::code(Err(Failure::failed(error)));
    }
    let typed: Vec<OsString> = std::env::args_os().collect();
    let cli: Cli = match settings::parse(Cli::command(), &typed) {
        Ok(cli) => cli,
        Err(Unparsed::Told(told)) => return exit::told(&told),
        Err(Unparsed::Failed(failure)) => return exit::code(Err(failure)),
    };
    output::start_logging(cli.log(), cli.log_format);
    exit::code(match cli.command {
        Command::Demo(args) => cmd::demo::run(&args),
        Command::Serve(args) => told_of_mistyped().and_then(|()| cmd::serve::run(&args)),
        Command::Guard(args) => told_of_mistyped().and_then(|()| cmd::guard::run(&args)),
        Command::User(args) => cmd::user::run(args),
        Command::Client(args) => cmd::client::run(args),
        Command::Key(args) => cmd::key::run(&args),
        Command::Session(args) => cmd::session::run(&args),
        Command::Audit(args) => cmd::audit::run(&args),
        Command::Password(args) => cmd::password::run(&args),
        Command::Backup(args) => cmd::backup::run(&args),
        Command::Restore(args) => cmd::restore::run(&args),
        Command::Login(args) => cmd::account::login(&args),
        Command::Logout(args) => cmd::account::logout(&args),
        Command::Whoami(args) => cmd::account::whoami(&args),
        Command::Token(args) => cmd::account::token(&args),
        Command::Request(args) => cmd::request::run(&args),
        Command::Jwt(args) => cmd::jwt::run(args),
        Command::Jwk(args) => cmd::jwk::run(&args),
        Command::Reason(args) => cmd::reason::run(&args),
        Command::Scan(args) => cmd::scan::run(&args),
        Command::Config(args) => cmd::config::run(&args, &Cli::command()),
        Command::Completions(args) => cmd::completions::run(&args, Cli::command()),
        Command::Manual(args) => cmd::manual::run(&args, Cli::command()),
    })
}

/// Warns of variables that look like one of ours and are none, where a service is set up by them.
fn told_of_mistyped() -> Result<(), Failure> {
    for unread in settings::unread(&Cli::command()) {
        if let Some(meant) = unread.meant {
            let name = unread.name;
            output::warning(&format!(
                "nothing reads the variable {name}; did you mean {meant}?"
            ))?;
        }
    }
    Ok(())
}
