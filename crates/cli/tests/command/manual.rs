//! Help, man pages, completions, and the reference page: all of one definition.

use std::fs;
use std::path::Path;

use crate::keys::Folder;
use crate::run::{command, run, run_with_input};

const PAGE: &str = "../../docs/reference/command-line.md";

fn reference() -> String {
    run(&["manual", "reference"]).done()
}

/// Every command with its help, as the page has it.
fn helps(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n## countersign").skip(1).map(|section| {
        let (name, rest) = section.split_once('\n').expect("a heading");
        let help = rest.trim().trim_start_matches("```text\n");
        (name.trim(), help.trim_end_matches("```"))
    })
}

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(path).expect("the page");
    let printed = reference();
    let differing = page
        .lines()
        .zip(printed.lines())
        .find(|(one, other)| one != other);
    assert!(
        page == printed,
        "to bring it up to date: cargo run -- manual reference > docs/reference/command-line.md\n{differing:?}"
    );
}

#[test]
fn the_page_of_the_numbers_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let page = fs::read_to_string(path).expect("the page");
    assert!(
        page == run(&["manual", "metrics"]).done(),
        "to bring it up to date: cargo run -- manual metrics > docs/reference/metrics.md"
    );
}

#[test]
fn every_help_fits_the_screen() {
    let page = reference();
    for (name, help) in helps(&page) {
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
    // And as it is on a screen.
    let help = run_with_input(command(&["serve", "--help"]).env("COLUMNS", "80"), "").done();
    assert!(
        help.lines().all(|line| line.chars().count() <= 80),
        "{help}"
    );
}

#[test]
fn every_command_shows_how_it_is_used() {
    let page = reference();
    for (name, help) in helps(&page).filter(|(name, _)| !name.contains(' ')) {
        assert!(
            help.contains("Example"),
            "`countersign {name} --help` has no example"
        );
    }
    // An example that is too long is broken by the screen, and cannot be copied.
    for (name, help) in helps(&page) {
        let (_, examples) = help.split_once("\nExamples:\n").unwrap_or(("", ""));
        let examples = examples.split("\n\n").next().unwrap_or_default();
        for (line, next) in examples.lines().zip(examples.lines().skip(1)) {
            let goes_on = line.ends_with('\\');
            let begins = next.starts_with("  ") && !next.starts_with("   ");
            assert!(
                goes_on
                    || !begins
                    || next
                        .trim_start()
                        .starts_with(|c: char| c.is_ascii_lowercase()),
                "{name}: {next}"
            );
        }
    }
}

#[test]
fn there_is_a_man_page_for_each() {
    let folder = Folder::new();
    let into = folder.path("man");
    run(&["manual", "man", &into]).done();
    let page = reference();
    for (name, _) in helps(&page) {
        let name = format!("countersign {name}");
        let file = format!("{into}/{}.1", name.trim_end().replace(' ', "-"));
        let text = fs::read_to_string(&file).expect(&file);
        assert!(text.contains(".SH SYNOPSIS"), "{file}");
    }
    let nowhere = run(&["manual", "man", "/dev/null/man"]);
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
}

#[test]
fn every_shell_can_complete() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell]).done();
        assert!(script.contains("thumbprint"), "{shell}");
    }
    assert_eq!(run(&["completions", "cmd"]).code, 2);
}

#[test]
fn a_password_on_the_command_line_is_refused_with_the_way_in_and_never_said_back() {
    for typed in [
        &["user", "add", "ada", "--password", "hunter2hunter2"][..],
        &["user", "passwd", "ada", "--password=hunter2hunter2"],
        &["login", "127.0.0.1:1", "--password", "hunter2hunter2"],
    ] {
        let ended = run(typed);
        assert_eq!((ended.code, ended.data.as_str()), (2, ""), "{ended:?}");
        let way_in = ended.words.contains("pipe it in with --password-stdin");
        assert!(way_in, "{typed:?}: {ended:?}");
        assert!(!ended.words.contains("hunter2"), "{typed:?}: {ended:?}");
    }
}

#[test]
fn what_is_mistyped_gets_a_suggestion() {
    for (typed, meant) in [
        (&["sesion", "list"][..], "session"),
        (&["jwk", "thumprint"], "thumbprint"),
        (&["scan", "--sariff"], "--sarif"),
        (&["scan", "--fail-on", "eror"], "error"),
    ] {
        let ended = run(typed);
        assert_eq!((ended.code, ended.data.as_str()), (2, ""), "{ended:?}");
        assert!(ended.words.contains(meant), "{typed:?}: {ended:?}");
    }
}
