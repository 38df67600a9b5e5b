//! The workspace as cargo sees it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command::Call;
use crate::failure::Failure;

/// The root, where builds go, and the packages of our own.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: std::collections::BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// A library, a program, a file of tests.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    kind: Vec<String>,
    /// Without these features it is not built.
    #[serde(rename = "required-features", default)]
    pub(crate) required_features: Vec<String>,
}

/// A line under `[dependencies]` and its like.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev` or `build`; none for what is built in.
    pub(crate) kind: Option<String>,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let json = Call::new(program, ["metadata", "--no-deps", "--format-version", "1"])
            .within(here)
            .read()?;
        serde_json::from_str(&json)
            .map_err(|error| Failure::new(format!("cannot read `cargo metadata`: {error}")))
    }

    pub(crate) fn package(&self, name: &str) -> Result<&Package, Failure> {
        self.packages
            .iter()
            .find(|package| package.name == name)
            .ok_or_else(|| Failure::new(format!("there is no package `{name}` any more")))
    }
}

impl Target {
    /// Whether it is a file of tests, or a folder of them.
    pub(crate) fn is_of_tests(&self) -> bool {
        self.kind.iter().any(|kind| kind == "test")
    }
}

impl Package {
    /// Whether it needs `name`, if only for its tests.
    pub(crate) fn needs(&self, name: &str) -> bool {
        self.dependencies.iter().any(|needed| needed.name == name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}
