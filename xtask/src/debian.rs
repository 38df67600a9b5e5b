//! Packages of Debian and its kin, installed where we may.

use crate::command::Call;
use crate::failure::Failure;

/// Installs `packages`, or says what the reader can do.
///
/// `purpose` completes "… is needed to".
pub(crate) fn install(packages: &[&str], purpose: &str) -> Result<(), Failure> {
    let names = packages.join(" ");
    let line = format!("apt-get install --no-install-recommends {names}");
    if !Call::new("apt-get", ["--version"]).succeeds() {
        return Err(Failure::new(format!(
            "{names} (Debian's names) is needed to {purpose}, and there is no apt-get here to \
             install it with: install its like by your system's own means"
        )));
    }
    if !is_root() {
        return Err(Failure::new(format!(
            "{names} is needed to {purpose}, and only root may install it:\n    sudo {line}"
        )));
    }
    let apt = |arguments: &[&str]| {
        Call::new("apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive")
    };
    // An old list often still does; what matters is whether the installation succeeds.
    let _ = apt(&["update", "-qq"]).run();
    let arguments = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&arguments
        .iter()
        .chain(packages)
        .copied()
        .collect::<Vec<_>>())
    .run()
    .map_err(|why| {
        Failure::new(format!(
            "{why}\n{names} is needed to {purpose}. By hand:\n    {line}"
        ))
    })
}

fn is_root() -> bool {
    Call::new("id", ["-u"])
        .read()
        .is_ok_and(|id| id.trim() == "0")
}
