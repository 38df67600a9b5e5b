//! The peer: node's `oidc-provider`, installed into the target folder when it is not there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Failure;

const PACKAGES: &str = include_str!("package.json");

/// A program of node's that runs; dropped, it is ended.
#[derive(Debug)]
pub struct Program {
    child: Child,
    said: String,
}

impl Program {
    /// Starts a program beside the packages, in production, and waits for its first line.
    ///
    /// # Errors
    /// When the packages cannot be installed, or it does not start.
    pub fn start(name: &str, source: &str, arguments: &[String]) -> Result<Self, Failure> {
        let folder = packages()?;
        fs::write(folder.join(name), source)?;
        let mut child = Command::new("node")
            .arg(name)
            .args(arguments)
            .env("NODE_ENV", "production")
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("stdout is piped")?;
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said)?;
        Ok(Self { child, said })
    }

    /// Its first line.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
