//! Files made whole under another name and then put in their place in one step, so that no crash
//! leaves half of one there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file on its way, in the folder where it will stay. Removed if it does not get there.
#[derive(Debug)]
pub(crate) struct Draft(PathBuf);

impl Draft {
    /// A name that nobody else uses, beside `place`. Nothing is there yet.
    pub(crate) fn of(place: &Path) -> io::Result<Self> {
        let draft = beside(place, &format!(".draft-{}", std::process::id()));
        // One that a crash left behind, under the number this process has now.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Self(draft)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts it where nothing may be yet.
    pub(crate) fn place_new(self, place: &Path) -> io::Result<()> {
        fs::hard_link(&self.0, place)?;
        sync_folder(place)
    }

    /// Puts it in the place of whatever is there.
    pub(crate) fn place_over(self, place: &Path) -> io::Result<()> {
        fs::rename(&self.0, place)?;
        sync_folder(place)
    }

    /// Puts a database in the place of another, which is kept under the name `kept`. At every
    /// moment there is a whole database in the place.
    pub(crate) fn succeed(self, database: &Path, kept: &Path) -> io::Result<()> {
        if kept.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // A log that could not be written out belongs to the old one, and would spoil the new.
        for end in ["-wal", "-shm", "-journal"] {
            match fs::rename(beside(database, end), beside(kept, end)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // Where a file cannot have two names it is copied.
        if fs::hard_link(database, kept).is_err() {
            fs::copy(database, kept)?;
            File::open(kept)?.sync_all()?;
        }
        self.place_over(database)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            // Most of them were never there, or have moved on.
            let _ = fs::remove_file(beside(&self.0, end));
        }
    }
}

/// The file that has the name of `path` with `end` after it.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// A name survives a power cut when its folder has reached the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_kept_and_what_does_not_arrive_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (place, kept) = (folder.path().join("a.db"), folder.path().join("b.db"));
        fs::write(&place, "old").expect("a file");
        fs::write(beside(&place, "-wal"), "old log").expect("a file");

        let draft = Draft::of(&place).expect("a draft");
        fs::write(draft.path(), "not wanted").expect("a file");
        assert!(draft.place_new(&place).is_err(), "something is there");
        let draft = Draft::of(&place).expect("a draft");
        assert!(draft.succeed(&place, &place).is_err(), "something is there");
        let draft = Draft::of(&place).expect("a draft");
        fs::write(draft.path(), "new").expect("a file");
        draft.succeed(&place, &kept).expect("in its place");

        let read = |path: &Path| fs::read_to_string(path).ok();
        assert_eq!(read(&place).as_deref(), Some("new"));
        assert_eq!(read(&kept).as_deref(), Some("old"));
        assert_eq!(read(&beside(&kept, "-wal")).as_deref(), Some("old log"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 3);
    }
}
