//! The master key is changed: sessions go on, the old key opens nothing, and a change cut short at
//! any moment is finished or given up by the next start.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use countersign_conformance::chance::Chance;
use countersign_conformance::{Countersign, Http, Server, command, port};
use countersign_wire::paths;
use countersign_witness::{Keep, Started};
use serde_json::Value;

const PASSWORD: &str = "correct horse battery staple";
const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";

#[tokio::test]
async fn sessions_and_keys_outlive_their_master_key_and_the_old_one_opens_nothing() {
    let (mut server, mut token) = signed_in().await;
    let http = server.http();
    let keys = http.get(paths::JWKS).await.expect("keys").text;

    let refused = run(&server, &["key", "rekey"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(words(&refused).contains("stop the server"), "{refused:?}");

    server.kill();
    let old = fs::read(key_file(&server)).expect("a key");
    let report = run(&server, &["key", "rekey", "--json"]);
    assert_eq!(report.status.code(), Some(0), "{report:?}");
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    assert_eq!(report["signing_keys"], 2);
    assert_eq!(report["mac_keys"], 1);
    let new = fs::read(key_file(&server)).expect("a key");
    assert_ne!(old, new);
    assert!(!next_file(&server).exists());
    assert_private(&key_file(&server));

    server.start().await;
    assert_eq!(http.get(paths::JWKS).await.expect("keys").text, keys);
    token = go_on(&http, &token).await;
    server.kill();

    fs::write(key_file(&server), &old).expect("the old key");
    let refused = run(&server, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = words(&refused);
    assert!(
        said.contains("does not open under this master key"),
        "{said}"
    );
    assert!(
        said.contains("the master key this database was made with"),
        "{said}"
    );
    for change in [vec!["key", "rotate"], vec!["key", "rekey"]] {
        let refused = run(&server, &change);
        assert_eq!(refused.status.code(), Some(1), "{change:?}: {refused:?}");
    }
    assert!(
        !next_file(&server).exists(),
        "left behind by a refused change"
    );

    fs::write(key_file(&server), &new).expect("the new key");
    server.start().await;
    go_on(&http, &token).await;
    let audit = run(&server, &["audit", "--json"]);
    let audit = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert_eq!(audit.matches("master_key_changed").count(), 1, "{audit}");
}

#[tokio::test]
async fn a_change_killed_at_any_moment_leaves_a_server_that_starts() {
    let mut chance = Chance::from_environment();
    let (mut server, mut token) = signed_in().await;
    let http = server.http();
    server.kill();
    let (mut begun, mut done, mut killed) = (0, 0, 0);
    // The moment between the two steps is short on a fast machine: on until it was met.
    while killed < 30 || (begun == 0 && killed < 300) {
        let number = killed;
        killed += 1;
        let before = fs::read(key_file(&server)).expect("a key");
        let mut child = rekeying(&server);
        // Every other time from the moment on at which there are two keys.
        while number % 2 == 0
            && !next_file(&server).exists()
            && child.try_wait().expect("a child of ours").is_none()
        {
            std::thread::sleep(Duration::from_micros(50));
        }
        let longest = [200, 80_000, 1_500, 80_000, 6_000, 80_000][number % 6];
        tokio::time::sleep(Duration::from_micros(chance.below(longest))).await;
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        begun += u32::from(next_file(&server).exists());
        server.start().await;
        assert!(!next_file(&server).exists(), "the start did not settle it");
        token = go_on(&http, &token).await;
        done += u32::from(fs::read(key_file(&server)).expect("a key") != before);
        server.kill();
    }
    println!("{killed} changes killed: {begun} between their two steps, {done} came to hold");
    assert!(
        begun > 0 && done > 0,
        "no crash came at a moment that matters"
    );
}

#[tokio::test]
async fn a_start_that_finds_two_keys_takes_the_one_that_opens() {
    let (mut server, mut token) = signed_in().await;
    let http = server.http();
    server.kill();
    let old = fs::read(key_file(&server)).expect("a key");
    // Cut short before anything was sealed.
    fs::write(next_file(&server), NEW).expect("a key");
    fs::set_permissions(next_file(&server), private(&server)).expect("set");
    server.start().await;
    token = go_on(&http, &token).await;
    server.kill();
    assert_eq!(fs::read(key_file(&server)).expect("a key"), old);
    assert!(!next_file(&server).exists());
    let aside = server.folder().join("countersign.db-rekey-unused-1");
    assert_eq!(fs::read_to_string(aside).ok().as_deref(), Some(NEW), "kept");

    // Cut short after everything was.
    assert_eq!(run(&server, &["key", "rekey"]).status.code(), Some(0));
    let new = fs::read(key_file(&server)).expect("a key");
    fs::rename(key_file(&server), next_file(&server)).expect("moved");
    fs::write(key_file(&server), &old).expect("a key");
    fs::set_permissions(
        key_file(&server),
        fs::metadata(next_file(&server))
            .expect("there")
            .permissions(),
    )
    .expect("set");
    server.start().await;
    token = go_on(&http, &token).await;
    server.kill();
    assert_eq!(fs::read(key_file(&server)).expect("a key"), new);
    assert!(!next_file(&server).exists());

    // Two keys and neither opens: refused, and both are left.
    fs::write(key_file(&server), OLD).expect("a key");
    fs::write(next_file(&server), NEW).expect("a key");
    fs::set_permissions(next_file(&server), private(&server)).expect("set");
    let refused = run(&server, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(next_file(&server).exists() && key_file(&server).exists());
    fs::remove_file(next_file(&server)).expect("removed");
    fs::write(key_file(&server), &new).expect("a key");
    server.start().await;
    go_on(&http, &token).await;
}

/// The database that is replaced was sealed under the new key already, or not yet; either way one key
/// opens what is there afterwards, and what was there before.
#[tokio::test]
async fn a_backup_is_restored_after_a_change_that_was_cut_short() {
    for sealed in [false, true] {
        let (mut server, _) = signed_in().await;
        server.kill();
        let old = fs::read(key_file(&server)).expect("a key");
        let backed_up = run(&server, &["backup", "safe.db"]);
        assert_eq!(backed_up.status.code(), Some(0), "{backed_up:?}");
        let holds = if sealed {
            assert_eq!(run(&server, &["key", "rekey"]).status.code(), Some(0));
            let new = fs::read(key_file(&server)).expect("a key");
            fs::rename(key_file(&server), next_file(&server)).expect("moved");
            fs::write(key_file(&server), &old).expect("a key");
            fs::set_permissions(
                key_file(&server),
                fs::metadata(next_file(&server))
                    .expect("there")
                    .permissions(),
            )
            .expect("set");
            new
        } else {
            fs::write(next_file(&server), NEW).expect("a key");
            fs::set_permissions(next_file(&server), private(&server)).expect("set");
            old
        };
        restore_and_go_on(&mut server).await;
        assert_eq!(fs::read(key_file(&server)).expect("a key"), holds);
        assert!(!next_file(&server).exists());
    }
}

/// The same with changes that were killed, until one of them was between its two steps.
#[tokio::test]
async fn a_backup_is_restored_after_a_change_was_killed() {
    let mut chance = Chance::from_environment();
    let (mut server, _) = signed_in().await;
    server.kill();
    let backed_up = run(&server, &["backup", "safe.db"]);
    assert_eq!(backed_up.status.code(), Some(0), "{backed_up:?}");
    let (mut begun, mut killed) = (0, 0);
    while begun < 3 && killed < 300 {
        killed += 1;
        let mut child = rekeying(&server);
        while !next_file(&server).exists() && child.try_wait().expect("a child of ours").is_none() {
            std::thread::sleep(Duration::from_micros(50));
        }
        tokio::time::sleep(Duration::from_micros(chance.below(3_000))).await;
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        if next_file(&server).exists() {
            begun += 1;
            restore_and_go_on(&mut server).await;
        }
    }
    println!("{killed} changes killed, {begun} of them between their two steps");
    assert!(begun > 0, "no crash came at a moment that matters");
}

async fn restore_and_go_on(server: &mut Server) {
    let restored = run(server, &["restore", "safe.db", "--json"]);
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let report: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(report["compared"], true);
    server.start().await;
    assert!(!next_file(server).exists(), "the start did not settle it");
    let answer = server
        .http()
        .login("ada", PASSWORD)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    go_on(&server.http(), &answer.field("refresh_token")).await;
    server.kill();
    // And the one that was replaced can be gone back to.
    let replaced = report["replaced"].as_str().expect("a name");
    let its_key = server.folder().join(replaced).with_extension("key");
    fs::copy(key_file(server), its_key).expect("copied");
    let database = format!("sqlite:{replaced}");
    let opened = run(server, &["key", "rekey", "--database", &database]);
    assert_eq!(opened.status.code(), Some(0), "{opened:?}");
}

#[tokio::test]
async fn a_key_in_the_environment_is_exchanged_by_another_in_the_environment() {
    let server = Server::new();
    let listen = format!("127.0.0.1:{}", port::free());
    let http = Http::new(format!("http://{listen}"));
    let serve = ["serve", "--listen", &listen];
    let mut running = serving(&server, &serve, OLD, &http).await;
    running.kill().expect("it can be killed");
    running.wait().expect("it ends");
    assert!(!key_file(&server).exists());

    let unset = with_keys(&server, &["key", "rekey"], OLD, None);
    assert_eq!(unset.status.code(), Some(2), "{unset:?}");
    assert!(
        words(&unset).contains("COUNTERSIGN_NEW_MASTER_KEY"),
        "{unset:?}"
    );
    let malformed = with_keys(&server, &["key", "rekey"], OLD, Some("short"));
    assert_eq!(malformed.status.code(), Some(1), "{malformed:?}");
    let wrong = with_keys(
        &server,
        &["key", "rekey"],
        &OLD.replace('1', "3"),
        Some(NEW),
    );
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");

    let changed = with_keys(&server, &["key", "rekey", "--json"], OLD, Some(NEW));
    assert_eq!(changed.status.code(), Some(0), "{changed:?}");
    let report: Value = serde_json::from_slice(&changed.stdout).expect("JSON");
    assert_eq!(report["signing_keys"], 2);
    assert_eq!(report["key_file"], Value::Null);
    // Whoever does not know how far it came asks again.
    let again = with_keys(&server, &["key", "rekey", "--json"], OLD, Some(NEW));
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    let report: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(report["signing_keys"], 0);

    let refused = with_keys(&server, &serve, OLD, None);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let mut running = serving(&server, &serve, NEW, &http).await;
    running.kill().expect("it can be killed");
    running.wait().expect("it ends");
    for output in [unset, malformed, wrong, changed, again, refused] {
        let said = words(&output);
        assert!(
            !said.contains(OLD) && !said.contains(NEW),
            "a key was printed"
        );
    }
}

async fn signed_in() -> (Server, String) {
    let mut server = Server::new();
    server.add_user("ada", PASSWORD);
    server.start().await;
    let answer = server.http().login("ada", PASSWORD).await;
    let token = answer.expect("an answer").field("refresh_token");
    (server, token)
}

async fn go_on(http: &Http, token: &str) -> String {
    let answer = http.refresh(token).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let access = answer.field("access_token");
    assert_eq!(http.me(&access).await.expect("an answer").status, 200);
    answer.field("refresh_token")
}

fn key_file(server: &Server) -> PathBuf {
    server.folder().join("countersign.key")
}

fn next_file(server: &Server) -> PathBuf {
    server.folder().join("countersign.db-rekey")
}

/// The permissions the key file has.
fn private(server: &Server) -> fs::Permissions {
    let file = fs::metadata(key_file(server)).expect("a key");
    file.permissions()
}

fn assert_private(file: &PathBuf) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn rekeying(server: &Server) -> Started {
    Command::new(command::binary())
        .args(["key", "rekey"])
        .env_remove("COUNTERSIGN_DATABASE")
        .env_remove("COUNTERSIGN_MASTER_KEY")
        .current_dir(server.folder())
        .stdout(Stdio::null())
        .start()
        .expect("countersign starts")
}

fn run(server: &Server, arguments: &[&str]) -> Output {
    Countersign::new(arguments).within(server.folder()).output()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn command_with(server: &Server, arguments: &[&str], old: &str, new: Option<&str>) -> Command {
    let mut command = Command::new(command::binary());
    command
        .args(arguments)
        .env_remove("COUNTERSIGN_DATABASE")
        .env("COUNTERSIGN_MASTER_KEY", old)
        .current_dir(server.folder())
        .stdin(Stdio::null());
    match new {
        Some(new) => command.env("COUNTERSIGN_NEW_MASTER_KEY", new),
        None => command.env_remove("COUNTERSIGN_NEW_MASTER_KEY"),
    };
    command
}

fn with_keys(server: &Server, arguments: &[&str], old: &str, new: Option<&str>) -> Output {
    command_with(server, arguments, old, new)
        .run()
        .expect("countersign starts")
}

async fn serving(server: &Server, arguments: &[&str], key: &str, http: &Http) -> Started {
    let mut command = command_with(server, arguments, key, None);
    command.stdout(Stdio::null()).talkative();
    let mut child = command.start().expect("countersign starts");
    let began = Instant::now();
    while http.get(paths::READYZ).await.is_err() {
        assert!(
            child.try_wait().expect("a child of ours").is_none(),
            "it ended"
        );
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it does not get ready"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child
}
