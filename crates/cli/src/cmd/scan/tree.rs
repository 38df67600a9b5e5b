//! Which files are read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use countersign_scan::{Finding, Language, is_test, scan};

use super::walk::{Met, walk};
use crate::cmd::progress::Progress;
use crate::failure::Failure;

/// Folders of code that others wrote.
const THIRD_PARTY: [&str; 6] = [
    "bower_components",
    "node_modules",
    "site-packages",
    "third_party",
    "vendor",
    "venv",
];
/// More than people write into one file.
const LARGE: usize = 1024 * 1024;
/// Lines that are longer than this on average were not written by people.
const LONG_LINES: usize = 400;
/// How far a file is looked at for bytes that no text has.
const BEGINNING: usize = 8 * 1024;
/// How often the bar is moved, in files.
const STEP: u64 = 64;

pub(super) struct Tree {
    pub(super) tests: bool,
    pub(super) ignored: bool,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Found {
    /// With the path as it is shown.
    pub(super) findings: Vec<(String, Finding)>,
    /// How many files were looked at.
    pub(super) files: u64,
    /// How many were left out as tests.
    pub(super) tests: u64,
    /// How many were left out as too large, minified or no text.
    pub(super) odd: u64,
    /// How many could not be read.
    pub(super) unread: u64,
}

impl Tree {
    pub(super) fn scan(&self, paths: &[PathBuf]) -> Result<Found, Failure> {
        for path in paths {
            fs::metadata(path).map_err(|error| {
                Failure::usage(format!("{} cannot be read: {error}", path.display()))
            })?;
        }
        let mut found = Found::default();
        let progress = Progress::of(None);
        for root in paths {
            walk(root, &THIRD_PARTY, self.ignored, &mut |met| match met {
                Met::File(path) => self.look_at(path, root, &mut found, &progress),
                Met::Unreadable(path, error) => unreadable(path, &error, &mut found, &progress),
            })?;
        }
        Ok(found)
    }

    fn look_at(
        &self,
        path: &Path,
        root: &Path,
        found: &mut Found,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(language) = name.and_then(Language::of_file) else {
            return Ok(());
        };
        // A file that was named is meant, whatever it is.
        let is_named = path == root;
        if !self.tests && !is_named && is_test(&below(path, root)) {
            found.tests += 1;
            return Ok(());
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return unreadable(path, &error, found, progress),
        };
        let text = String::from_utf8_lossy(&bytes);
        if !is_named && is_odd(&text) {
            found.odd += 1;
            return Ok(());
        }
        found.files += 1;
        let shown = shown(path);
        let here = scan(language, &text).into_iter();
        found
            .findings
            .extend(here.map(|finding| (shown.clone(), finding)));
        if found.files.is_multiple_of(STEP) {
            let (files, findings) = (found.files, found.findings.len());
            progress.at(files, format!("{files} files, {findings} findings"));
        }
        Ok(())
    }
}

fn unreadable(
    path: &Path,
    error: &io::Error,
    found: &mut Found,
    progress: &Progress,
) -> Result<(), Failure> {
    found.unread += 1;
    progress.note(&format!("{} cannot be read: {error}", path.display()))
}

fn is_odd(text: &str) -> bool {
    let beginning = text.as_bytes().get(..BEGINNING).unwrap_or(text.as_bytes());
    text.len() > LARGE
        || beginning.contains(&0)
        || text.len() > LONG_LINES * (text.lines().count() + 1)
}

/// The path below the root, its parts divided by `/`.
fn below(path: &Path, root: &Path) -> String {
    slashed(path.strip_prefix(root).unwrap_or(path))
}

/// The path as it was found, without the `./` of where one is.
fn shown(path: &Path) -> String {
    slashed(path.strip_prefix(".").unwrap_or(path))
}

fn slashed(path: &Path) -> String {
    let parts: Vec<String> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let joined = parts.join("/");
    // An absolute path begins with a part that is the slash itself.
    joined
        .strip_prefix("//")
        .map_or(joined.clone(), |rest| format!("/{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_they_are_typed() {
        for (path, is_shown) in [
            ("./src/a.py", "src/a.py"),
            ("src/a.py", "src/a.py"),
            ("../src/a.py", "../src/a.py"),
            ("/srv/a.py", "/srv/a.py"),
        ] {
            assert_eq!(shown(Path::new(path)), is_shown);
        }
    }
}
