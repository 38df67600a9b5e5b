//! What a password hash costs: measured by a command, set by options, and taken on by hashes that
//! are there already when their owners sign in.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use countersign_conformance::{Countersign, Server};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

const PASSWORD: &str = "correct horse battery staple";

#[test]
fn the_proposal_is_one_of_those_measured_and_can_be_set() {
    let report = calibrate(&["--target-ms", "60", "--most-memory-kib", "32768"]);
    let measured = report["measured"].as_array().expect("a list");
    assert!(measured.contains(&report["proposal"]), "{report}");
    for row in measured {
        let (memory, passes) = (number(row, "memory_kib"), number(row, "passes"));
        assert!(
            memory >= 7_168 && memory * passes >= 35_840,
            "below the floor: {row}"
        );
        assert!(memory <= 32_768, "{row}");
        let one_hash = row["median_ms"].as_f64().expect("a number");
        let a_second = row["sign_ins_per_second_and_lane"]
            .as_f64()
            .expect("a number");
        assert!(
            one_hash > 0.0 && (one_hash * a_second / 1000.0 - 1.0).abs() < 0.01,
            "{row}"
        );
    }
    let chosen = &report["proposal"];
    let (memory, passes) = (number(chosen, "memory_kib"), number(chosen, "passes"));
    let server = Server::new();
    let (memory_text, passes_text) = (memory.to_string(), passes.to_string());
    let options = [
        "--password-memory-kib",
        &memory_text,
        "--password-passes",
        &passes_text,
    ];
    Countersign::new(["user", "add", "ada", "--password-stdin"])
        .and(options)
        .within(server.folder())
        .input(PASSWORD)
        .succeed();
    let expected = format!("$argon2id$v=19$m={memory},t={passes},p=1$");
    let hash = stored(&server);
    assert!(hash.starts_with(&expected), "{hash}");
}

#[test]
fn where_nothing_is_cheap_enough_the_cheapest_allowed_is_proposed_and_said() {
    let report = calibrate(&["--target-ms", "1", "--most-memory-kib", "9216"]);
    assert_eq!(
        report["within_target"], false,
        "one millisecond for 35 MiB of work: {report}"
    );
    let proposal = &report["proposal"];
    assert!(number(proposal, "memory_kib") * number(proposal, "passes") >= 35_840);
    let refused = Countersign::new(["password", "calibrate", "--most-memory-kib", "100"]).output();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

#[test]
fn a_cost_below_the_floor_is_refused_before_anything_is_asked_or_made() {
    let server = Server::new();
    for cost in [
        ["--password-memory-kib", "1024"],
        ["--password-passes", "1"],
        ["--password-lanes", "0"],
    ] {
        for command in [
            vec!["user", "add", "ada", "--password-stdin"],
            vec!["serve"],
        ] {
            let refused = Countersign::new(&command).and(cost).within(server.folder());
            let refused = refused.output();
            assert_eq!(refused.status.code(), Some(2), "{cost:?}: {refused:?}");
        }
    }
    let made = std::fs::read_dir(server.folder())
        .expect("a folder")
        .count();
    assert_eq!(made, 0, "something was made");
}

#[tokio::test]
async fn a_hash_takes_on_the_servers_cost_when_its_owner_signs_in() {
    let mut server = Server::with([
        "--password-memory-kib",
        "9216",
        "--password-passes",
        "4",
        "--password-lanes",
        "2",
    ]);
    server.add_user("ada", PASSWORD);
    assert!(stored(&server).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    server.start().await;
    let answer = server.http().login("ada", PASSWORD).await;
    assert_eq!(answer.expect("an answer").status, 200);
    let hash = stored(&server);
    assert!(hash.starts_with("$argon2id$v=19$m=9216,t=4,p=2$"), "{hash}");
}

fn calibrate(options: &[&str]) -> Value {
    let data = Countersign::new(["password", "calibrate", "--json"])
        .and(options)
        .succeed();
    serde_json::from_str(&data).expect("JSON")
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().expect("a number")
}

fn stored(server: &Server) -> String {
    let file = server.folder().join("countersign.db");
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("a database")
        .query_row("SELECT password_hash FROM users", [], |row| row.get(0))
        .expect("a user")
}
