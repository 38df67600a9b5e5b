//! The walls of the house, as `ARCHITECTURE.md` draws them, checked.
//!
//! - Crates depend on each other downwards only, in tests too.
//! - Crates without I/O are `no_std` and have no runtime, socket or database below them.
//! - Rooms keep to their trade: only one file names the crypto backend, decisions about requests
//!   know no SQL, and the flows know no HTTP framework.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cargo::cargo;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::{Package, Workspace};

/// Every crate of the house and the ones of ours it may depend on. What is not listed here, tests
/// and examples for one, stands around the house, and nothing may depend on it.
const ARROWS: &[(&str, &[&str])] = &[
    ("countersign", &[]),
    ("countersign-wire", &[]),
    ("countersign-scan", &[]),
    ("countersign-issuer", &["countersign"]),
    ("countersign-guard", &["countersign", "countersign-wire"]),
    ("countersign-client", &["countersign-wire"]),
    (
        "countersign-server",
        &[
            "countersign",
            "countersign-wire",
            "countersign-issuer",
            "countersign-guard",
        ],
    ),
    (
        "countersign-cli",
        &[
            "countersign",
            "countersign-wire",
            "countersign-issuer",
            "countersign-guard",
            "countersign-client",
            "countersign-scan",
            "countersign-server",
        ],
    ),
];

/// Keeps the logs of tests: any test may, and nothing that is shipped.
const WITNESS: &str = "countersign-witness";

/// The crates that touch no socket, disk or clock.
const NO_IO: &[&str] = &[
    "countersign",
    "countersign-wire",
    "countersign-issuer",
    "countersign-scan",
];

/// What must not stand below them, directly or not.
const IO: &[&str] = &[
    "async-std",
    "axum",
    "axum-core",
    "h2",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tower",
];

/// Measures the library against the bare backend, and is shipped to nobody.
const BENCHES: &str = "countersign-benches";
/// The crypto backend, and the one file (or folder) of `crates/countersign/src` that names it.
const BACKEND: &str = "aws-lc-rs";
const BACKEND_FILE: &str = "crypto/aws_lc";

/// Folders of the server's sources, and what their code must not name.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "flow",
        &["axum", "hyper", "rusqlite", "tokio_postgres", "StatusCode"],
    ),
    ("http", &["rusqlite", "tokio_postgres"]),
    ("store", &["axum", "hyper"]),
];

pub(crate) fn check(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
    let mut faults = Vec::new();
    arrows(workspace, &mut faults);
    for name in NO_IO {
        let package = workspace.package(name)?;
        no_std(package, &mut faults)?;
        nothing_below(workspace, package, &mut faults)?;
    }
    backend(workspace, &mut faults)?;
    rooms(workspace.package("countersign-server")?, &mut faults)?;
    if faults.is_empty() {
        println!(
            "{} crates, {} of them without I/O: all walls stand",
            ARROWS.len(),
            NO_IO.len()
        );
        return Ok(());
    }
    let mut words = String::from("Some walls do not stand (`ARCHITECTURE.md` says why they do):");
    for fault in faults {
        let _ = write!(words, "\n  - {fault}");
    }
    Err(Failure::new(words))
}

fn arrows(workspace: &Workspace, faults: &mut Vec<String>) {
    let ours: BTreeSet<&str> = workspace
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let house: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for package in &workspace.packages {
        let row = ARROWS.iter().find(|(name, _)| *name == package.name);
        let on = package
            .dependencies
            .iter()
            .filter(|on| on.name != WITNESS || (row.is_some() && on.kind.as_deref() != Some("dev")))
            .map(|dependency| dependency.name.as_str());
        for on in on.filter(|on| ours.contains(on)) {
            let drawn = row.map_or(house.contains(on), |(_, may)| may.contains(&on));
            if !drawn {
                faults.push(format!(
                    "{} depends on {on}; no arrow leads there",
                    package.name
                ));
            }
        }
    }
}

fn no_std(package: &Package, faults: &mut Vec<String>) -> Result<(), Failure> {
    let name = &package.name;
    let sources = package.folder().join("src");
    if !read(&sources.join("lib.rs"))?
        .lines()
        .any(|line| line == "#![no_std]")
    {
        faults.push(format!("{name} does not say `#![no_std]` in its lib.rs"));
    }
    // Without `extern crate std` nobody can reach it; what may bring it in is a feature or a test.
    for file in rust_files(&sources)? {
        let text = read(&file)?;
        let mut before = "";
        for line in text.lines().map(str::trim) {
            if line.contains("extern crate std") && !before.starts_with("#[cfg(") {
                let file = file
                    .strip_prefix(package.folder())
                    .unwrap_or(&file)
                    .display();
                faults.push(format!("{name} brings in std without a condition ({file})"));
            }
            before = line;
        }
    }
    Ok(())
}

fn nothing_below(
    workspace: &Workspace,
    package: &Package,
    faults: &mut Vec<String>,
) -> Result<(), Failure> {
    let name = &package.name;
    let tree = cargo(workspace, ["tree", "--all-features", "--target", "all"])
        .arguments([
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .arguments(["--package", name])
        .read()?;
    let below: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if !below.contains(name.as_str()) {
        return Err(Failure::new(format!(
            "`cargo tree` does not show {name} itself"
        )));
    }
    for io in IO.iter().filter(|io| below.contains(*io)) {
        faults.push(format!(
            "{name} does no I/O, yet {io} is below it: cargo tree -p {name} -i {io}"
        ));
    }
    Ok(())
}

fn backend(workspace: &Workspace, faults: &mut Vec<String>) -> Result<(), Failure> {
    for package in &workspace.packages {
        let direct = package
            .dependencies
            .iter()
            .any(|dependency| dependency.name == BACKEND);
        if direct && package.name != "countersign" && package.name != BENCHES {
            faults.push(format!(
                "{} depends on {BACKEND}: only countersign may",
                package.name
            ));
        }
    }
    let sources = workspace.package("countersign")?.folder().join("src");
    let home = sources.join(BACKEND_FILE);
    let home = home.to_string_lossy();
    for file in rust_files(&sources)? {
        let elsewhere = !file.to_string_lossy().starts_with(home.as_ref());
        if elsewhere && names(&read(&file)?, &BACKEND.replace('-', "_")) {
            faults.push(format!(
                "{} names {BACKEND}: only {BACKEND_FILE}.rs may",
                file.display()
            ));
        }
    }
    Ok(())
}

fn rooms(server: &Package, faults: &mut Vec<String>) -> Result<(), Failure> {
    for (room, forbidden) in ROOMS {
        for file in rust_files(&server.folder().join("src").join(room))? {
            let text = read(&file)?;
            for word in forbidden.iter().filter(|word| names(&text, word)) {
                let file = file
                    .strip_prefix(server.folder())
                    .unwrap_or(&file)
                    .display();
                faults.push(format!(
                    "the server's {file} names {word}: {room}/ does not"
                ));
            }
        }
    }
    Ok(())
}

/// Whether code, comments aside, contains `word` as a whole word.
fn names(text: &str, word: &str) -> bool {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .any(|line| {
            line.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|part| part == word)
        })
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::new(format!("cannot list {}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_word_counts_in_code_alone() {
        assert!(names("use axum::Router;", "axum"));
        assert!(!names("// knows no axum\nuse axum_core::Body;", "axum"));
    }
}
