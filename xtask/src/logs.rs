//! No log of the whole test run holds a secret that was used in it.
//!
//! While the tests run, all they start keeps its logs, as talkative as can be, and notes its secrets
//! (`tests/witness`); here the one is looked for in the other.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;

use countersign_witness::{Kind, search};

use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// A run of all tests keeps hundreds. Fewer would mean that somebody has stopped to keep them.
const FEWEST_LOGS: usize = 100;
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

pub(crate) fn check(workspace: &Workspace, _: Options, _: &mut Tally) -> Result<(), Failure> {
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
    println!(
        "{} logs, {} KiB, hold none of {} secrets ({} more were too short to look for)",
        report.logs,
        report.bytes / 1024,
        report.secrets.values().sum::<usize>(),
        report.too_short
    );
    Ok(())
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("test-logs")
}
