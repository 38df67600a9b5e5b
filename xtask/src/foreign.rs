//! The other implementations that ours is held against, fetched into `target/foreign`.
//!
//! PyJWT, Authlib, Flask, and what hashes passwords in Python, in an environment of their own; jose and
//! Express, and two OAuth clients, for node beside it; an OAuth client of Rust's, built.
//! Nothing outside `target/` changes, unless Python itself is missing and apt-get may install it.

use std::path::{Path, PathBuf};

use crate::cargo::cargo;
use crate::command::Call;
use crate::debian;
use crate::failure::Failure;
use crate::node;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Which packages, at which versions.
const REQUIREMENTS: &str = "tests/conformance/python/requirements.txt";

pub(crate) fn prepare(
    workspace: &Workspace,
    options: Options,
    _: &mut Tally,
) -> Result<(), Failure> {
    if options.skip_foreign {
        println!("skipped, as --skip-foreign asks");
        return Ok(());
    }
    python_environment(workspace)
        .and_then(|()| node::install(workspace))
        .and_then(|()| build_rust_client(workspace))
        .map_err(|why| {
            Failure::new(format!(
                "{why}\n\nThe tests against other implementations need Python 3 with venv, node with \
                 npm, and the package indexes of both and of cargo. To run all others: --skip-foreign"
            ))
        })
}

/// What stands in place of a pass.
pub(crate) fn say_skipped() {
    println!(
        "\n!! NOT TESTED, because of --skip-foreign:\n\
         !!   tokens exchanged with PyJWT and jose (tests/conformance/tests/pyjwt.rs, foreign_jwt.rs)
\
         !!   OAuth clients: oauth4webapi, openid-client, Authlib, oauth2 \
         (tests/conformance/tests/oauth_clients.rs)
\
         !!   the server against its description, by schemathesis (tests/conformance/tests/contract.rs)
\
         !!   the guides for Flask and Express (tests/conformance/tests/guides.rs)
\
         !!   a single-page app in Chromium (tests/conformance/tests/browser.rs)
\
         !!   users imported with hashes of Werkzeug, Django and bcrypt \
         (tests/conformance/tests/import.rs)"
    );
}

/// Where the environment's interpreter is.
pub(crate) fn python(workspace: &Workspace) -> PathBuf {
    let folder = environment(workspace);
    if cfg!(windows) {
        folder.join("Scripts/python.exe")
    } else {
        folder.join("bin/python")
    }
}

/// The program around the crate `oauth2`, a workspace of its own.
const RUST_CLIENT: &str = "tests/conformance/rust/Cargo.toml";

/// Where that program is.
pub(crate) fn rust_client(workspace: &Workspace) -> PathBuf {
    let name = format!("oauth-client{}", std::env::consts::EXE_SUFFIX);
    rust_target(workspace).join("debug").join(name)
}

fn rust_target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("foreign").join("rust")
}

fn build_rust_client(workspace: &Workspace) -> Result<(), Failure> {
    cargo(workspace, ["build", "--quiet", "--locked"])
        .arguments(["--manifest-path", RUST_CLIENT, "--target-dir"])
        .argument(rust_target(workspace))
        .run()
}

fn environment(workspace: &Workspace) -> PathBuf {
    workspace.target.join("foreign").join("python")
}

fn python_environment(workspace: &Workspace) -> Result<(), Failure> {
    let folder = environment(workspace);
    let wanted = workspace.root.join(REQUIREMENTS);
    let requirements = std::fs::read_to_string(&wanted)
        .map_err(|error| Failure::new(format!("cannot read {REQUIREMENTS}: {error}")))?;
    let installed = folder.join("requirements.txt");
    let python = python(workspace);
    let runs = Call::new(
        &python,
        ["-c", "import jwt, cryptography, flask, schemathesis"],
    )
    .succeeds();
    if runs && std::fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        println!("the packages for Python are in {}", folder.display());
        return Ok(());
    }
    create(&folder)?;
    Call::new(
        &python,
        [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ],
    )
    .argument(&wanted)
    .run()?;
    // Written last: an installation cut short is begun anew.
    std::fs::write(&installed, requirements)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", installed.display())))
}

fn create(folder: &Path) -> Result<(), Failure> {
    let with = |python: &str| {
        Call::new(python, ["-m", "venv", "--clear"])
            .argument(folder)
            .succeeds()
    };
    if with("python3") || with("python") {
        return Ok(());
    }
    debian::install(
        &["python3", "python3-venv"],
        "compare our tokens with PyJWT's",
    )?;
    Call::new("python3", ["-m", "venv", "--clear"])
        .argument(folder)
        .run()
}
