//! The peer: node's `oidc-provider`, installed into the target folder when it is not there. What all
//! benches set up alike is in `oidc_provider.mjs`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;

const PACKAGES: &str = include_str!("package.json");

/// What every program may import.
const SHARED: (&str, &str) = ("oidc_provider.mjs", include_str!("oidc_provider.mjs"));

/// A program of node's that serves; dropped, it is ended.
#[derive(Debug)]
pub struct Program<S = ()> {
    child: Running,
    port: u16,
    /// What it said when it began to serve, beside its port.
    pub said: S,
}

#[derive(Deserialize)]
struct Said<S> {
    port: u16,
    #[serde(flatten)]
    more: S,
}

impl<S: DeserializeOwned> Program<S> {
    /// Starts a program beside the packages, in production, and waits until it serves.
    ///
    /// # Errors
    /// When the packages cannot be installed, or it does not start.
    pub fn start(name: &str, source: &str, arguments: &[String]) -> Result<Self, Failure> {
        let folder = packages()?;
        let (shared, text) = SHARED;
        fs::write(folder.join(shared), text)?;
        fs::write(folder.join(name), source)?;
        let mut command = Command::new("node");
        command.arg(name).args(arguments).current_dir(&folder);
        command.env("NODE_ENV", "production").stdout(Stdio::piped());
        let mut child = Running(command.spawn()?);
        let stdout = child.0.stdout.take().ok_or("stdout is piped")?;
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said)?;
        let said: Said<S> = serde_json::from_str(&said)
            .map_err(|error| format!("oidc-provider did not start ({error})"))?;
        Ok(Self {
            child,
            port: said.port,
            said: said.more,
        })
    }
}

impl<S> Program<S> {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.0.id()
    }
}

#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the packages are installed. What they are is written last, so that an installation cut
/// short is begun anew.
///
/// # Errors
/// When npm is not there, or does not install them.
pub fn packages() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2);
    let folder = target
        .ok_or("a program lies in a target folder")?
        .join("bench-node");
    let done = folder.join("installed.json");
    if fs::read_to_string(&done).ok().as_deref() != Some(PACKAGES) {
        install(&folder)?;
        fs::write(done, PACKAGES)?;
    }
    Ok(folder)
}

fn install(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), PACKAGES)?;
    let status = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("npm is needed to install oidc-provider: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("npm install in {} ended with {status}", folder.display()).into())
}
