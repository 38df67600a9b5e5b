//! No log of the whole test run holds a secret that was used in it.
//!
//! While the tests run, all they start keeps its logs, as talkative as can be, and notes its secrets
//! (`tests/witness`); here the one is looked for in the other.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;

use countersign_witness::{Kind, search};

use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::{Package, Workspace};

/// A run of all tests keeps hundreds. Fewer would mean that somebody has stopped to keep them.
const FEWEST_LOGS: usize = 100;
/// The crates that log, and the command.
const TALKATIVE: [&str; 4] = [
    "countersign-cli",
    "countersign-client",
    "countersign-guard",
    "countersign-server",
];
/// Tests beside those that start nothing: they read pages, files and settings.
const SPEECHLESS: [&str; 2] = [
    "countersign-conformance.every_page",
    "countersign-server.config",
];
/// So many leaks are shown; the rest are more of the same.
const SHOWN: usize = 20;

/// The folder, with nothing of an earlier run in it.
pub(crate) fn emptied(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let folder = folder(workspace);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::new(format!(
            "cannot empty {}: {error}",
            folder.display()
        ))),
        _ => Ok(folder),
    }
}

pub(crate) fn check(workspace: &Workspace, options: Options, _: &mut Tally) -> Result<(), Failure> {
    let folder = folder(workspace);
    let report = search(&folder).map_err(|error| {
        Failure::new(format!(
            "cannot look through {}: {error}; the step `tests` fills it",
            folder.display()
        ))
    })?;
    if !report.leaks.is_empty() {
        let mut words = format!("{} times a secret stands in a log:", report.leaks.len());
        for leak in report.leaks.iter().take(SHOWN) {
            let _ = write!(words, "\n  {leak}");
        }
        return Err(Failure::new(words));
    }
    let unused: Vec<String> = Kind::ALL
        .iter()
        .filter(|kind| !report.secrets.contains_key(kind))
        .map(ToString::to_string)
        .collect();
    if report.logs < FEWEST_LOGS || !unused.is_empty() {
        return Err(Failure::new(format!(
            "no proof: {} logs were kept, and no secret of these kinds was used: {}",
            report.logs,
            unused.join(", ")
        )));
    }
    let silent = silent(workspace, options, &report.from);
    if !silent.is_empty() {
        return Err(Failure::new(format!(
            "no proof: these tests kept no log; whoever starts a server or a guard calls \
             countersign_witness::listen first:\n  {}",
            silent.join("\n  ")
        )));
    }
    println!(
        "{} logs, {} KiB, hold none of {} secrets ({} more were too short to look for)",
        report.logs,
        report.bytes / 1024,
        report.secrets.values().sum::<usize>(),
        report.too_short
    );
    Ok(())
}

/// The files of tests that could have kept a log, for something of ours that logs is in them, and did not.
fn silent(workspace: &Workspace, options: Options, from: &BTreeSet<String>) -> Vec<String> {
    let logs = |package: &&Package| {
        TALKATIVE.contains(&package.name.as_str())
            || TALKATIVE.iter().any(|name| package.needs(name))
    };
    let packages = workspace.packages.iter().filter(logs);
    let tests = packages.flat_map(|package| {
        let targets = package.targets.iter().filter(|target| {
            let runs = !options.skip_foreign || target.required_features.is_empty();
            target.is_of_tests() && runs
        });
        targets.map(|target| format!("{}.{}", package.name, target.name))
    });
    tests
        .filter(|tests| !from.contains(tests) && !SPEECHLESS.contains(&tests.as_str()))
        .collect()
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("test-logs")
}
