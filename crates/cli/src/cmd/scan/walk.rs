//! The files below a path: folders in the order of their names, nothing hidden, nothing that git ignores.
//!
//! Asked are the `.gitignore` files of the folders on the way, up to the root of the repository, and its
//! `.git/info/exclude`. Links are not followed, but for the path that was named.

use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::Path;

use super::gitignore::Gitignore;
use crate::failure::Failure;

/// What lies on the way.
pub(super) enum Met<'a> {
    File(&'a Path),
    /// A file or folder that cannot be read.
    Unreadable(&'a Path, io::Error),
}

/// Walks through `root`, which may be a file. Folders with these names are left out below it; what git
/// ignores is, unless `ignored`.
pub(super) fn walk(
    root: &Path,
    left_out: &[&str],
    ignored: bool,
    met: &mut dyn FnMut(Met<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !root.is_dir() {
        return met(Met::File(root));
    }
    let mut walk = Walk {
        left_out,
        ignored,
        met,
        names: Vec::new(),
        asked: Vec::new(),
    };
    if !ignored {
        walk.repository_above(root);
    }
    walk.folder(root)
}

struct Walk<'a> {
    left_out: &'a [&'a str],
    ignored: bool,
    met: &'a mut dyn FnMut(Met<'_>) -> Result<(), Failure>,
    /// Of the folders on the way, from the root of the repository or, outside of one, from the root of
    /// the walk.
    names: Vec<String>,
    /// What says what is ignored, with how many of the names lead to it. The last is asked first.
    asked: Vec<(usize, Gitignore)>,
}

impl Walk<'_> {
    /// Reads what the repository around `root` says outside of it.
    fn repository_above(&mut self, root: &Path) {
        let Ok(root) = root.canonicalize() else {
            return;
        };
        let Some(top) = root.ancestors().find(|above| above.join(".git").exists()) else {
            return;
        };
        self.ask(&top.join(".git/info/exclude"));
        let mut folder = top.to_owned();
        for name in root.strip_prefix(top).into_iter().flatten() {
            self.ask(&folder.join(".gitignore"));
            folder.push(name);
            self.names.push(name.to_string_lossy().into_owned());
        }
    }

    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return (self.met)(Met::Unreadable(folder, error)),
        };
        entries.sort_by_key(DirEntry::file_name);
        let asked = self.asked.len();
        if !self.ignored {
            self.ask(&folder.join(".gitignore"));
        }
        for entry in &entries {
            self.entry(entry)?;
        }
        self.asked.truncate(asked);
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry) -> Result<(), Failure> {
        let path = entry.path();
        let kind: FileType = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => return (self.met)(Met::Unreadable(&path, error)),
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || self.left_out.contains(&name.as_str()) {
            return Ok(());
        }
        self.names.push(name);
        let met = if self.is_ignored(kind.is_dir()) {
            Ok(())
        } else if kind.is_dir() {
            self.folder(&path)
        } else if kind.is_file() {
            (self.met)(Met::File(&path))
        } else {
            Ok(())
        };
        self.names.pop();
        met
    }

    /// From now on this file is asked, if there is one, about what lies below the names so far. Where it
    /// cannot be read nothing is left out on its account.
    fn ask(&mut self, file: &Path) {
        if let Ok(bytes) = fs::read(file) {
            let lines = Gitignore::parse(&String::from_utf8_lossy(&bytes));
            self.asked.push((self.names.len(), lines));
        }
    }

    fn is_ignored(&self, is_folder: bool) -> bool {
        let verdict = |(above, lines): &(usize, Gitignore)| {
            lines.ignores(self.names.get(*above..)?, is_folder)
        };
        self.asked.iter().rev().find_map(verdict).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is met below `from`, in a folder with these files.
    fn met(files: &[(&str, &str)], from: &str, ignored: bool) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("room");
            fs::write(path, content).expect("room");
        }
        let root = folder.path().join(from);
        let mut all = Vec::new();
        walk(&root, &["vendor"], ignored, &mut |met| {
            let (Met::File(path) | Met::Unreadable(path, _)) = met;
            let below = path.strip_prefix(&root).expect("below it");
            all.push(below.to_string_lossy().into_owned());
            Ok(())
        })
        .expect("nothing fails");
        all
    }

    #[test]
    fn the_nearest_file_that_says_something_decides() {
        let files = [
            (".git/info/exclude", "excluded\n"),
            (".gitignore", "*.log\n/top\n"),
            ("a/.gitignore", "!kept.log\n/top\n"),
            ("a/b/kept.log", ""),
            ("a/b/other.log", ""),
            ("a/b/top", ""),
            ("a/excluded/x", ""),
            ("a/kept.log", ""),
            ("a/top", ""),
            ("kept.log", ""),
            ("top", ""),
            ("vendor/x", ""),
            (".hidden/x", ""),
        ];
        assert_eq!(
            met(&files, "", false),
            ["a/b/kept.log", "a/b/top", "a/kept.log"]
        );
        // The repository around the folder that is named has its say.
        assert_eq!(met(&files, "a/b", false), ["kept.log", "top"]);
        assert_eq!(met(&files, "a/b", true), ["kept.log", "other.log", "top"]);
        // Without a repository, what lies above is somebody else's.
        assert_eq!(
            met(&files[1..], "a/b", false),
            ["kept.log", "other.log", "top"]
        );
        assert_eq!(met(&files[1..], "", false).len(), 4);
    }

    #[test]
    fn a_file_that_is_named_is_met_whatever_it_is() {
        let files = [(".gitignore", "*"), (".hidden", "")];
        assert_eq!(met(&files, ".hidden", false), [""]);
    }
}
