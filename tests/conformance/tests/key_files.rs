//! Databases that lie in one folder: none takes, changes or removes the master key of another.

use std::fs;
use std::path::Path;
use std::process::Output;

use countersign_conformance::Countersign;

const PASSWORD: &str = "correct horse battery staple";

#[test]
fn a_database_named_like_a_new_key_keeps_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    make(here, "cs.new.db");
    make(here, "cs.db");
    let key = fs::read(here.join("cs.new.key")).expect("a key");
    for step in [["key", "rotate"], ["key", "rekey"], ["key", "rotate"]] {
        succeed(here, "cs.db", &step);
        succeed(here, "cs.new.db", &["key", "rotate"]);
    }
    assert_eq!(fs::read(here.join("cs.new.key")).expect("a key"), key);
}

#[test]
fn databases_that_differ_in_their_ending_have_a_key_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for database in ["prod.db", "prod.sqlite", "prod"] {
        make(here, database);
    }
    for (database, key) in [
        ("prod.db", "prod.key"),
        ("prod.sqlite", "prod.sqlite-key"),
        ("prod", "prod-key"),
    ] {
        let before = fs::read(here.join(key)).expect("a key of its own");
        succeed(here, database, &["key", "rekey"]);
        assert_ne!(fs::read(here.join(key)).expect("a key"), before);
        for other in ["prod.db", "prod.sqlite", "prod"] {
            succeed(here, other, &["key", "rotate"]);
        }
    }
    // The old key is nowhere, and neither is one that waits.
    let keys = fs::read_dir(here).expect("a folder").filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().contains("key")
    });
    assert_eq!(keys.count(), 3);
}

/// As an installation has it that was made when both had a file of the same name.
#[test]
fn a_key_that_two_databases_share_opens_both_and_is_changed_for_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    make(here, "prod.sqlite");
    fs::rename(here.join("prod.sqlite-key"), here.join("prod.key")).expect("renamed");
    succeed(here, "prod.sqlite", &["key", "rotate"]);
    // The other one is not made with it.
    let taken = run(here, "prod.db", &["user", "add", "ada", "--password-stdin"]);
    assert_eq!(taken.status.code(), Some(1), "{taken:?}");
    assert!(
        words(&taken).contains("mv prod.key prod.sqlite-key"),
        "{taken:?}"
    );
    assert!(!here.join("prod.db").exists());

    // But goes on with it where it was.
    fs::copy(here.join("prod.sqlite"), here.join("prod.db")).expect("copied");
    succeed(here, "prod.db", &["key", "rotate"]);
    let key = fs::read(here.join("prod.key")).expect("a key");
    for database in ["prod.db", "prod.sqlite"] {
        let refused = run(here, database, &["key", "rekey"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let mend = "cp -p prod.key prod.sqlite-key";
        assert!(words(&refused).contains(mend), "{database}: {refused:?}");
    }
    assert_eq!(fs::read(here.join("prod.key")).expect("a key"), key);
    fs::copy(here.join("prod.key"), here.join("prod.sqlite-key")).expect("copied");
    succeed(here, "prod.db", &["key", "rekey"]);
    assert_ne!(fs::read(here.join("prod.key")).expect("a key"), key);
    for database in ["prod.db", "prod.sqlite"] {
        succeed(here, database, &["key", "rotate"]);
    }
}

/// With a user, and keys that are sealed.
fn make(here: &Path, database: &str) {
    succeed(here, database, &["user", "add", "ada", "--password-stdin"]);
    succeed(here, database, &["key", "rotate"]);
}

fn succeed(here: &Path, database: &str, arguments: &[&str]) {
    let output = run(here, database, arguments);
    assert!(
        output.status.success(),
        "{database} {arguments:?}: {output:?}"
    );
}

fn run(here: &Path, database: &str, arguments: &[&str]) -> Output {
    Countersign::new(arguments)
        .and(["--database", &format!("sqlite:{database}")])
        .within(here)
        .input(PASSWORD)
        .output()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
