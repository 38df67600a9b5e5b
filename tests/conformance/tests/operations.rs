//! The pages for whoever runs the server show commands. They are run here as they stand there.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

#[path = "../../../crates/server/tests/store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;

use std::path::Path;
use std::time::{Duration, Instant};

use countersign_conformance::guide::Guide;
use countersign_conformance::port;
use countersign_conformance::shell::Shell;
use rusqlite::Connection;
use serde_json::Value;

use crate::cluster::Cluster;

/// Longer than anything takes that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_operations_page_is_typed() {
    let guide = Guide::read("operations.md");
    let mut commands = guide.commands();
    let (tls, metrics) = (port::free(), port::free());
    let mut shell = Shell::new()
        .changing("0.0.0.0:443", &format!("127.0.0.1:{tls}"))
        .changing("7801", &metrics.to_string());
    let mut scripts = 0;
    let behind_a_proxy = loop {
        let next = commands.typed();
        if next.starts_with("countersign serve") {
            break next;
        }
        shell.run(next);
        scripts += 1;
    };
    assert!(scripts >= 9, "the page shows less than it did");

    // Imported, disabled, and back as they were in the backup.
    let users = shell.run("countersign user list");
    for user in [
        "ada  active    admin,editor",
        "bob  active    editor",
        "eve  disabled",
    ] {
        assert!(users.contains(user), "{users}");
    }
    for name in ["monday.db", "shop.db"] {
        assert!(shell.folder().join(name).exists(), "{name}");
    }
    let log = std::fs::read_to_string(shell.folder().join("audit.jsonl")).expect("the log");
    let last = log.lines().map(json).next_back().expect("a line");
    assert!(last["event"].is_string(), "{last}");

    drop(shell.serve(behind_a_proxy).await);
    shell.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
         -subj /CN=localhost -keyout key.pem -out cert.pem 2> made",
    );
    // It ends well when it is asked to, having answered over TLS.
    let serve = commands.typed();
    shell.run(&format!(
        "{serve} & server=$!
         for each in $(seq 1500); do
             curl -skf https://127.0.0.1:{tls}/healthz && break
             kill -0 $server
             sleep 0.02
         done
         curl -skf https://127.0.0.1:{tls}/healthz
         kill $server
         wait $server"
    ));

    let _server = shell.serve(commands.typed()).await;
    let numbers = shell.run("curl -sf http://127.0.0.1:7801/metrics");
    assert!(numbers.contains("# TYPE countersign_"), "{numbers}");
}

#[tokio::test]
async fn the_page_about_signing_keys_is_typed() {
    let guide = Guide::read("operations/keys.md");
    let mut commands = guide.commands();
    let mut shell = Shell::new();
    let serve = commands.typed();
    let server = shell.serve(serve).await;
    let before = states(&shell.run(commands.typed()));
    assert_eq!(before.len(), 2, "{before:?}");
    drop(server);
    made_earlier(&shell.folder().join("countersign.db"));
    let _server = shell.serve(serve).await;

    shell.run(commands.typed());
    let rotated = states(&shell.run("countersign key list"));
    assert_eq!(of(&rotated, "signing"), of(&before, "pending"));
    assert_eq!(of(&rotated, "retiring"), of(&before, "signing"));

    shell.run(commands.typed());
    let withdrawn = states(&shell.run(commands.typed()));
    assert_eq!(of(&withdrawn, "signing"), of(&rotated, "pending"));
    let leaked = of(&rotated, "signing");
    let gone = withdrawn.iter().find(|(_, kid)| Some(kid) == leaked);
    assert!(
        gone.is_some_and(|(state, _)| state == "withdrawn"),
        "{gone:?}"
    );
    // The server looks for what others have done a few times a second.
    let began = Instant::now();
    let leaked = leaked.expect("a key");
    while shell
        .run("curl -sf http://127.0.0.1:7800/.well-known/jwks.json")
        .contains(leaked)
    {
        assert!(began.elapsed() < PATIENCE, "{leaked} is still published");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes the keys a few minutes older, so that every verifier knows the pending one.
fn made_earlier(database: &Path) {
    let database = Connection::open(database).expect("a database");
    let older = "UPDATE signing_keys SET created_at = created_at - 600";
    assert_eq!(database.execute(older, []).expect("older keys"), 2);
}

/// What `key list` says, as pairs of state and id.
fn states(list: &str) -> Vec<(String, String)> {
    let words = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.next_back()?))
    };
    list.lines().filter_map(words).collect()
}

fn of<'a>(keys: &'a [(String, String)], state: &str) -> Option<&'a String> {
    keys.iter().find(|(it, _)| it == state).map(|(_, kid)| kid)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_postgresql_is_typed() {
    let guide = Guide::read("operations/postgresql.md");
    let mut commands = guide.commands();
    let Some(cluster) = Cluster::start() else {
        // Told to do without; the test command says so at its end.
        commands.leave("there is no PostgreSQL, and none is wanted");
        return;
    };
    let second = port::free();
    let mut shell = Shell::new()
        .changing(
            "postgres://countersign@db.example/countersign",
            &cluster.new_database().await,
        )
        .changing("7801", &second.to_string());
    for _ in 0..4 {
        shell.run(commands.typed());
    }
    let servers = [
        shell.serve(commands.typed()).await,
        shell.serve_at(second, commands.typed()).await,
    ];
    shell.run(commands.typed());
    let refreshed = json(&shell.run(commands.typed()));
    assert!(refreshed["access_token"].is_string(), "{refreshed}");
    let sessions = shell.run(commands.typed());
    assert!(sessions.contains("  ada  "), "{sessions}");

    shell.run(commands.typed());
    drop(servers);
    shell.run("countersign user disable ada");
    shell.run(commands.typed());
    assert!(
        shell.run(commands.typed()).contains("ada  active"),
        "as it was"
    );
    let ended = shell.output(commands.typed());
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(shell.run("countersign session list"), "");
    let before = states(&shell.run(commands.typed()));
    shell.run(commands.typed());
    let after = states(&shell.run("countersign key list"));
    assert_eq!(of(&after, "signing"), of(&before, "pending"));
}

#[tokio::test]
async fn the_page_about_upgrades_is_typed() {
    let guide = Guide::read("operations/upgrade.md");
    let mut commands = guide.commands();
    let mut shell = Shell::new();
    std::fs::write(
        shell.folder().join("countersign.toml"),
        "access_life = 300\n",
    )
    .expect("a file");
    shell.run("echo 'correct horse battery staple' | countersign user add ada --password-stdin");
    assert!(shell.run(commands.typed()).starts_with("countersign "));
    shell.run(commands.typed());
    shell.run(commands.typed());
    drop(shell.serve(commands.typed()).await);

    // As a newer program would leave it.
    let database = Connection::open(shell.folder().join("countersign.db")).expect("a database");
    database
        .pragma_update(None, "user_version", 999)
        .expect("a newer schema");
    drop(database);
    let refused = shell.output("countersign serve");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    // But for its number, which is another after every upgrade.
    let without_number = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("error: "));
        let (before, number) = line?.split_once(" up to ")?;
        let after = number.trim_start_matches(|c: char| c.is_ascii_digit());
        Some(format!("{before} up to {after}"))
    };
    let said = without_number(&words).expect("what is wrong");
    assert_eq!(Some(said), without_number(guide.text()));

    shell.run(commands.typed());
    assert!(shell.run(commands.typed()).contains("ada  active"));
    let kept = std::fs::read_dir(shell.folder()).expect("a folder");
    let names = kept.map(|entry| {
        entry
            .expect("a file")
            .file_name()
            .into_string()
            .expect("text")
    });
    assert_eq!(names.filter(|name| name.contains(".replaced-")).count(), 1);
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
