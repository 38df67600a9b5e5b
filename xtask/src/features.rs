//! Each feature of each library compiles alone, and so does none at all.
//!
//! Only the libraries that others build on are checked so: what a feature adds must not lean on
//! another feature being on by chance, which a build of the whole workspace would hide.

use crate::cargo::cargo;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// The package of the tests that need several crates; its features only choose tests.
const CONFORMANCE: &str = "countersign-conformance";

pub(crate) fn check(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    for package in &workspace.packages {
        if package.features.is_empty() || package.name == CONFORMANCE {
            continue;
        }
        let check = ["check", "--no-default-features", "--package", &package.name];
        cargo(workspace, check).run()?;
        for feature in package
            .features
            .keys()
            .filter(|feature| *feature != "default")
        {
            cargo(workspace, check.into_iter().chain(["--features", feature])).run()?;
        }
    }
    Ok(())
}
