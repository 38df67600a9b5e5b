//! A large import: it holds little in memory, goes on past bad lines, and one that was killed is
//! run again and leaves everybody there once.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign_conformance::chance::Chance;
use countersign_conformance::{Countersign, command};
use countersign_witness::{Keep, Started};
use serde_json::Value;
use tempfile::TempDir;

const MANY: usize = 100_000;
const HASH: &str = "pbkdf2:sha256:600000$aPfIZaYVK1fsbw1Z$";

#[test]
fn a_hundred_thousand_lines_are_imported_in_little_memory() {
    let few = peak_of_import(1_000);
    let (many, took) = (Instant::now(), peak_of_import(MANY));
    let seconds = many.elapsed().as_secs_f64();
    let megabytes = lines(0, MANY).len() >> 20;
    println!(
        "{MANY} lines ({megabytes} MiB) in {seconds:.1} s; peak memory {took:?} KiB, \
         of 1,000 lines {few:?} KiB"
    );
    if let (Some(few), Some(many)) = (few, took) {
        // The file is 12 MiB; what grows with it would show.
        assert!(many < few + 6 * 1024, "{few} KiB became {many} KiB");
    }
}

/// The most memory the import of so many lines took, in KiB; `None` where the system does not say.
fn peak_of_import(count: usize) -> Option<u64> {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, &lines(0, count));
    let mut child = spawn(&folder);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        if let Some(seen) = peak_in(&status) {
            peak = Some(seen);
        }
        if let Some(ended) = child.try_wait().expect("a child of ours") {
            assert!(ended.success(), "{ended}");
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(listed(&folder).len(), count);
    peak
}

fn peak_in(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[test]
fn an_import_killed_on_its_way_is_run_again_and_nobody_is_lost_or_there_twice() {
    const COUNT: usize = 20_000;
    let mut chance = Chance::from_environment();
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, &lines(0, COUNT));
    let mut cut_short = 0;
    for _ in 0..6 {
        let mut child = spawn(&folder);
        std::thread::sleep(Duration::from_millis(100 + chance.below(900)));
        if child.try_wait().expect("a child of ours").is_none() {
            child.kill().expect("it can be killed");
            cut_short += 1;
        }
        child.wait().expect("it ends");
    }
    let before = listed(&folder).len();
    println!("killed {cut_short} times, {before} of {COUNT} users there");
    assert!(cut_short > 0, "the machine was too fast to show anything");

    let report = report(&folder);
    assert_eq!(report["already_there"], before);
    assert_eq!(report["imported"], COUNT - before);
    assert_eq!(report["bad"], 0);
    let names: BTreeSet<_> = listed(&folder).into_iter().collect();
    assert_eq!(names.len(), COUNT);
    assert_eq!(listed(&folder).len(), COUNT);
}

#[test]
fn bad_lines_are_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = lines(0, 3).into_bytes();
    file.extend_from_slice(b"bad name,x\n");
    file.extend_from_slice(
        b"costly,$2b$31$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW\n",
    );
    file.extend_from_slice(b"unknown,md5$0123\n");
    file.extend_from_slice(b"\xFF\xFE,x\n");
    file.extend_from_slice(format!("{},x\n", "long".repeat(4096)).as_bytes());
    file.extend_from_slice(b"\n");
    // The same name with another hash is somebody else.
    file.extend_from_slice(line(1).replace("000001,", "000000,").as_bytes());
    file.extend_from_slice(b"one field\n");
    file.extend_from_slice(line(3).as_bytes());
    std::fs::write(folder.path().join("users.csv"), file).expect("a file");

    let output = import(&folder).and(["--json"]).output();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["imported"], 4);
    let mut bad: Vec<_> = report["bad_lines"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|bad| {
            let reason = bad["reason"].as_str().expect("a reason");
            (bad["line"].as_u64().expect("a number"), reason.to_owned())
        })
        .collect();
    bad.sort();
    let expected = [
        (5, "bad_username"),
        (6, "password_hash_out_of_bounds"),
        (7, "unknown_password_hash"),
        (8, "not_utf8"),
        (9, "line_too_long"),
        (11, "username_taken"),
        (12, "wrong_columns"),
    ];
    assert_eq!(
        bad,
        expected.map(|(line, reason)| (line, reason.to_owned()))
    );
    let words = String::from_utf8_lossy(&output.stderr);
    for (line, reason) in expected {
        assert!(words.contains(&format!("line {line}:")), "{words}");
        assert!(words.contains(&format!("({reason})")), "{words}");
    }
    // Neither hashes nor escape sequences for a bar where nobody watches.
    assert!(!words.contains("md5") && !words.contains('\x1b'), "{words}");
    assert_eq!(listed(&folder).len(), 4);
}

#[test]
fn a_file_that_is_not_understood_makes_no_database() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("users.csv"), "name,hash\nada,x\n").expect("a file");
    let output = import(&folder).output();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("names no column `username`"), "{words}");
    assert!(!folder.path().join("countersign.db").exists());
    let output = Countersign::new(["user", "import", "-"]).within(folder.path());
    assert_eq!(output.output().status.code(), Some(2));
}

fn lines(from: usize, to: usize) -> String {
    let mut text = "username,password_hash\n".to_owned();
    for number in from..to {
        text += &line(number);
    }
    text
}

/// A hash that nobody can sign in with, of the size they have.
fn line(number: usize) -> String {
    let mut text = format!("user{number:06},{HASH}");
    let _ = writeln!(text, "{:064x}", number + 1);
    text
}

fn write(folder: &TempDir, text: &str) {
    std::fs::write(folder.path().join("users.csv"), text).expect("a file");
}

fn import(folder: &TempDir) -> Countersign {
    Countersign::new(["user", "import", "users.csv"]).within(folder.path())
}

fn report(folder: &TempDir) -> Value {
    serde_json::from_str(&import(folder).and(["--json"]).succeed()).expect("JSON")
}

fn spawn(folder: &TempDir) -> Started {
    spawn_in(folder.path())
}

fn spawn_in(folder: &Path) -> Started {
    Command::new(command::binary())
        .args(["user", "import", "users.csv"])
        .env_remove("COUNTERSIGN_DATABASE")
        .env_remove("COUNTERSIGN_MASTER_KEY")
        .current_dir(folder)
        .stdout(Stdio::null())
        .start()
        .expect("countersign starts")
}

fn listed(folder: &TempDir) -> Vec<String> {
    let data = Countersign::new(["user", "list", "--json"])
        .within(folder.path())
        .succeed();
    let users: Vec<Value> = serde_json::from_str(&data).expect("JSON");
    users
        .iter()
        .map(|user| user["username"].as_str().expect("a name").to_owned())
        .collect()
}
