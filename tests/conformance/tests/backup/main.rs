//! A backup is made beside a running server and restored: nobody stays signed in, no key and no
//! token of before or after the backup is accepted, and whoever restores is told what that took
//! back.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

#[cfg(unix)]
mod somebody;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use countersign_conformance::chance::Chance;
use countersign_conformance::{Countersign, Http, Server, command};
use countersign_wire::paths;
use countersign_witness::Keep;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

#[cfg(unix)]
use self::somebody::{Somebody, mode};
use self::tokens::Tokens;

const PASSWORD: &str = "correct horse battery staple";
const NEWER: &str = "another horse and another staple";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_before_or_after_the_backup_is_accepted_once_it_is_restored() {
    let mut server = Server::new();
    for name in ["ada", "bob", "eve", "dan"] {
        server.add_user(name, PASSWORD);
    }
    server.start().await;
    let http = server.http();
    let mut tokens = Tokens::default();
    let ada = tokens.sign_in(&http, "ada", PASSWORD).await;
    let bob = tokens.sign_in(&http, "bob", PASSWORD).await;
    tokens.sign_in(&http, "eve", PASSWORD).await;

    let made = run(&server, &["backup", "safe.db", "--json"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let backup = server.folder().join("safe.db");
    assert_private_and_without_master_key(&backup, &server);

    // What the backup will not know.
    tokens.refresh(&http, &ada).await;
    let (_, refresh) = &bob;
    assert_eq!(http.logout(refresh).await.expect("an answer").status, 204);
    command(&server, &["user", "disable", "eve"]);
    command(&server, &["user", "disable", "dan"]);
    let new = Countersign::new(["user", "passwd", "ada", "--password-stdin"]);
    new.within(server.folder()).input(NEWER).succeed();
    server.add_user("new", PASSWORD);
    // Withdrawn twice, so that a key signs that was made after the backup.
    for _ in 0..2 {
        command(&server, &["key", "withdraw", &signing(&server)]);
    }
    server.kill();
    server.start().await;
    tokens.sign_in(&http, "ada", NEWER).await;
    let kids = published(&http).await;

    let refused = run(&server, &["restore", "safe.db"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(words(&refused).contains("stop the server"), "{refused:?}");
    assert_eq!(
        published(&http).await,
        kids,
        "changed under a running server"
    );

    server.kill();
    let database = server.folder().join("countersign.db");
    let ended_since = revoked_sessions(&database);
    assert!(ended_since.len() >= 3, "bob, eve and ada: {ended_since:?}");
    let last_mac_key = count(&database, "SELECT max(id) FROM mac_keys");
    // Since the backup tokens lived longer for a while.
    Connection::open(&database)
        .expect("a database")
        .execute("UPDATE access_lives SET life = 7200", [])
        .expect("written");
    let restored = run(&server, &["restore", "safe.db", "--json"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(report["compared"], true);
    assert_eq!(report["sessions_ended"], 3, "{report}");
    assert_eq!(
        report["reverted"],
        json!([
            {"username": "ada", "what": "password"},
            {"username": "dan", "what": "enabled_again"},
            {"username": "eve", "what": "enabled_again"},
            {"username": "new", "what": "user_gone"},
        ])
    );
    for kid in &kids {
        let withdrawn = report["keys_withdrawn"].as_array().expect("a list");
        assert!(withdrawn.contains(&json!(kid)), "{report}");
    }
    let kept = server
        .folder()
        .join(report["replaced"].as_str().expect("a name"));
    let newer = "SELECT count(*) FROM users WHERE username = 'new'";
    assert_eq!(count(&kept, newer), 1, "the old one is kept whole");

    server.start().await;
    tokens.all_refused(&http).await;
    let now = published(&http).await;
    assert!(now.iter().all(|kid| !kids.contains(kid)), "{now:?}");
    remembered(&database, &kids, &ended_since, last_mac_key);
    // As it was then.
    assert_eq!(status(&http, "ada", NEWER).await, 401);
    assert_eq!(status(&http, "new", PASSWORD).await, 401);
    for name in ["ada", "bob", "eve"] {
        assert_eq!(status(&http, name, PASSWORD).await, 200, "{name}");
    }
    let mut fresh = Tokens::default();
    let pair = fresh.sign_in(&http, "ada", PASSWORD).await;
    fresh.refresh(&http, &pair).await;
}

#[tokio::test]
async fn what_a_restore_takes_back_of_clients_and_scopes_is_listed() {
    let server = Server::new();
    server.add_user("bob", PASSWORD);
    for client in ["leaky", "retired", "shady", "wide"] {
        command(&server, &["client", "add", client, "--scope", "read"]);
    }
    let made = run(&server, &["backup", "safe.db"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");

    command(&server, &["user", "change", "bob", "--scope", "read"]);
    let rotate = ["client", "rotate-secret", "leaky", "--keep", "0"];
    command(&server, &rotate);
    command(&server, &["client", "delete", "retired", "--yes"]);
    command(&server, &["client", "disable", "shady"]);
    command(&server, &["client", "add", "newest"]);
    Connection::open(server.folder().join("countersign.db"))
        .expect("a database")
        .execute("UPDATE clients SET scope = '' WHERE client_id = 'wide'", [])
        .expect("written");

    let restored = run(&server, &["restore", "safe.db", "--json"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(
        report["reverted"],
        json!([
            {"username": "bob", "what": "scope"},
            {"client_id": "leaky", "what": "client_proof"},
            {"client_id": "retired", "what": "client_back"},
            {"client_id": "shady", "what": "enabled_again"},
            {"client_id": "wide", "what": "client_policy"},
            {"client_id": "newest", "what": "client_gone"},
        ])
    );
}

/// What the restored database must know of the one it replaced.
fn remembered(database: &Path, kids: &[String], ended_since: &[String], last_mac_key: u32) {
    // Guards elsewhere may hold the old keys still: they are told.
    for kid in kids {
        let told =
            format!("SELECT count(*) FROM revocations WHERE kind = 'kid' AND value = '{kid}'");
        assert_eq!(count(database, &told), 1, "{kid}");
    }
    assert_eq!(
        count(
            database,
            "SELECT count(*) FROM audit WHERE event = 'restored'"
        ),
        1
    );
    let mac_keys = "SELECT count(*) FROM mac_keys";
    let new_mac_keys = format!("{mac_keys} WHERE id > {last_mac_key}");
    assert_eq!(count(database, mac_keys), 1);
    assert_eq!(
        count(database, &new_mac_keys),
        1,
        "the old key still makes tokens"
    );
    let still = revoked_sessions(database);
    assert!(
        ended_since.iter().all(|sid| still.contains(sid)),
        "{still:?}"
    );
    let life = "SELECT max(life) FROM access_lives";
    assert_eq!(count(database, life), 7200);
    let mark = "SELECT count(*) FROM facts WHERE name = 'backup_made_at'";
    assert_eq!(count(database, mark), 0, "it is no backup any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_one_moment() {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    let http = server.http();
    let mut clients = Vec::new();
    for _ in 0..8 {
        let http = http.clone();
        let mut token = http
            .login("ada", PASSWORD)
            .await
            .expect("an answer")
            .field("refresh_token");
        clients.push(tokio::spawn(async move {
            loop {
                let answer = http.refresh(&token).await.expect("an answer");
                token = answer.field("refresh_token");
            }
        }));
    }
    for number in 0..5 {
        let name = format!("{number}.db");
        let made = run(&server, &["backup", &name]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        // It has looked at every page and reference itself; now an eye that is not its own.
        let file = server.folder().join(&name);
        let sessions = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
        assert_eq!(count(&file, sessions), 8);
    }
    for client in clients {
        assert!(!client.is_finished(), "a refresh failed during a backup");
        client.abort();
    }
}

#[tokio::test]
async fn a_restore_killed_at_any_moment_leaves_a_whole_database() {
    let mut chance = Chance::from_environment();
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    server.kill();
    command(&server, &["backup", "safe.db"]);
    let mut done = 0;
    for number in 0..20 {
        let name = format!("user{number}");
        server.add_user(&name, PASSWORD);
        let mut child = spawn(&server, &["restore", "safe.db"]);
        tokio::time::sleep(Duration::from_millis(chance.below(150))).await;
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let users = Countersign::new(["user", "list", "--json"]).within(server.folder());
        let users: Vec<Value> = serde_json::from_str(&users.succeed()).expect("JSON");
        let there = |name: &str| users.iter().any(|user| user["username"] == name);
        assert!(there("ada"));
        // The old one with everybody, or the new one with nobody else.
        if there(&name) {
            continue;
        }
        assert_eq!(users.len(), 1, "{users:?}");
        let database = server.folder().join("countersign.db");
        let restored = "SELECT count(*) FROM audit WHERE event = 'restored'";
        assert_eq!(
            count(&database, restored),
            1,
            "in place before it was finished"
        );
        done += 1;
    }
    println!("20 restores killed; {done} of them were through");
    server.start().await;
    assert_eq!(status(&server.http(), "ada", PASSWORD).await, 200);
}

#[tokio::test]
async fn a_backup_is_restored_where_there_is_nothing_and_where_the_database_is_ruined() {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    server.kill();
    command(&server, &["backup", "safe.db"]);

    let mut elsewhere = Server::new();
    let file = server.folder().join("safe.db");
    let file = file.to_str().expect("a name");
    let restored = run(&elsewhere, &["restore", file]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    assert!(
        words(&restored).contains("no database to compare"),
        "{restored:?}"
    );
    elsewhere.start().await;
    assert_eq!(status(&elsewhere.http(), "ada", PASSWORD).await, 200);

    let database = server.folder().join("countersign.db");
    fs::write(&database, vec![7; 40_000]).expect("a ruin");
    let restored = run(&server, &["restore", "safe.db", "--json"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(report["compared"], false);
    let kept = server
        .folder()
        .join(report["replaced"].as_str().expect("a name"));
    assert_eq!(fs::read(kept).expect("kept").len(), 40_000);
    server.start().await;
    assert_eq!(status(&server.http(), "ada", PASSWORD).await, 200);
}

#[test]
fn a_file_that_cannot_be_restored_changes_nothing() {
    let server = Server::new();
    for number in 0..40 {
        server.add_user(&format!("user{number}"), PASSWORD);
    }
    command(&server, &["backup", "safe.db"]);
    let (safe, bad) = (
        server.folder().join("safe.db"),
        server.folder().join("bad.db"),
    );
    let before = fs::read(server.folder().join("countersign.db")).expect("a database");
    let whole = fs::read(&safe).expect("a backup");

    let mut damaged = whole.clone();
    damaged[4096..].fill(0x5A);
    let cut = whole[..whole.len() / 2].to_vec();
    for (content, says) in [
        (b"not a database at all".to_vec(), "not a database"),
        (damaged, ""),
        (cut, ""),
        (Vec::new(), "no database of countersign's"),
    ] {
        fs::write(&bad, content).expect("a file");
        refused(&server, says);
    }
    fs::write(&bad, &whole).expect("a file");
    let newer = Connection::open(&bad).expect("a database");
    newer
        .pragma_update(None, "user_version", 9999)
        .expect("written");
    drop(newer);
    refused(&server, "use the newer countersign");

    let after = fs::read(server.folder().join("countersign.db")).expect("a database");
    assert!(before == after, "the database was changed");
    let names: Vec<_> = fs::read_dir(server.folder())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| {
            let name = name.to_string_lossy();
            name.contains("draft") || name.contains("replaced")
        })
        .collect();
    assert!(names.is_empty(), "left behind: {names:?}");
}

#[test]
fn a_backup_is_never_written_over_anything_unasked_and_never_over_the_installation() {
    let server = Server::new();
    server.add_user("ada", PASSWORD);
    command(&server, &["backup", "safe.db"]);
    let first = fs::metadata(server.folder().join("safe.db")).expect("a file");
    assert_eq!(run(&server, &["backup", "safe.db"]).status.code(), Some(1));
    server.add_user("bob", PASSWORD);
    command(&server, &["backup", "safe.db", "--force"]);
    let file = server.folder().join("safe.db");
    assert_eq!(count(&file, "SELECT count(*) FROM users"), 2);
    assert!(first.len() <= fs::metadata(&file).expect("a file").len());
    for own in ["countersign.db", "./countersign.key", "countersign.db-lock"] {
        let refused = run(&server, &["backup", own, "--force"]);
        assert_eq!(refused.status.code(), Some(1), "{own}: {refused:?}");
    }
    command(&server, &["user", "list"]);
    let nothing = Server::new();
    let refused = run(&nothing, &["backup", "safe.db"]);
    assert!(
        words(&refused).contains("there is no database"),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(nothing.folder()).expect("a folder").count(), 0);
}

/// As whoever keeps backups safe from being changed leaves them.
#[cfg(unix)]
#[test]
fn a_backup_that_cannot_be_written_can_be_replaced() {
    let server = Server::new();
    server.add_user("ada", PASSWORD);
    command(&server, &["backup", "safe.db"]);
    let safe = server.folder().join("safe.db");
    mode(&safe, 0o400);
    server.add_user("bob", PASSWORD);
    let somebody = Somebody::with(server.folder());
    let replaced = somebody.run(server.folder(), &["backup", "safe.db", "--force"]);
    assert_eq!(replaced.status.code(), Some(0), "{replaced:?}");
    assert_eq!(count(&safe, "SELECT count(*) FROM users"), 2);
    // A folder nobody may write in, one that nobody may list, and one where a file is meant.
    for (folder, bits) in [("shut", 0o500), ("blind", 0o300)] {
        fs::create_dir(server.folder().join(folder)).expect("a folder");
        somebody.owns(&server.folder().join(folder));
        mode(&server.folder().join(folder), bits);
    }
    for (to, says) in [
        ("shut/safe.db", "shut: Permission denied"),
        ("blind/safe.db", "blind: Permission denied"),
        ("shut", "is there already and is no file"),
    ] {
        let refused = somebody.run(server.folder(), &["backup", to, "--force"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(words(&refused).contains(says), "{refused:?}");
    }
    assert!(!server.folder().join("blind/safe.db").exists());
}

/// Its name could be lost again with the power. A restore that says it failed must not have been one.
#[cfg(unix)]
#[test]
fn in_a_folder_that_cannot_be_listed_nothing_is_restored() {
    let server = Server::new();
    server.add_user("ada", PASSWORD);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let copy = elsewhere.path().join("copy.db");
    let copy = copy.to_str().expect("text");
    command(&server, &["backup", copy]);
    server.add_user("bob", PASSWORD);
    let somebody = Somebody::with(server.folder());
    somebody.owns(Path::new(copy));
    mode(elsewhere.path(), 0o755);
    let before = fs::read_dir(server.folder()).expect("a folder").count();
    mode(server.folder(), 0o300);
    let refused = somebody.run(server.folder(), &["restore", copy]);
    mode(server.folder(), 0o700);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(words(&refused).contains("list the folder"), "{refused:?}");
    let after = fs::read_dir(server.folder()).expect("a folder").count();
    assert_eq!(after, before, "nothing was put aside");
    let database = server.folder().join("countersign.db");
    assert_eq!(count(&database, "SELECT count(*) FROM users"), 2);
}

fn refused(server: &Server, says: &str) {
    let refused = run(server, &["restore", "bad.db"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(words(&refused).contains(says), "{refused:?}");
    assert!(
        words(&refused).contains("bad.db cannot be restored"),
        "{refused:?}"
    );
}

async fn status(http: &Http, name: &str, password: &str) -> u16 {
    let answer = http.login(name, password).await.expect("an answer");
    answer.status.as_u16()
}

async fn published(http: &Http) -> Vec<String> {
    let keys = http.get(paths::JWKS).await.expect("keys").json();
    let keys = keys["keys"].as_array().expect("a list").iter();
    keys.map(|key| key["kid"].as_str().expect("an id").to_owned())
        .collect()
}

fn signing(server: &Server) -> String {
    let keys = Countersign::new(["key", "list", "--json"]).within(server.folder());
    let keys: Vec<Value> = serde_json::from_str(&keys.succeed()).expect("JSON");
    let key = keys.iter().find(|key| key["state"] == "signing");
    key.expect("a key")["kid"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn run(server: &Server, arguments: &[&str]) -> Output {
    Countersign::new(arguments).within(server.folder()).output()
}

fn command(server: &Server, arguments: &[&str]) {
    Countersign::new(arguments)
        .within(server.folder())
        .succeed();
}

fn spawn(server: &Server, arguments: &[&str]) -> countersign_witness::Started {
    Command::new(command::binary())
        .args(arguments)
        .env_remove("COUNTERSIGN_DATABASE")
        .env_remove("COUNTERSIGN_MASTER_KEY")
        .current_dir(server.folder())
        .stdout(Stdio::null())
        .start()
        .expect("countersign starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn revoked_sessions(database: &Path) -> Vec<String> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("a database");
    let mut statement = database
        .prepare("SELECT value FROM revocations WHERE kind = 'sid'")
        .expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn count(database: &Path, sql: &str) -> u32 {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("a database")
        .query_row(sql, [], |row| row.get(0))
        .expect("a number")
}

fn assert_private_and_without_master_key(backup: &PathBuf, server: &Server) {
    let key = fs::read_to_string(server.folder().join("countersign.key")).expect("a key");
    let raw = countersign::base64url::decode(key.trim()).expect("base64url");
    let bytes = fs::read(backup).expect("a backup");
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(!holds(key.trim().as_bytes()) && !holds(&raw));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(backup).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
