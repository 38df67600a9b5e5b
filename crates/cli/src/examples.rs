//! The examples in the help texts: a shell takes them apart, and the parser takes what it is handed.
//!
//! A shell function stands for `countersign` and writes down how it was called. No other program is
//! found, so nothing happens; files that are read or written are left out, for they are not there.

use std::fs;
use std::iter::Peekable;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::str::Chars;

use clap::{Command, CommandFactory};
use countersign_witness::Keep;

use crate::args::Cli;

#[test]
fn every_example_can_be_typed() {
    let mut seen = 0;
    each(&Cli::command(), "countersign", &mut |name, examples| {
        let script = without_files(examples);
        let meant = script.matches("countersign ").count();
        let calls = calls(&script);
        assert_eq!(calls.len(), meant, "{name}: a shell reads {calls:?}");
        for call in calls {
            let typed = [&["countersign".to_owned()][..], &call].concat();
            if let Err(refused) = Cli::command().try_get_matches_from(typed) {
                panic!("the help of `{name}` says {call:?}\n{refused}");
            }
        }
        seen += meant;
    });
    assert!(seen > 60, "{seen} examples");
}

#[test]
fn what_cannot_be_typed_is_found() {
    let refused = |script: &str| {
        let calls = calls(&without_files(script));
        calls.into_iter().any(|call| {
            let typed = [&["countersign".to_owned()][..], &call].concat();
            Cli::command().try_get_matches_from(typed).is_err()
        })
    };
    assert!(refused("  countersign backup"));
    assert!(refused(
        "  countersign user list | countersign jwt sing < key"
    ));
    assert!(refused(
        "  countersign request PUT :5000/a -H Content-Type: text/csv"
    ));
    assert!(!refused(
        "  countersign request ':5000/a?b&c' > \"$HOME/a file\""
    ));
    assert_eq!(calls("  countersign serve 'half").len(), 0);
}

/// Ids are drawn at random, and one in sixty-four does.
#[test]
fn an_id_may_begin_with_a_hyphen() {
    for typed in [
        ["countersign", "key", "withdraw", "-V9nR4qronDU3GS"],
        ["countersign", "session", "end", "-hH4qronDU3GS"],
        ["countersign", "session", "end", "--qronDU3GS"],
    ] {
        let read = Cli::command().try_get_matches_from(typed);
        assert!(read.is_ok(), "{typed:?}: {read:?}");
    }
}

/// Hands over the examples of a command and of all below it.
fn each(command: &Command, name: &str, take: &mut impl FnMut(&str, &str)) {
    let helps = [command.get_after_help(), command.get_after_long_help()];
    for help in helps.into_iter().flatten() {
        let help = help.to_string();
        for heading in ["Examples:\n", "Example:\n"] {
            if let Some((_, below)) = help.split_once(heading) {
                take(name, below.split("\n\n").next().unwrap_or_default());
            }
        }
    }
    for below in command.get_subcommands() {
        each(below, &format!("{name} {}", below.get_name()), take);
    }
}

/// The script without `< file`, `> file` and `>> file`.
fn without_files(script: &str) -> String {
    let mut kept = String::new();
    let mut rest = script.chars().peekable();
    while let Some(next) = rest.peek().copied() {
        if next == '<' || next == '>' {
            while rest.next_if(|c| matches!(c, '<' | '>' | ' ')).is_some() {}
            word(&mut rest);
        } else if next.is_whitespace() {
            kept.extend(rest.next());
        } else {
            kept.push_str(&word(&mut rest));
        }
    }
    kept
}

/// What a shell takes for one word, quotes and all, up to a blank or a redirection.
fn word(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    let mut quote = None;
    while let Some(next) = rest.peek().copied() {
        if quote.is_none() && (next.is_whitespace() || matches!(next, '<' | '>')) {
            break;
        }
        match (quote, next) {
            (None, '\'' | '"') => quote = Some(next),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        word.push(next);
        rest.next();
    }
    word
}

/// How often a shell that runs this calls `countersign`, and with which arguments.
fn calls(script: &str) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let heard = folder.path().join("heard");
    fs::write(&heard, "").expect("a file");
    let shell = ["/bin/sh", "/usr/bin/sh"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let hear = "countersign() { printf '%s\\n' \"$#\" \"$@\" >> heard; }";
    Process::new(shell.expect("there is a shell"))
        .args(["-c", &format!("{hear}\n{script}\n")])
        .env_clear()
        .env("PATH", folder.path())
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .run()
        .expect("a shell");
    let heard = fs::read_to_string(&heard).expect("what was heard");
    let mut lines = heard.lines();
    let mut calls = Vec::new();
    while let Some(count) = lines.next() {
        let count = count.parse().expect("how many follow");
        calls.push(lines.by_ref().take(count).map(str::to_owned).collect());
    }
    calls
}
