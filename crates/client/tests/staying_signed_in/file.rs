//! The file a login is kept in: whose eyes it is for, and what it survives.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use countersign_client::FileStorage;
use countersign_client::storage::{Storage, StorageError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn content(storage: &FileStorage) -> Option<Vec<u8>> {
    let kept = storage.load().expect("readable");
    kept.map(|bytes| bytes.to_vec())
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/down/login.json");
    let storage = FileStorage::at(&path);
    assert_eq!(content(&storage), None);
    storage.save(b"one").expect("saved");
    storage.save(b"two").expect("saved over it");
    assert_eq!(content(&storage).as_deref(), Some(&b"two"[..]));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);

    storage.remove().expect("removed");
    storage.remove().expect("twice is fine");
    assert_eq!(content(&storage), None);
}

#[test]
fn a_file_that_others_could_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("login.json");
    let storage = FileStorage::at(&path);
    storage.save(b"secret").expect("saved");
    for open in [0o640, 0o604, 0o620, 0o644] {
        chmod(&path, open);
        let error = storage.load().expect_err("open to others");
        assert!(matches!(error, StorageError::NotPrivate { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{open:04o}")));
    }
    chmod(&path, 0o600);
    chmod(folder.path(), 0o770);
    let error = storage.load().expect_err("others could exchange it");
    assert!(
        matches!(error, StorageError::FolderNotPrivate { .. }),
        "{error}"
    );
    storage
        .save(b"secret")
        .expect_err("nor is it written there");
    storage.try_lock().expect_err("nor locked");
}

#[test]
fn links_and_other_things_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let real = FileStorage::at(at("real"));
    real.save(b"secret").expect("saved");
    symlink(at("real"), at("symbolic")).expect("a link");
    symlink(at("nowhere"), at("dangling")).expect("a link");
    fs::create_dir(at("folder")).expect("a folder");
    for name in ["symbolic", "dangling", "folder"] {
        let error = FileStorage::at(at(name)).load().expect_err(name);
        assert!(
            matches!(error, StorageError::NotAPlainFile { .. }),
            "{name}: {error}"
        );
    }
    // Saving replaces the link and leaves alone what it led to.
    FileStorage::at(at("symbolic"))
        .save(b"mine")
        .expect("saved");
    assert_eq!(content(&real).as_deref(), Some(&b"secret"[..]));
    assert!(at("symbolic").symlink_metadata().expect("there").is_file());

    fs::hard_link(at("real"), at("second name")).expect("a link");
    let error = real.load().expect_err("it has a second name");
    assert!(
        matches!(error, StorageError::NotAPlainFile { .. }),
        "{error}"
    );

    symlink(at("elsewhere"), at("login.lock")).expect("a link");
    FileStorage::at(at("login"))
        .try_lock()
        .expect_err("no lock through a link");
    assert!(!at("elsewhere").exists());
}

#[test]
fn what_a_killed_process_left_is_swept_away_and_nothing_secret_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FileStorage::at(folder.path().join("login"));
    storage.save(b"old").expect("saved");
    fs::write(folder.path().join("login.new"), b"half of").expect("written");
    chmod(&folder.path().join("login.new"), 0o644);
    assert_eq!(content(&storage).as_deref(), Some(&b"old"[..]));
    storage.save(b"new").expect("saved");
    assert_eq!(content(&storage).as_deref(), Some(&b"new"[..]));
    assert_eq!(mode(&folder.path().join("login")), 0o600);
    storage.remove().expect("removed");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// Readers take no lock, so a renewal of another process may come at any moment of theirs.
#[test]
fn whoever_reads_while_it_is_replaced_finds_the_one_or_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FileStorage::at(folder.path().join("login"));
    let (one, other) = (vec![b'1'; 1000], vec![b'2'; 3000]);
    storage.save(&one).expect("saved");
    let writer = std::thread::spawn({
        let (storage, one, other) = (storage.clone(), one.clone(), other.clone());
        move || {
            for _ in 0..200 {
                storage.save(&other).expect("saved");
                storage.save(&one).expect("saved");
            }
        }
    });
    let mut reads = 0;
    while !writer.is_finished() || reads < 1000 {
        let read = content(&storage).expect("always one of them");
        assert!(read == one || read == other);
        reads += 1;
    }
    writer.join().expect("no panic");
}

#[test]
fn one_at_a_time_holds_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FileStorage::at(folder.path().join("login"));
    let lock = storage.try_lock().expect("lockable").expect("free");
    let again = FileStorage::at(folder.path().join("login"));
    assert!(again.try_lock().expect("lockable").is_none());
    drop(lock);
    assert!(again.try_lock().expect("lockable").is_some());
}

#[test]
fn what_is_far_too_long_is_no_login() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FileStorage::at(folder.path().join("login"));
    storage.save(&vec![b'x'; 100_000]).expect("saved");
    let error = storage.load().expect_err("too long");
    assert!(matches!(error, StorageError::NotALogin { .. }), "{error}");
}
