//! What our tokens meet in JavaScript, installed from npm into `target/foreign/node`.

use std::path::PathBuf;

use crate::command::Call;
use crate::debian;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Which packages, at which versions.
const PACKAGES: &str = "tests/conformance/node/package.json";

/// Where they are.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("foreign").join("node")
}

pub(crate) fn install(workspace: &Workspace) -> Result<(), Failure> {
    let folder = folder(workspace);
    let cannot =
        |what: &str, error: std::io::Error| Failure::new(format!("cannot {what}: {error}"));
    let wanted = std::fs::read_to_string(workspace.root.join(PACKAGES))
        .map_err(|error| cannot("read package.json", error))?;
    let installed = folder.join("installed.json");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        println!("the packages for node are in {}", folder.display());
        return Ok(());
    }
    if !Call::new("npm", ["--version"]).succeeds() {
        debian::install(&["nodejs", "npm"], "guard an Express API with our tokens")?;
    }
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("package.json"), &wanted))
        .map_err(|error| cannot("write package.json", error))?;
    let quietly = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
    Call::new("npm", quietly).argument(&folder).run()?;
    // Written last: an installation cut short is begun anew.
    std::fs::write(&installed, wanted).map_err(|error| cannot("note what is installed", error))
}
