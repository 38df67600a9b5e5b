//! The peer: node's `oidc-provider`, with sessions to be refreshed.

use std::net::SocketAddr;

use countersign_benches::Failure;
use countersign_benches::http::{self, Answer};
use countersign_benches::load::Caller;
use countersign_benches::node::{self, Program};
use serde::Deserialize;
use tempfile::TempDir;

const PROGRAM: &str = include_str!("provider.mjs");

/// A running provider with sessions to be refreshed.
pub(crate) struct Peer {
    program: Program<Sessions>,
    _database: TempDir,
}

#[derive(Deserialize)]
struct Sessions {
    tokens: Vec<String>,
}

/// Starts it with so many sessions.
pub(crate) fn start(sessions: usize) -> Result<Peer, Failure> {
    let database = tempfile::tempdir_in(node::packages()?)?;
    let file = database.path().join("provider.db").display().to_string();
    let arguments = [file, sessions.to_string()];
    Ok(Peer {
        program: Program::start("refresh.mjs", PROGRAM, &arguments)?,
        _database: database,
    })
}

impl Peer {
    pub(crate) fn address(&self) -> SocketAddr {
        self.program.address()
    }

    pub(crate) fn process(&self) -> u32 {
        self.program.process()
    }

    /// One for each of its sessions.
    pub(crate) fn refreshers(&self) -> Vec<PeerRefresher> {
        let holding = |token: &String| PeerRefresher {
            token: token.clone(),
        };
        self.program.said.tokens.iter().map(holding).collect()
    }
}

pub(crate) struct PeerRefresher {
    token: String,
}

impl Caller for PeerRefresher {
    fn request(&mut self) -> Vec<u8> {
        let body = format!(
            "grant_type=refresh_token&client_id=web-console&refresh_token={}",
            self.token
        );
        http::form("/token", "", &body)
    }

    fn answered(&mut self, answer: Answer<'_>) -> Result<(), Failure> {
        answer.text("refresh_token")?.clone_into(&mut self.token);
        Ok(())
    }
}
