//! The proxies that the sidecar is tested behind: nginx and Caddy, Debian's.
//!
//! Nothing is installed: their packages would start a service on port 80. Where a program is
//! missing, its package is fetched and unpacked into `target/foreign`.

use std::path::{Path, PathBuf};

use crate::command::Call;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// A program of the package of the same name.
pub(crate) struct Proxy {
    name: &'static str,
    /// Where it is in the package, and where the package puts it.
    path: &'static str,
    /// Tells the tests where it is.
    pub(crate) variable: &'static str,
}

pub(crate) const ALL: [Proxy; 2] = [
    Proxy {
        name: "nginx",
        path: "usr/sbin/nginx",
        variable: "COUNTERSIGN_TEST_NGINX",
    },
    Proxy {
        name: "caddy",
        path: "usr/bin/caddy",
        variable: "COUNTERSIGN_TEST_CADDY",
    },
];

pub(crate) fn prepare(
    workspace: &Workspace,
    options: Options,
    _: &mut Tally,
) -> Result<(), Failure> {
    if options.skip_foreign {
        println!("skipped, as --skip-foreign asks");
        return Ok(());
    }
    for proxy in &ALL {
        if !proxy.runs(workspace) {
            proxy.fetch(workspace).map_err(|why| {
                Failure::new(format!(
                    "{why}\n\nThe sidecar is tested behind {name}. Where it is kept elsewhere, \
                     {variable} names it. To test without: --skip-foreign",
                    name = proxy.name,
                    variable = proxy.variable,
                ))
            })?;
        }
        println!("{} is {}", proxy.name, proxy.program(workspace).display());
    }
    Ok(())
}

/// What stands in place of a pass.
pub(crate) fn say_skipped() {
    println!("!!   the sidecar behind nginx and Caddy (tests/conformance/tests/proxies)");
}

impl Proxy {
    /// Where it is: where we are told, where Debian installs it, or where it is unpacked.
    pub(crate) fn program(&self, workspace: &Workspace) -> PathBuf {
        let installed = Path::new("/").join(self.path);
        match std::env::var_os(self.variable) {
            Some(named) => named.into(),
            None if installed.is_file() => installed,
            None => self.folder(workspace).join(self.path),
        }
    }

    fn runs(&self, workspace: &Workspace) -> bool {
        Call::new(self.program(workspace), ["-h"]).succeeds()
    }

    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join("foreign").join(self.name)
    }

    fn fetch(&self, workspace: &Workspace) -> Result<(), Failure> {
        let folder = self.folder(workspace);
        let failed = |why: std::io::Error| {
            Failure::new(format!("cannot write into {}: {why}", folder.display()))
        };
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let download = || Call::new("apt-get", ["download", "-qq", self.name]).within(&folder);
        if !download().succeeds() {
            // A new machine has no lists yet; only root can get them.
            Call::new("apt-get", ["update", "-qq"]).run()?;
            download().run()?;
        }
        let package = std::fs::read_dir(&folder)
            .map_err(failed)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .ok_or_else(|| Failure::new(format!("apt-get fetched no package {}", self.name)))?;
        Call::new("dpkg-deb", ["-x"])
            .argument(package)
            .argument(&folder)
            .run()?;
        if self.runs(workspace) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} was fetched and does not run",
            self.program(workspace).display()
        )))
    }
}
