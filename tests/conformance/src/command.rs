//! The `countersign` command, called and waited for.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use countersign_witness::{Kind, note};

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
        if name.contains("MASTER_KEY") {
            note(Kind::MasterKey, value);
        }
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
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("countersign starts");
        let arguments: Vec<_> = self.command.get_args().map(OsStr::to_os_string).collect();
        if arguments
            .iter()
            .any(|argument| argument == "--password-stdin")
        {
            note(Kind::Password, &String::from_utf8_lossy(&self.input));
        }
        if let Some(mut stdin) = child.stdin.take() {
            // Who refuses at once does not read; that is for the test to notice.
            let _ = stdin.write_all(&self.input);
        }
        let output = child.wait_with_output().expect("countersign ends");
        // A word about wrong usage repeats what was typed, to whoever typed it.
        if output.status.code() != Some(2)
            && let Some(mut log) = countersign_witness::log("command")
        {
            log.write_all(&output.stderr).expect("its words are kept");
        }
        output
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
        let data = String::from_utf8(output.stdout).expect("countersign writes UTF-8");
        if data.starts_with("csc_") {
            note(Kind::ClientSecret, &data);
        }
        data
    }

    /// For a server, which is not waited for: it is as talkative as it can be where logs are kept,
    /// unless its arguments say what it logs.
    pub fn into_command(mut self) -> Command {
        if countersign_witness::keeps() {
            self.command.env("COUNTERSIGN_LOG", "trace");
        }
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
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "countersign-cli"])
        .status()
        .expect("cargo starts");
    assert!(status.success(), "countersign-cli does not build");
    // Tests lie in `target/debug/deps`, the command in `target/debug`.
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("a test lies in the target folder");
    profile.join(format!("countersign{}", std::env::consts::EXE_SUFFIX))
}
