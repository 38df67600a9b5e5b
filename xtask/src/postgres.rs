//! PostgreSQL for the store's tests, which start servers of their own from its programs.
//!
//! Installed by apt-get where it is missing and may be; the tests themselves need no service, no
//! account and no port.

use std::path::{Path, PathBuf};

use crate::debian;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Tells the tests to do without; they fail if they find nothing and are not told.
pub(crate) const SKIP: &str = "COUNTERSIGN_SKIP_POSTGRES";

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

pub(crate) fn prepare(_: &Workspace, options: Options, _: &mut Tally) -> Result<(), Failure> {
    if let Some(folder) = programs() {
        println!("PostgreSQL is in {}", folder.display());
        return Ok(());
    }
    if options.skip_foreign {
        println!("skipped, as --skip-foreign asks");
        return Ok(());
    }
    let installed = debian::install(&["postgresql"], "test the store on it");
    installed.and_then(|()| found()).map_err(|why| {
        Failure::new(format!(
            "{why}\n\nTo test without PostgreSQL: --skip-foreign"
        ))
    })
}

/// What stands in place of a pass.
pub(crate) fn say_skipped() {
    if programs().is_none() {
        println!("!!   the store on PostgreSQL (crates/server/tests)");
    }
}

fn found() -> Result<(), Failure> {
    match programs() {
        Some(_) => Ok(()),
        None => Err(Failure::new(
            "PostgreSQL was installed, and its programs are still not found",
        )),
    }
}

/// The folder with the server's programs: on the path, or where Debian keeps them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    std::env::split_paths(&path)
        .chain(versions.map(|version| version.path().join("bin")))
        .find(|folder| has(folder, "initdb") && has(folder, "postgres"))
}

fn has(folder: &Path, program: &str) -> bool {
    folder
        .join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
        .is_file()
}
