//! The commands that concern an installation as a whole, on PostgreSQL: users are imported, the
//! master key is changed, and what is about a file says that it is.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

#[path = "../../../crates/server/tests/store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;

use std::fmt::Write as _;
use std::path::Path;

use countersign_conformance::{Countersign, Server, Shared};
use countersign_wire::paths;
use countersign_witness::{Kind, note};
use serde_json::Value;

use crate::cluster::Cluster;

const PASSWORD: &str = "correct horse battery staple";
const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";
/// More than a few of the portions in which users are handed to the database.
const MANY: usize = 2_345;
/// In the form of Werkzeug, of the password above.
const HASH: &str = "pbkdf2:sha256:1000$aPfIZaYVK1fsbw1Z$b45ff60c3a53844e8a3d1d905963efc70eec7c20078b783a014dd026d1b9cc99";

async fn installation(cluster: &Cluster) -> Shared {
    Shared {
        master_key: OLD.into(),
        ..Shared::on(cluster.new_database().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_imported_beside_running_servers_and_sign_in_at_any_of_them() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = installation(&cluster).await;
    let mut servers = [Server::sharing(&shared), Server::sharing(&shared)];
    for server in &mut servers {
        server.start().await;
    }
    let [first, second] = &servers;
    let mut lines = String::from("username,password_hash,roles\n");
    for number in 0..MANY {
        writeln!(lines, "user{number},{HASH},reader").expect("a line");
    }
    writeln!(lines, "nobody,no hash at all,").expect("a line");
    std::fs::write(first.folder().join("users.csv"), lines).expect("a file");
    let import = || {
        let import = first.command(["user", "import", "users.csv", "--json"]);
        let output = import.output();
        // One line is bad, which is told at the end and keeps nobody out.
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let report = import();
    assert_eq!(report["imported"], MANY, "{report}");
    let again = import();
    assert_eq!(again["imported"], 0, "{again}");
    assert_eq!(again["already_there"], MANY, "{again}");

    for (server, name) in [(first, "user7"), (second, "user7"), (second, "user2344")] {
        let wrong = server.http().login(name, "another password").await;
        assert_eq!(wrong.expect("an answer").status, 401, "{name}");
        let right = server.http().login(name, PASSWORD).await;
        assert_eq!(right.expect("an answer").status, 200, "{name}");
    }
    let audit = first.command(["audit", "--json"]).succeed();
    let imported = audit.lines().filter(|line| line.contains("users_imported"));
    let counted: usize = imported
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let detail = line["detail"].as_str().expect("a detail").parse::<usize>();
            detail.expect("a number")
        })
        .sum();
    assert_eq!(counted, MANY, "each is counted once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_of_a_shared_database_is_changed() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = installation(&cluster).await;
    let mut server = Server::sharing(&shared);
    server.add_user("ada", PASSWORD);
    server.start().await;
    let answer = server.http().login("ada", PASSWORD).await;
    let token = answer.expect("an answer").field("refresh_token");
    let keys = server.http().get(paths::JWKS).await.expect("keys").text;
    server.kill();

    let rekey = |old: &str, new: Option<&str>| {
        let rekey = Countersign::new(["key", "rekey", "--json"])
            .and(["--database", &shared.database])
            .setting("COUNTERSIGN_MASTER_KEY", old);
        match new {
            Some(new) => rekey.setting("COUNTERSIGN_NEW_MASTER_KEY", new).output(),
            None => rekey.output(),
        }
    };
    assert_eq!(rekey(OLD, None).status.code(), Some(2), "no new key");
    let wrong = rekey(&OLD.replace('1', "3"), Some(NEW));
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let changed = rekey(OLD, Some(NEW));
    assert_eq!(changed.status.code(), Some(0), "{changed:?}");
    let report: Value = serde_json::from_slice(&changed.stdout).expect("JSON");
    assert_eq!(report["signing_keys"], 2, "{report}");
    assert_eq!(report["mac_keys"], 1, "{report}");
    let again = rekey(OLD, Some(NEW));
    assert_eq!(again.status.code(), Some(0), "{again:?}");

    let refused = server
        .command(["serve", "--listen", "127.0.0.1:0"])
        .output();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("does not open under this master key"),
        "{said}"
    );

    let mut renewed = Server::sharing(&Shared {
        master_key: NEW.into(),
        ..shared.clone()
    });
    renewed.start().await;
    let http = renewed.http();
    assert_eq!(http.get(paths::JWKS).await.expect("keys").text, keys);
    let answer = http.refresh(&token).await.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_copies_a_file_says_what_to_use_for_a_shared_database() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let server = Server::sharing(&installation(&cluster).await);
    server.add_user("ada", PASSWORD);
    for arguments in [["backup", "copy.db"], ["restore", "copy.db"]] {
        let refused = server.command(arguments).output();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_ne!(refused.status.code(), Some(0), "{said}");
        assert!(said.contains("PostgreSQL"), "{said}");
        assert!(!server.folder().join("copy.db").exists());
    }
}

/// What is wrong with the database, a check says as the start would.
struct Checked<'a> {
    folder: &'a Path,
    key: &'a str,
}

impl Checked<'_> {
    fn run(&self, arguments: &[&str], database: &str) -> (Option<i32>, String) {
        let output = Countersign::new(arguments)
            .within(self.folder)
            .setting("COUNTERSIGN_DATABASE", database)
            .setting("COUNTERSIGN_MASTER_KEY", self.key)
            .setting("COUNTERSIGN_ISSUER", "https://id.example")
            .setting("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .output();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!words.contains("hunter2"), "{words}");
        (output.status.code(), words)
    }

    fn good(&self, database: &str, word: &str) {
        let (code, words) = self.run(&["config", "check"], database);
        assert_eq!(code, Some(0), "{words}");
        assert!(words.contains(word), "{words}");
    }

    fn stops(&self, database: &str, word: &str) {
        let (code, words) = self.run(&["config", "check"], database);
        assert_eq!(code, Some(1), "{words}");
        assert!(words.contains(word), "{words}");
        let (code, said) = self.run(&["serve"], database);
        assert_eq!(code, Some(1), "{said}");
        let reason = |words: &str| {
            words
                .lines()
                .find(|line| line.contains(word))
                .map(str::to_owned)
        };
        assert_eq!(reason(&words), reason(&said));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_a_start_would_find_in_a_shared_database() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = installation(&cluster).await;
    let mut server = Server::sharing(&shared);
    let folder = tempfile::tempdir().expect("a folder");
    let mut check = Checked {
        folder: folder.path(),
        key: OLD,
    };
    check.good(&shared.database, "made by the first start");
    let tables = "SELECT count(*) FROM pg_namespace WHERE nspname = 'countersign'";
    let name = shared
        .database
        .rsplit('/')
        .next()
        .expect("a name")
        .to_owned();
    let admin = cluster.admin(&name).await;
    let made: i64 = admin
        .query_one(tables, &[])
        .await
        .expect("an answer")
        .get(0);
    assert_eq!(made, 0, "a check makes nothing");

    server.start().await;
    check.good(&shared.database, "good, and its keys open");
    server.kill();
    check.good(&shared.database, "good, and its keys open");

    check.key = NEW;
    check.stops(&shared.database, "master key");
    check.key = OLD;
    check.stops(&cluster.url("nowhere"), "nowhere");
    let newer = "UPDATE countersign.schema_steps SET taken = 900";
    admin.batch_execute(newer).await.expect("works");
    check.stops(&shared.database, "the database has schema 900");
    let found = admin.query_one(
        "SELECT max(taken)::BIGINT FROM countersign.schema_steps",
        &[],
    );
    let found: i64 = found.await.expect("an answer").get(0);
    assert_eq!(found, 900, "it is left as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_that_the_password_of_a_shared_database_is_wrong() {
    const TLS: &str = "../../crates/server/tests/store/postgres/tls";
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join(TLS);
    let read = |name: &str| std::fs::read_to_string(tls.join(name)).expect("a file");
    let port = countersign_conformance::port::free();
    let (certificate, key) = (read("server.pem"), read("server-key.pem"));
    let Some(cluster) = Cluster::start_with_tls(port, &certificate, &key) else {
        return;
    };
    note(Kind::Password, "hunter2 of the right hand");
    let password = "ALTER ROLE countersign PASSWORD 'hunter2 of the right hand'";
    let admin = cluster.admin("postgres").await;
    admin.batch_execute(password).await.expect("a password");
    let authority = tls.join("ca.pem").display().to_string();
    let at = |hand: &str| {
        format!(
            "postgres://countersign:hunter2%20of%20the%20{hand}%20hand@localhost:{port}/postgres\
             ?sslmode=verify-full&sslrootcert={authority}"
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let check = Checked {
        folder: folder.path(),
        key: OLD,
    };
    check.good(&at("right"), "made by the first start");
    check.stops(&at("left"), "password authentication failed");
}
