//! Databases that lie in one folder: none takes, changes or removes the master key of another.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use countersign_conformance::{Countersign, command};
use countersign_witness::Keep;
use rusqlite::{Connection, OpenFlags};

const PASSWORD: &str = "correct horse battery staple";

#[test]
fn a_database_named_like_a_new_key_keeps_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    make(here, "cs.new.db");
    make(here, "cs.db");
    let key = fs::read(here.join("cs.new.key")).expect("a key");
    for _ in 0..2 {
        succeed(here, "cs.db", &["key", "rekey"]);
        opens(here, "cs.db");
        opens(here, "cs.new.db");
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
            opens(here, other);
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
    opens(here, "prod.sqlite");
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
    opens(here, "prod.db");
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
        opens(here, database);
    }
}

/// Each of two is given its own; with three, the first of those must leave the file for the third.
#[test]
fn a_key_that_three_databases_share_is_given_to_each_by_what_the_refusals_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let others = ["prod.sqlite", "prod.sqlite3"];
    make(here, others[0]);
    fs::rename(here.join("prod.sqlite-key"), here.join("prod.key")).expect("renamed");
    fs::copy(here.join(others[0]), here.join(others[1])).expect("copied");
    for database in others {
        opens(here, database);
    }
    let shared = fs::read(here.join("prod.key")).expect("a key");
    let mut mended = Vec::new();
    let mut last = run(here, "prod.db", &["user", "add", "ada", "--password-stdin"]);
    while last.status.code() != Some(0) {
        assert!(mended.len() < 2, "{last:?}");
        let said = words(&last);
        let (_, mend) = said.trim_end().rsplit_once("run: ").expect("what to run");
        let mut parts = mend.split(' ');
        let done = Command::new(parts.next().expect("a command"))
            .args(parts)
            .current_dir(here)
            .run();
        assert!(done.expect("it starts").status.success(), "{mend}");
        mended.push(mend.to_owned());
        for database in others {
            opens(here, database);
        }
        last = run(here, "prod.db", &["user", "add", "ada", "--password-stdin"]);
    }
    mended.sort();
    assert!(
        mended[0].starts_with("cp -p prod.key prod.sqlite"),
        "{mended:?}"
    );
    assert!(
        mended[1].starts_with("mv prod.key prod.sqlite"),
        "{mended:?}"
    );
    for database in others {
        let own = here.join(format!("{database}-key"));
        assert_eq!(fs::read(own).expect("its own"), shared);
        succeed(here, database, &["key", "rekey"]);
    }
    assert_ne!(fs::read(here.join("prod.key")).expect("a new one"), shared);
    succeed(here, "prod.db", &["key", "rekey"]);
}

#[test]
fn a_neighbour_whose_key_is_in_the_environment_shares_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    make(here, "prod.db");
    let with_its_own = |arguments: &[&str]| {
        Countersign::new(arguments).setting("COUNTERSIGN_MASTER_KEY", &"a7".repeat(32))
    };
    make_with(with_its_own(&["serve"]), here, "prod.sqlite");
    succeed(here, "prod.db", &["key", "rekey"]);
    let rotated = with_its_own(&["key", "rotate", "--database", "sqlite:prod.sqlite"]);
    assert_opened(&rotated.within(here).output(), "prod.sqlite");
    opens(here, "prod.db");
}

/// Nobody can say then whether the key is also another's. Root may list every folder, so it is
/// somebody else who asks.
#[cfg(unix)]
#[test]
fn in_a_folder_that_cannot_be_listed_no_key_is_changed() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    const SOMEBODY: u32 = 7_801;
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    make(here, "prod.db");
    let key = fs::read(here.join("prod.key")).expect("a key");
    let binary = tempfile::tempdir().expect("a folder");
    let mode = |path: &Path, mode| {
        let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
        set.expect("ours");
    };
    let command = binary.path().join("countersign");
    fs::copy(command::binary(), &command).expect("where anybody may read it");
    mode(binary.path(), 0o755);
    // The owner of the files is root in some places and not in others.
    let is_root = chown(here, Some(SOMEBODY), None).is_ok();
    if is_root {
        for file in fs::read_dir(here).expect("a folder") {
            chown(file.expect("a file").path(), Some(SOMEBODY), None).expect("root may");
        }
    }
    mode(here, 0o300);
    let mut rekey = Command::new(command);
    rekey.args(["key", "rekey", "--database"]);
    rekey.arg(format!("sqlite:{}", here.join("prod.db").display()));
    rekey.env_remove("COUNTERSIGN_MASTER_KEY");
    rekey.current_dir(binary.path());
    if is_root {
        rekey.uid(SOMEBODY);
    }
    let refused = rekey.run().expect("countersign starts");
    mode(here, 0o700);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(words(&refused).contains("cannot be listed"), "{refused:?}");
    assert_eq!(fs::read(here.join("prod.key")).expect("a key"), key);
    assert!(!here.join("prod.db-rekey").exists());
}

/// With keys that are sealed: a server makes them.
fn make(here: &Path, database: &str) {
    make_with(Countersign::new(["serve"]), here, database);
    opens(here, database);
}

fn make_with(serve: Countersign, here: &Path, database: &str) {
    let mut serve = serve
        .and(["--listen", "127.0.0.1:0"])
        .and(["--database", &format!("sqlite:{database}")])
        .within(here)
        .into_command();
    let mut server = serve.stdout(Stdio::null()).start().expect("it starts");
    let began = Instant::now();
    while !has_keys(&here.join(database)) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it makes no keys"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    server.kill().expect("it can be killed");
    server.wait().expect("it ends");
    // Whoever copies the file copies all of it.
    let database = Connection::open(here.join(database)).expect("a database");
    let written = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    written.expect("written out");
}

fn has_keys(database: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let keys = Connection::open_with_flags(database, flags).and_then(|database| {
        let sql =
            "SELECT min((SELECT count(*) FROM mac_keys), (SELECT count(*) FROM signing_keys))";
        database.query_row(sql, [], |row| row.get::<_, i64>(0))
    });
    keys.is_ok_and(|keys| keys > 0)
}

/// A key can be rotated only by who opens all of them, and only when the next one is known.
fn opens(here: &Path, database: &str) {
    let rotated = run(here, database, &["key", "rotate"]);
    assert_opened(&rotated, database);
}

fn assert_opened(rotated: &Output, database: &str) {
    assert_eq!(rotated.status.code(), Some(1), "{database}: {rotated:?}");
    let said = words(rotated);
    assert!(
        said.contains("not known to every verifier yet"),
        "{database}: {said}"
    );
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
