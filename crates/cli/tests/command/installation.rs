//! Who may make an installation, and who works on what is there.

use std::fs;
use std::path::Path;

use crate::run::{Ended, command, run_with_input};

fn run_in(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = command(arguments);
    command
        .current_dir(folder)
        .env_remove("COUNTERSIGN_DATABASE")
        .env_remove("COUNTERSIGN_MASTER_KEY");
    run_with_input(&mut command, "correct horse battery staple\n")
}

#[test]
fn a_command_that_only_looks_makes_nothing() {
    for looks in [
        &["user", "list"][..],
        &["user", "passwd", "ada", "--password-stdin"],
        &["user", "disable", "ada"],
        &["user", "enable", "ada"],
        &["user", "show", "ada"],
        &["user", "delete", "ada", "--yes"],
        &["key", "list"],
        &["key", "rotate"],
        &["key", "rekey"],
        &["key", "withdraw", "some-key"],
        &["session", "list"],
        &["session", "end", "--user", "ada"],
        &["session", "end", "--everyone", "--yes"],
        &["audit"],
        &["audit", "--follow"],
        &["backup", "copy.db"],
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mistyped = [looks, &["--database", "sqlite:mistyped.db"]].concat();
        let ended = run_in(folder.path(), &mistyped);
        assert_eq!(ended.code, 1, "{looks:?}: {ended:?}");
        let told = ended.words.contains("there is no database at mistyped.db");
        assert!(told, "{looks:?}: {ended:?}");
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "{looks:?} left something behind");
    }
}

#[test]
fn whoever_makes_the_installation_says_so() {
    let add = ["user", "add", "ada", "--password-stdin"];
    let users = r#"{"username":"eve","password_hash":"$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW"}"#;
    let import = ["user", "import", "users.jsonl"];
    for makes in [&add[..], &import] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("users.jsonl"), users).expect("a file");
        let first = run_in(folder.path(), makes);
        for said in [
            "made the database countersign.db",
            "made the master key  countersign.key  (keep a copy elsewhere",
        ] {
            assert!(first.words.contains(said), "{makes:?}: {first:?}");
        }
        first.done();
        assert!(folder.path().join("countersign.key").exists());

        // Whatever comes of it, the second time nothing is made.
        let second = run_in(folder.path(), makes);
        assert!(!second.words.contains("made the"), "{makes:?}: {second:?}");
        let listed = run_in(folder.path(), &["user", "list"]).done();
        assert_eq!(listed.lines().count(), 1, "{listed}");
    }
}

#[test]
fn a_master_key_of_the_environment_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut add = command(&["user", "add", "ada", "--password-stdin"]);
    add.current_dir(folder.path())
        .env_remove("COUNTERSIGN_DATABASE")
        .env("COUNTERSIGN_MASTER_KEY", "5b".repeat(32));
    let ended = run_with_input(&mut add, "correct horse battery staple\n");
    assert!(ended.words.contains("made the database"), "{ended:?}");
    assert!(!ended.words.contains("made the master key"), "{ended:?}");
    ended.done();
}

#[test]
fn a_name_that_hides_something_is_shown_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let add = ["user", "add", "ad\u{200b}a\u{202e}", "--password-stdin"];
    run_in(folder.path(), &add).done();
    let shown = r"ad\u{200b}a\u{202e}";
    for looks in [&["user", "list"][..], &["audit"]] {
        let data = run_in(folder.path(), looks).done();
        assert!(data.contains(shown), "{looks:?}: {data}");
    }
}

#[test]
fn where_a_backup_cannot_be_written_the_database_is_not_blamed() {
    let folder = tempfile::tempdir().expect("a folder");
    run_in(folder.path(), &["user", "add", "ada", "--password-stdin"]).done();
    let refused = run_in(folder.path(), &["backup", "nowhere/copy.db"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let said = refused
        .words
        .contains("cannot write nowhere/copy.db: nowhere: ");
    assert!(said, "{refused:?}");
}

#[cfg(unix)]
#[test]
fn a_backup_takes_the_place_of_no_device() {
    use std::os::unix::fs::FileTypeExt;

    let folder = tempfile::tempdir().expect("a folder");
    run_in(folder.path(), &["user", "add", "ada", "--password-stdin"]).done();
    // As it is with a device: something that a rename would put an end to.
    let socket = folder.path().join("socket");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    for typed in [
        &["backup", "socket"][..],
        &["backup", "socket", "--force"],
        &["backup", ".", "--force"],
    ] {
        let refused = run_in(folder.path(), typed);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.words.contains("is no file"), "{refused:?}");
        assert!(!refused.words.contains("--force"), "{refused:?}");
    }
    let there = fs::metadata(&socket).expect("still there");
    assert!(there.file_type().is_socket());
}
