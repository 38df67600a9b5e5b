//! Colours, pipes, help.

use std::process::Stdio;

use crate::run::{command, run, run_with_input};
use countersign_witness::Keep;

const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.";

#[test]
fn colour_is_for_terminals_or_whoever_asks() {
    let inspect = ["jwt", "inspect", TOKEN];
    let coloured = |name: &str, value: &str| {
        let ended = run_with_input(command(&inspect).env(name, value), "");
        ended.done().contains('\u{1b}')
    };
    assert!(!coloured("TERM", "xterm-256color"), "a pipe is no terminal");
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("NO_COLOR", "1"));
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let mut child = command(&["jwt", "inspect", TOKEN])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .start_heard()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn every_list_may_be_cut_short() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = |arguments: &[&str]| {
        let mut command = command(arguments);
        command
            .current_dir(folder.path())
            .env_remove("COUNTERSIGN_DATABASE")
            .env_remove("COUNTERSIGN_MASTER_KEY");
        command
    };
    let add = ["user", "add", "ada", "--password-stdin"];
    run_with_input(&mut here(&add), "correct horse battery staple\n").done();
    let code = "import jwt\njwt.encode({'a': 1}, 'secret')\n";
    std::fs::write(folder.path().join("a.py"), code).expect("a file");
    for (list, code) in [
        (&["user", "list"][..], 0),
        (&["user", "list", "--json"], 0),
        (&["session", "list", "--json"], 0),
        (&["key", "list"], 0),
        (&["key", "list", "--json"], 0),
        (&["audit"], 0),
        (&["scan"], 0),
        (&["scan", "--json"], 0),
        (&["scan", "--rules"], 0),
        (&["reason"], 0),
        (&["completions", "zsh"], 0),
        (&["manual", "reference"], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["jwt"], 2),
    ] {
        let mut child = here(list)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .start_heard()
            .expect("the command starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code), "{list:?}: {output:?}");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            !words.contains("panicked") && !words.starts_with("error"),
            "{list:?}: {words}"
        );
    }
}

#[test]
fn help_fits_the_screen_and_wrong_usage_has_its_own_code() {
    for help in [
        &["--help"][..],
        &["jwt", "--help"],
        &["jwt", "sign", "--help"],
        &["jwt", "verify", "--help"],
        &["jwt", "inspect", "--help"],
        &["demo", "--help"],
        &["login", "--help"],
        &["logout", "--help"],
        &["whoami", "--help"],
        &["token", "--help"],
        &["request", "--help"],
    ] {
        let ended = run_with_input(command(help).env("COLUMNS", "80"), "");
        let data = ended.done();
        let longest = data.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{help:?} {longest:?}\n{data}");
    }
    for wrong in [
        &["jwt", "proof"][..],
        &["jwt", "inspect", "--nonsense"],
        &["jwt"],
    ] {
        assert_eq!(run(wrong).code, 2, "{wrong:?}");
    }
    let ended = run(&["jwt", "verfy"]);
    assert!(
        ended.words.contains("verify"),
        "a mistyped command gets a suggestion: {ended:?}"
    );
}
