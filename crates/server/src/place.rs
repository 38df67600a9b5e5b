//! Files of an installation: made whole under another name and then put in their place in one step, so
//! that no crash leaves half of one there; for their owner's eyes alone; and owned by whom the
//! installation belongs to, also when an administrator made them.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file on its way, in the folder where it will stay. Removed if it does not get there.
#[derive(Debug)]
pub(crate) struct Draft(PathBuf);

impl Draft {
    /// A name that nobody else uses, beside `place`. Nothing is there yet.
    ///
    /// Refused in a folder that cannot be synced: it would be found out when the file is in its place, and
    /// said as if it were not.
    pub(crate) fn of(place: &Path) -> io::Result<Self> {
        open_folder(folder_of(place))?;
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

    /// Gives it to whom the file belongs whose place it is to take, or else the folder: what root
    /// makes must not shut out the user that the server runs as.
    pub(crate) fn hand_over(&self, place: &Path) -> io::Result<()> {
        give(&File::open(&self.0)?, place)
    }

    /// Puts it where nothing may be yet.
    pub(crate) fn place_new(self, place: &Path) -> io::Result<()> {
        match fs::hard_link(&self.0, place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                // Where a file cannot have two names it is moved.
                move_new(&self.0, place).map_err(explained)?;
            }
            outcome => outcome?,
        }
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

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn move_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn move_new(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn explained(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput => io::Error::new(
            io::ErrorKind::Unsupported,
            "this file system can neither give a file two names nor move one without replacing \
             another; use a folder on one that can",
        ),
        _ => error,
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

/// Opens a file for writing that nobody but its owner may read. One that is made belongs to whom its
/// folder belongs to.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.clone().create_new(true).open(path) {
        Ok(file) => give(&file, path).map(|()| file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
    .map_err(|error| named(path, &error))
}

/// Refuses what no file can be moved to by this process, whether there is one already or not: to be
/// replaced a file need not be writable. Nothing is written or made.
pub(crate) fn may_replace(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder; name a file in it",
        ));
    }
    may_make_in(folder_of(path))?;
    open_folder(folder_of(path)).map(drop)
}

/// Refuses a file that this process may not write, and a folder in which it may make none beside it.
/// Nothing is written or made.
pub(crate) fn may_change(path: &Path) -> io::Result<()> {
    if path.exists() {
        drop(
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .map_err(|error| named(path, &error))?,
        );
    }
    may_make_in(folder_of(path))
}

#[cfg(unix)]
fn may_make_in(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};

    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| named(folder, &error.into()))
}

#[cfg(not(unix))]
fn may_make_in(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The system does not say which file it means, nor what to do about whose it is.
pub(crate) fn named(path: &Path, error: &io::Error) -> io::Error {
    let whose = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run this as the user that it belongs to",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{}: {error}{whose}", path.display()))
}

/// As root, gives a file that was just made to the owner of what is at `place`, or of its folder.
#[cfg(unix)]
fn give(file: &File, place: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let of_the_file = fs::symlink_metadata(place).ok();
    let made_now = file.metadata()?.ino();
    let owner = match of_the_file.filter(|there| there.ino() != made_now) {
        Some(there) => there,
        None => fs::metadata(folder_of(place))?,
    };
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(not(unix))]
fn give(_file: &File, _place: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The file that has the name of `path` with `end` after it.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// A name survives a power cut when its folder has reached the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    open_folder(folder_of(path))?.sync_all()
}

/// A folder that one may write in and not list cannot be opened.
fn open_folder(folder: &Path) -> io::Result<File> {
    File::open(folder).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let words = format!(
                "{}: {error}; who puts a file there must be able to list the folder as well, or the file \
                 might not survive a power cut",
                folder.display()
            );
            io::Error::new(error.kind(), words)
        }
        _ => named(folder, &error),
    })
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

    /// As on a file system on which a file has one name: a folder has but one on any.
    #[test]
    fn what_cannot_have_two_names_is_moved_and_replaces_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("a.key");
        let draft = Draft::of(&place).expect("a draft");
        fs::create_dir(draft.path()).expect("a draft that cannot have two names");
        fs::hard_link(draft.path(), &place).expect_err("as expected");
        draft.place_new(&place).expect("moved");
        assert!(place.is_dir());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);

        let from = folder.path().join("another");
        fs::write(&from, "new").expect("a file");
        let taken = folder.path().join("taken");
        fs::write(&taken, "old").expect("a file");
        let refused = move_new(&from, &taken).expect_err("something is there");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&taken).ok().as_deref(), Some("old"));
        let unable = explained(io::ErrorKind::InvalidInput.into()).to_string();
        assert!(unable.contains("a folder on one that can"), "{unable}");
    }

    /// Says so where it proves nothing: only root can make a file that another has to read.
    #[cfg(unix)]
    #[test]
    fn what_root_makes_belongs_to_whom_the_folder_or_the_predecessor_belongs() {
        use std::os::unix::fs::{MetadataExt, chown};

        if !rustix::process::geteuid().is_root() {
            println!("not root: nothing to hand over, and nothing tested");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        chown(folder.path(), Some(7_801), Some(7_802)).expect("root may");
        let owner = |name: &str| {
            let there = fs::metadata(folder.path().join(name)).expect("a file");
            (there.uid(), there.gid(), there.mode() & 0o777)
        };
        open_private(&folder.path().join("new")).expect("a file");
        assert_eq!(owner("new"), (7_801, 7_802, 0o600));

        let place = folder.path().join("taken");
        fs::write(&place, "old").expect("a file");
        chown(&place, Some(7_803), Some(7_804)).expect("root may");
        let draft = Draft::of(&place).expect("a draft");
        fs::write(draft.path(), "new").expect("a file");
        draft.hand_over(&place).expect("root may");
        draft.place_over(&place).expect("in its place");
        assert_eq!((owner("taken").0, owner("taken").1), (7_803, 7_804));

        // A file that was there is not touched, whoever's it is.
        let own = folder.path().join("own");
        fs::write(&own, "").expect("a file");
        open_private(&own).expect("a file");
        assert_eq!(owner("own").0, 0);
    }

    #[test]
    fn what_may_not_be_opened_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing/a.db");
        let error = open_private(&missing).expect_err("no such folder");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("missing/a.db: "), "{error}");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let said = named(Path::new("/x/a.db"), &denied).to_string();
        assert!(
            said.ends_with("run this as the user that it belongs to"),
            "{said}"
        );
    }
}
