//! Programs of others, and on the packages of others, that `cargo xtask test foreign` has installed or built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_witness::{Keep, Started};
use reqwest::Client;

use crate::guide::root;
use crate::port;

/// Python with the packages of `tests/conformance/python/requirements.txt`.
pub fn python() -> PathBuf {
    std::env::var_os("COUNTERSIGN_TEST_PYTHON").map_or_else(
        || root().join("target/foreign/python/bin/python"),
        PathBuf::from,
    )
}

/// The folder with the packages of `tests/conformance/node/package.json`.
///
/// # Panics
/// If they are not there.
pub fn node_packages() -> PathBuf {
    let folder = std::env::var_os("COUNTERSIGN_TEST_NODE")
        .map_or_else(|| root().join("target/foreign/node"), PathBuf::from);
    assert!(
        folder.join("node_modules").exists(),
        "there are no packages in {}; `cargo xtask test foreign` installs them",
        folder.display()
    );
    folder
}

/// The program of `tests/conformance/rust`, around the crate `oauth2`.
///
/// # Panics
/// If it is not there.
pub fn rust_client() -> PathBuf {
    let program = std::env::var_os("COUNTERSIGN_TEST_RUST").map_or_else(
        || root().join("target/foreign/rust/debug/oauth-client"),
        PathBuf::from,
    );
    assert!(
        program.exists(),
        "there is no {}; `cargo xtask test foreign` builds it",
        program.display()
    );
    program
}

/// A web application under test; dropped, it is ended.
#[derive(Debug)]
pub struct Program {
    child: Started,
    url: String,
}

/// Longer than any interpreter takes to start.
const PATIENCE: Duration = Duration::from_secs(60);

impl Program {
    /// Starts what `command` makes for a free port of 127.0.0.1, and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let port = port::free();
        Self::start_at(port, command(port)).await
    }

    /// The same, for a port that is known already.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn start_at(port: u16, mut command: Command) -> Self {
        let child = command.start().unwrap_or_else(|error| {
            panic!("{command:?}: {error}; `cargo xtask test foreign` installs what is needed")
        });
        let url = format!("http://127.0.0.1:{port}");
        let mut program = Self { child, url };
        let began = Instant::now();
        while Client::new().get(&program.url).send().await.is_err() {
            if let Ok(Some(status)) = program.child.try_wait() {
                panic!("{command:?} ended with {status}");
            }
            assert!(began.elapsed() < PATIENCE, "{command:?} does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        program
    }

    /// Its address, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A folder below `parent` that goes with the value.
///
/// # Panics
/// If it cannot be made.
pub fn folder_below(parent: &Path) -> tempfile::TempDir {
    tempfile::tempdir_in(parent).expect("a folder")
}
