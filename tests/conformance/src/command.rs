//! The `countersign` command, called and waited for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use countersign_witness::Keep;

/// One call of the command. Nothing of the caller's own settings reaches it.
#[derive(Debug)]
pub struct Countersign {
    command: Command,
    input: Vec<u8>,
}

impl Countersign {
    /// `countersign` with these arguments.
    pub fn new<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        Self {
            command,
            input: Vec::new(),
        }
    }

    /// With further arguments.
    pub fn and<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// In this folder.
    pub fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With this setting in its environment.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this on standard input.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn output(mut self) -> Output {
        let output = self.command.run_with(&self.input);
        output.expect("countersign starts")
    }

    /// Runs it, demands exit code 0, and hands over what it wrote to stdout.
    ///
    /// # Panics
    /// With what it said, if it ends otherwise.
    pub fn succeed(self) -> String {
        let output = self.output();
        assert!(
            output.status.success(),
            "countersign ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("countersign writes UTF-8")
    }

    /// For whoever does not wait for its end.
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// The command built from this tree: told by `COUNTERSIGN_BIN`, or else built now, so that no
/// test ever meets one of yesterday.
///
/// # Panics
/// If it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("COUNTERSIGN_BIN") {
        Some(path) => path.into(),
        None => built(),
    })
}

fn built() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "countersign-cli"])
        .run()
        .expect("cargo starts");
    let words = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "countersign-cli does not build: {words}"
    );
    // Tests lie in `target/debug/deps`, the command in `target/debug`.
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("a test lies in the target folder");
    profile.join(format!("countersign{}", std::env::consts::EXE_SUFFIX))
}
