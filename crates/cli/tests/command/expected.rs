//! Whole outputs, held to files in `tests/expected`: what a change does to them is seen in review.
//!
//! `EXPECTED=write cargo test -p countersign-cli` writes them anew.

use std::fs;
use std::path::Path;

use crate::run::{Ended, command, run, run_with_input};

/// `alg` is `none`, and there is nothing in it that changes with time.
const TOKEN: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJhZGEiLCJyb2xlcyI6WyJhZG1pbiJdfQ.";

#[track_caller]
fn holds(name: &str, ended: &Ended) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name);
    let Ended { code, data, words } = ended;
    let said = format!("{data}--- words\n{words}--- exit {code}\n");
    if std::env::var_os("EXPECTED").is_some_and(|value| value == "write") {
        fs::write(&path, &said).expect("a file");
    }
    let expected = fs::read_to_string(&path).expect(name);
    assert_eq!(said, expected, "{name}");
}

#[test]
fn a_token_looked_at() {
    holds("inspect.txt", &run(&["jwt", "inspect", TOKEN]));
    holds("inspect.json", &run(&["jwt", "inspect", "--json", TOKEN]));
    let mut coloured = command(&["jwt", "inspect", TOKEN]);
    holds(
        "inspect.coloured.txt",
        &run_with_input(coloured.env("CLICOLOR_FORCE", "1"), ""),
    );
}

#[test]
fn a_token_refused() {
    let anyone = ["--any-issuer", "--any-audience"];
    let ended = run_with_input(
        command(&[&["jwt", "verify", TOKEN], &anyone[..]].concat())
            .env("COUNTERSIGN_SECRET", "a secret of thirty-two bytes or more"),
        "",
    );
    holds("refused.txt", &ended);
}

#[test]
fn a_code_base_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = "import jwt from 'jsonwebtoken';\n\
                  const SECRET = process.env.SECRET || 'correct-horse';\n\
                  export const make = (id) => jwt.sign({ id }, SECRET);\n\
                  export const who = (token) => jwt.decode(token).id;\n";
    fs::write(folder.path().join("auth.js"), sample).expect("a file");
    for (name, form) in [
        ("scan.txt", &["scan"][..]),
        ("scan.json", &["scan", "--json"]),
    ] {
        let mut scan = command(form);
        holds(name, &run_with_input(scan.current_dir(folder.path()), ""));
    }
    holds("rules.txt", &run(&["scan", "--rules"]));
}

#[test]
fn something_mistyped() {
    holds("mistyped.txt", &run(&["jwt", "verfy"]));
}
