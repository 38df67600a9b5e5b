//! A token as it is typed or piped in, and what else is piped in.

use std::io::{self, IsTerminal, Read};

use clap::Args;

use crate::failure::Failure;

/// Where a token comes from: the command line, or standard input.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The token; without it, or with `-`, standard input is read
    token: Option<String>,
}

/// More than any token, less than a file piped in by mistake.
const MAX_INPUT: u64 = 1024 * 1024;

impl TokenArgs {
    pub(super) fn read(&self) -> Result<String, Failure> {
        let text = match self.token.as_deref() {
            Some(token) if token != "-" => token.to_owned(),
            _ => from_stdin("a token")?,
        };
        let text = text.trim();
        // What `curl -H` was given is often what is at hand.
        let token = text
            .strip_prefix("Authorization:")
            .map_or(text, str::trim_start);
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
        if token.is_empty() {
            return Err(Failure::usage(
                "there is no token: give it as an argument or pipe it in",
            ));
        }
        Ok(token.to_owned())
    }
}

/// Reads text that was piped in; a person at a terminal is told what is waited for.
pub(super) fn from_stdin(what: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        crate::output::note(&format!(
            "reading {what} from the terminal; end with Ctrl-D"
        ))?;
    }
    let mut text = String::new();
    io::stdin()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}
