//! Users come with the hashes that Werkzeug, Django, bcrypt and argon2-cffi made of their
//! passwords, sign in with them, and have a hash of ours from then on.
//!
//! `cargo xtask test` installs those packages into `target/foreign/python` and switches this file on.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_conformance::{Countersign, Http, Server};
use countersign_witness::Keep;
use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;
use serde_json::{Value, json};

const OURS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

#[derive(Deserialize)]
struct Foreign {
    username: String,
    password: String,
    password_hash: String,
}

#[tokio::test]
async fn users_of_other_systems_sign_in_and_their_hashes_become_ours() {
    let users = hashed_elsewhere();
    assert!(users.len() >= 12, "{}", users.len());
    let mut server = Server::new();
    // Half of them in each format, so that both are held against the real thing.
    let (csv, json_lines) = users.split_at(users.len() / 2);
    let first = import(&server, "users.csv", &as_csv(csv));
    let second = import(&server, "users.jsonl", &as_json_lines(json_lines));
    assert_eq!(first["imported"], csv.len());
    assert_eq!(second["imported"], json_lines.len());

    server.start().await;
    let wrong = http(&server)
        .login(&users[0].username, "another password")
        .await;
    assert_eq!(wrong.expect("an answer").status, 401);
    for user in &users {
        assert_eq!(stored(&server, &user.username), user.password_hash);
        let wrong = http(&server)
            .login(&user.username, "another password")
            .await;
        assert_eq!(wrong.expect("an answer").status, 401, "{}", user.username);
        sign_in(&server, user).await;
        let upgraded = stored(&server, &user.username);
        assert!(upgraded.starts_with(OURS), "{}: {upgraded}", user.username);
        sign_in(&server, user).await;
        assert_eq!(stored(&server, &user.username), upgraded);
    }

    // The same file once more: whoever is there is left alone, with the hash they have now.
    let again = import(&server, "users.csv", &as_csv(csv));
    assert_eq!(again["imported"], 0);
    assert_eq!(again["already_there"], csv.len());
    for user in csv {
        assert!(stored(&server, &user.username).starts_with(OURS));
        sign_in(&server, user).await;
    }
}

async fn sign_in(server: &Server, user: &Foreign) {
    let answer = http(server).login(&user.username, &user.password).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{}: {}", user.username, answer.text);
}

fn http(server: &Server) -> Http {
    Http::patient(server.url())
}

fn import(server: &Server, name: &str, content: &str) -> Value {
    let file = server.folder().join(name);
    std::fs::write(&file, content).expect("a file");
    let data = Countersign::new(["user", "import", name, "--json", "--database"])
        .and([server.database()])
        .within(server.folder())
        .succeed();
    serde_json::from_str(&data).expect("JSON")
}

fn as_csv(users: &[Foreign]) -> String {
    let mut text = "username,password_hash,roles\r\n".to_owned();
    for user in users {
        let line = [&user.username, ",\"", &user.password_hash, "\",reader\r\n"].concat();
        text.push_str(&line);
    }
    text
}

fn as_json_lines(users: &[Foreign]) -> String {
    let line = |user: &Foreign| {
        let (name, hash) = (&user.username, &user.password_hash);
        let user = json!({"username": name, "password_hash": hash, "roles": ["reader"]});
        format!("{user}\n")
    };
    users.iter().map(line).collect::<Vec<_>>().concat()
}

/// The hash in the database, read beside the running server.
fn stored(server: &Server, username: &str) -> String {
    let file = server.folder().join("countersign.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(file, flags).expect("a database");
    database
        .query_row(
            "SELECT password_hash FROM users WHERE username = ?1",
            [username],
            |row| row.get(0),
        )
        .expect("a user")
}

fn hashed_elsewhere() -> Vec<Foreign> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let interpreter = std::env::var_os("COUNTERSIGN_TEST_PYTHON").map_or_else(
        || tests.join("../../target/foreign/python/bin/python"),
        PathBuf::from,
    );
    let output = Command::new(&interpreter)
        .arg(tests.join("python/passwords.py"))
        .run()
        .unwrap_or_else(|error| {
            let path = interpreter.display();
            panic!("{path}: {error}; `cargo xtask test foreign` installs it")
        });
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}
