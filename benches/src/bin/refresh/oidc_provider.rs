//! The peer: node's `oidc-provider`, installed into the target folder when it is not there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use countersign_benches::Failure;
use countersign_benches::http::{self, Answer};
use countersign_benches::load::Caller;
use serde::Deserialize;
use tempfile::TempDir;

const PACKAGES: &str = include_str!("package.json");
const PROGRAM: &str = include_str!("provider.mjs");

/// A running provider with sessions to be refreshed.
pub(crate) struct Peer {
    child: Child,
    said: Said,
    _database: TempDir,
}

#[derive(Deserialize)]
struct Said {
    port: u16,
    tokens: Vec<String>,
}

/// Starts it with so many sessions.
pub(crate) fn start(sessions: usize) -> Result<Peer, Failure> {
    let folder = installed()?;
    let database = tempfile::tempdir_in(&folder)?;
    let mut child = Command::new("node")
        .arg("provider.mjs")
        .arg(database.path().join("provider.db"))
        .arg(sessions.to_string())
        .env("NODE_ENV", "production")
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("stdout is piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let said = serde_json::from_str(&line)
        .map_err(|error| format!("oidc-provider did not start ({error})"))?;
    Ok(Peer {
        child,
        said,
        _database: database,
    })
}

/// Where it is installed. What it is made of is written last, so that an installation cut short is
/// begun anew.
fn installed() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own
        .ancestors()
        .nth(2)
        .ok_or("a program lies in a target folder")?;
    let folder = target.join("bench-node");
    let done = folder.join("installed.json");
    if fs::read_to_string(&done).ok().as_deref() != Some(PACKAGES) {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), PACKAGES)?;
        let status = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status()
            .map_err(|error| format!("npm is needed to install oidc-provider: {error}"))?;
        if !status.success() {
            return Err(format!("npm install in {} ended with {status}", folder.display()).into());
        }
        fs::write(done, PACKAGES)?;
    }
    fs::write(folder.join("provider.mjs"), PROGRAM)?;
    Ok(folder)
}

impl Peer {
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.said.port).into()
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// One for each of its sessions.
    pub(crate) fn refreshers(&self) -> Vec<PeerRefresher> {
        let holding = |token: &String| PeerRefresher {
            token: token.clone(),
        };
        self.said.tokens.iter().map(holding).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
