//! What we depend on: cargo-deny against `deny.toml`.
//!
//! cargo-deny is built from the registry into `target/tools` where it is missing or of another
//! version. The advisory database is a repository elsewhere: where it cannot be fetched, that one
//! check is left out, loudly, for it says something about the world and not about the change.

use std::path::PathBuf;

use crate::cargo::cargo;
use crate::command::Call;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

pub(crate) fn check(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    let tool = tool(workspace)?;
    let deny = |arguments: &[&str]| {
        let all = ["--workspace", "--all-features"]
            .iter()
            .chain(arguments)
            .copied();
        Call::new(&tool, all.collect::<Vec<_>>()).within(&workspace.root)
    };
    deny(&["check", "bans", "licenses", "sources"]).run()?;
    if deny(&["fetch", "db"]).succeeds() {
        deny(&["check", "--disable-fetch", "advisories"]).run()
    } else {
        println!(
            "\n!! NOT CHECKED: security advisories. Their database could not be fetched from here."
        );
        Ok(())
    }
}

/// The program's path: the one installed, if it is this version, else one of our own.
fn tool(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let own = workspace.target.join("tools");
    let built = own
        .join("bin")
        .join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    for candidate in [PathBuf::from("cargo-deny"), built.clone()] {
        if is_right(&candidate) {
            return Ok(candidate);
        }
    }
    println!(
        "cargo-deny {VERSION} is not here: building it into {} (some minutes)",
        own.display()
    );
    cargo(
        workspace,
        ["install", "--locked", "--version", VERSION, "--root"],
    )
    .argument(&own)
    .argument("cargo-deny")
    // Its build is its own: in a folder of ours it would neither find nor leave anything.
    .env("CARGO_TARGET_DIR", own.join("build"))
    .run()?;
    // Half a gigabyte that nobody needs again; if it stays, it only takes room.
    let _ = std::fs::remove_dir_all(own.join("build"));
    Ok(built)
}

fn is_right(program: &std::path::Path) -> bool {
    Call::new(program, ["--version"])
        .read()
        .is_ok_and(|version| version.trim() == format!("cargo-deny {VERSION}"))
}
