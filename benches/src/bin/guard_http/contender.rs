//! A server under load: ours, a crate's, or fastify. Each is a process of its own on the first core.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign_benches::Failure;

use crate::serve::Task;

const PACKAGES: &str = include_str!("package.json");
const PROGRAM: &str = include_str!("fastify.mjs");

/// A server that listens.
pub(crate) struct Contender {
    child: Child,
    pub(crate) address: String,
}

impl Contender {
    pub(crate) fn start(task: &Task) -> Result<Self, Failure> {
        let mut command = match task.contender.as_str() {
            "fastify" => {
                let mut node = Command::new("node");
                node.arg("fastify.mjs").env("NODE_ENV", "production");
                node.current_dir(target()?.join("bench-fastify"));
                node
            }
            "bare"
            | "guard"
            | "guard-off"
            | "guard-new"
            | "guard-mixed"
            | "signature"
            | "signature-and-claims" => {
                let mut own = Command::new(std::env::current_exe()?);
                own.arg("serve");
                own
            }
            _ => Command::new(target()?.join("contenders/release/contenders")),
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.as_mut().ok_or("stdin is piped")?;
        writeln!(stdin, "{}", serde_json::to_string(task)?)?;
        let stdout = child.stdout.take().ok_or("stdout is piped")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address)?;
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(format!("{} did not start", task.contender).into());
        }
        Ok(Self { child, address })
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds and installs whoever takes part, and the load program.
pub(crate) fn prepare() -> Result<(), Failure> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("contenders/Cargo.toml");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    build.args(["build", "--release", "--locked", "--manifest-path"]);
    build.arg(manifest).arg("--target-dir");
    run(build.arg(target()?.join("contenders")))?;
    install_fastify()?;
    install_wrk()
}

/// What it is made of is written last, so that an installation cut short is begun anew.
fn install_fastify() -> Result<(), Failure> {
    let folder = target()?.join("bench-fastify");
    let done = folder.join("installed.json");
    if fs::read_to_string(&done).ok().as_deref() != Some(PACKAGES) {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), PACKAGES)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]);
        run(npm.current_dir(&folder))?;
        fs::write(done, PACKAGES)?;
    }
    Ok(fs::write(folder.join("fastify.mjs"), PROGRAM)?)
}

fn install_wrk() -> Result<(), Failure> {
    let there = Command::new("wrk").arg("-v").output().is_ok();
    if there {
        return Ok(());
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "-qq", "--no-install-recommends", "wrk"]);
    run(apt.env("DEBIAN_FRONTEND", "noninteractive"))
        .map_err(|why| format!("wrk is needed as the load program: {why}").into())
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}

fn target() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2);
    Ok(target
        .ok_or("a program lies in a target folder")?
        .to_owned())
}
