//! However a test starts something that logs a secret, the search finds it.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use countersign_witness::{FOLDER, Keep, Kind, listen, listen_as_served, note, search};

const SECRET: &str = "gR8-unmistakable";
/// Which of the ways below this very program goes, when it is called by itself.
const WAY: &str = "WITNESS_LEAKS_BY";

type Way = (&'static str, fn());

/// Each leaks the secret once.
const WAYS: [Way; 8] = [
    ("run", || {
        let ended = leaky("").run().expect("a shell");
        assert!(String::from_utf8_lossy(&ended.stderr).contains(SECRET));
    }),
    ("run_with", || {
        let ended = leaky("cat; ").run_with(b"told").expect("a shell");
        assert_eq!(ended.stdout, b"told");
        assert!(String::from_utf8_lossy(&ended.stderr).contains(SECRET));
    }),
    ("start", || {
        let mut ends = leaky("").start().expect("a shell");
        assert!(ends.wait().expect("it ends").success());
    }),
    ("start, with its stderr thrown away", || {
        let mut ends = leaky("").stderr(Stdio::null()).start().expect("a shell");
        assert!(ends.wait().expect("it ends").success());
    }),
    ("start_heard, and nobody listens", || {
        let mut ends = leaky("").start_heard().expect("a shell");
        assert!(ends.wait().expect("it ends").success());
    }),
    ("start_heard, and it is killed", || {
        let mut runs = Command::new("sh")
            .args(["-c", &format!("echo {SECRET} >&2; exec sleep 60")])
            .start_heard()
            .expect("a shell");
        let said = runs.stderr.take().expect("it is piped");
        let first = BufReader::new(said).lines().next();
        assert_eq!(first.expect("a line").expect("text"), SECRET);
    }),
    ("listen", || {
        listen();
        tracing::trace!("{SECRET}");
    }),
    ("listen_as_served", || {
        listen_as_served();
        tracing::info!("{SECRET}");
        tracing::debug!("{SECRET}");
    }),
];

fn leaky(first: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}echo {SECRET} >&2")]);
    shell.stdout(Stdio::piped());
    shell
}

#[test]
fn whatever_a_test_starts_is_searched() {
    if let Ok(name) = std::env::var(WAY) {
        note(Kind::Password, SECRET);
        let way = WAYS.iter().find(|(known, _)| *known == name);
        way.expect("a way").1();
        return;
    }
    for (name, _) in WAYS {
        let folder = tempfile::tempdir().expect("a folder");
        let program = std::env::current_exe().expect("a test knows where it is");
        let ended = Command::new(program)
            .args(["--exact", "whatever_a_test_starts_is_searched"])
            .env(FOLDER, folder.path())
            .env(WAY, name)
            .run()
            .expect("this very program");
        assert!(ended.status.success(), "{name}: {ended:?}");
        let report = search(folder.path()).expect("all can be read");
        let [leak] = report.leaks.as_slice() else {
            panic!("{name}: {report:?}")
        };
        assert_eq!(leak.kind, Kind::Password, "{name}");
        let whose: Vec<&str> = report.from.iter().map(String::as_str).collect();
        assert_eq!(whose, ["countersign-witness.kept"], "{name}");
    }
}

/// What is told a program in secret is noted, so that a test need not think of it.
#[test]
fn secrets_of_the_environment_and_the_input_are_noted() {
    if std::env::var(WAY).is_ok() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat >&2; echo $MASTER_KEY $CLIENT_SECRET >&2", "--"]);
        shell.arg("--password-stdin");
        shell.env("MASTER_KEY", "gR8-key-unmistakable");
        shell.env("CLIENT_SECRET", "gR8-secret-unmistakable");
        shell.env("SECRET_FILE", "gR8-no-secret");
        shell.run_with(b"gR8-word-unmistakable\n").expect("a shell");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let ended = Command::new(std::env::current_exe().expect("a test knows where it is"))
        .args([
            "--exact",
            "secrets_of_the_environment_and_the_input_are_noted",
        ])
        .env(FOLDER, folder.path())
        .env(WAY, "")
        .run()
        .expect("this very program");
    assert!(ended.status.success(), "{ended:?}");
    let report = search(folder.path()).expect("all can be read");
    let mut kinds: Vec<Kind> = report.leaks.iter().map(|leak| leak.kind).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [Kind::Password, Kind::ClientSecret, Kind::MasterKey],
        "{report:?}"
    );
}
