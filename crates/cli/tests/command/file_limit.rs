//! Files that may grow no further: what writes one says that it could not, and leaves nothing behind.

use std::fs;
use std::path::Path;

use crate::run::{Ended, command, command_after, run_with_input};

const PASSWORD: &str = "correct horse battery staple\n";
const ADD: [&str; 4] = ["user", "add", "ada", "--password-stdin"];

/// Less than any database has. Whether a shell counts it in halves of a KiB or in whole ones.
fn cramped(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = command_after("ulimit -f 40", arguments);
    run_with_input(command.current_dir(folder), PASSWORD)
}

/// But for what SQLite keeps beside a database: whoever cannot write leaves its log for the next one.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("text"))
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    names
}

#[track_caller]
fn failed(ended: &Ended) {
    assert_eq!(ended.code, 1, "{ended:?}");
    let said = ended
        .words
        .starts_with("error: the database does not answer");
    assert!(said, "{ended:?}");
}

#[test]
fn a_backup_that_finds_no_room_leaves_no_half_of_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = run_with_input(command(&ADD).current_dir(folder.path()), PASSWORD);
    made.done();
    let before = names(folder.path());
    failed(&cramped(folder.path(), &["backup", "copy.db"]));
    assert_eq!(names(folder.path()), before);
}

#[test]
fn a_server_and_a_command_that_cannot_make_a_database_say_so() {
    for makes in [&ADD[..], &["serve", "--listen", "127.0.0.1:0"]] {
        let folder = tempfile::tempdir().expect("a folder");
        failed(&cramped(folder.path(), makes));
    }
}
