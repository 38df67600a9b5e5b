//! Building and running the tests.
//!
//! One set of arguments serves the build and both runs, so that cargo builds nothing twice.
//! cargo-nextest runs them where it is installed; `cargo test` does as well, only slower.

use std::path::PathBuf;

use crate::cargo::cargo;
use crate::command::Call;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{foreign, logs, node, postgres, proxies};

/// Switches on the tests that need other implementations.
const FOREIGN: [&str; 2] = ["--features", "countersign-conformance/foreign"];
/// The libraries that are tested as they are shipped as well, by these of their tests. What the server
/// does with them is tested with the shipped command.
const OPTIMISED: [(&str, &str); 3] = [
    ("countersign", "library"),
    ("countersign-issuer", "decisions"),
    ("countersign-guard", "guard"),
];
const TARGETS: [&str; 4] = ["--lib", "--bins", "--tests", "--examples"];

pub(crate) fn build(workspace: &Workspace, options: Options, _: &mut Tally) -> Result<(), Failure> {
    let arguments = ["build", "--workspace"].into_iter().chain(TARGETS);
    cargo(workspace, arguments.chain(features(options))).run()?;
    command(workspace)
}

/// Builds the command as it is shipped.
pub(crate) fn command(workspace: &Workspace) -> Result<(), Failure> {
    let arguments = ["build", "--release", "--locked", "-p", "countersign-cli"];
    cargo(workspace, arguments).run()
}

/// What decides, as an optimising compiler understands it: it is not always what was written.
pub(crate) fn optimised(
    workspace: &Workspace,
    _: Options,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut arguments = vec!["test", "--release", "--no-fail-fast"];
    for (package, tests) in OPTIMISED {
        arguments.extend(["-p", package, "--test", tests]);
    }
    cargo(workspace, arguments).run_counting(tally)
}

pub(crate) fn examples(
    workspace: &Workspace,
    options: Options,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let arguments = ["test", "--workspace", "--doc"]
        .into_iter()
        .chain(features(options));
    cargo(workspace, arguments).run_counting(tally)
}

pub(crate) fn run(
    workspace: &Workspace,
    options: Options,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let nextest = Call::new("cargo-nextest", ["nextest", "--version"]).succeeds();
    let runner: &[&str] = if nextest {
        &["nextest", "run", "--no-fail-fast"]
    } else {
        &["test", "--no-fail-fast"]
    };
    let arguments = runner.iter().copied().chain(["--workspace"]).chain(TARGETS);
    let mut tests = cargo(workspace, arguments.chain(features(options)))
        .env(countersign_witness::FOLDER, logs::emptied(workspace)?)
        .env("COUNTERSIGN_BIN", binary(workspace))
        .env("COUNTERSIGN_TEST_PYTHON", foreign::python(workspace))
        .env("COUNTERSIGN_TEST_NODE", node::folder(workspace))
        .env("COUNTERSIGN_TEST_RUST", foreign::rust_client(workspace));
    for proxy in &proxies::ALL {
        tests = tests.env(proxy.variable, proxy.program(workspace));
    }
    if options.skip_foreign {
        tests = tests.env(postgres::SKIP, "1");
    }
    tests.run_counting(tally)
}

fn features(options: Options) -> impl Iterator<Item = &'static str> {
    let chosen: &[&str] = if options.skip_foreign { &[] } else { &FOREIGN };
    chosen.iter().copied()
}

/// The command that the tests start, as `command` left it.
pub(crate) fn binary(workspace: &Workspace) -> PathBuf {
    workspace
        .target
        .join("release")
        .join(format!("countersign{}", std::env::consts::EXE_SUFFIX))
}
