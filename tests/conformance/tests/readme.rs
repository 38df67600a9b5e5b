//! The README promises commands and pages. They exist.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_conformance::Countersign;

#[test]
fn every_command_of_the_readme_is_one() {
    let mut seen = 0;
    for line in commands(&readme()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "run", "--release", "--", rest @ ..] | ["countersign", rest @ ..] => {
                understood(rest, &line);
            }
            ["cargo", "xtask", chore, ..] => {
                let help = help_of_xtask();
                assert!(
                    help.contains(&format!("cargo xtask {chore}")),
                    "{line}: {help}"
                );
            }
            // Not ours, and the test of the lines that `--dev` prints covers curl.
            _ => continue,
        }
        seen += 1;
    }
    assert!(
        seen >= 2,
        "the README shows the demo and the tests at least"
    );
}

#[test]
fn every_page_the_readme_leads_to_is_there() {
    let readme = readme();
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let own: Vec<&str> = links.filter(|link| !link.contains("://")).collect();
    assert!(!own.is_empty(), "the README leads nowhere");
    for link in own {
        let page = root().join(link.split('#').next().unwrap_or_default());
        assert!(
            page.exists(),
            "the README leads to {link}, which is not there"
        );
    }
}

/// The excerpt of the demo is what the demo says: each step it shows, and what the step proves.
#[test]
fn the_story_of_the_readme_is_the_demos() {
    let source = sources(&root().join("crates/cli/src/cmd/demo"));
    let readme = readme();
    let story = readme
        .split("```text\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains("steps held"))
        .expect("the README shows the demo");
    let proofs = story
        .lines()
        .filter_map(|line| line.strip_prefix("      ok "));
    let titles = story.lines().filter_map(|line| {
        let numbered = line.get(..6)?.trim().parse::<u8>().is_ok();
        line.get(6..).filter(|_| numbered)
    });
    let mut seen = 0;
    for told in proofs.chain(titles) {
        // A number in it was measured; what is before it was written.
        let written = told.split(|c: char| c.is_ascii_digit()).next();
        let beginning: String = written.unwrap_or_default().chars().take(40).collect();
        assert!(
            source.contains(beginning.trim_end()),
            "the demo does not say `{told}`"
        );
        seen += 1;
    }
    assert!(seen >= 8, "the README shows {seen} lines of the demo only");
}

/// All Rust files of a folder, with the strings that go over several lines in one.
fn sources(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut all = String::new();
    for file in files {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        let mut pieces = text.split("\\\n");
        all.push_str(pieces.next().unwrap_or_default());
        pieces.for_each(|piece| all.push_str(piece.trim_start()));
    }
    all
}

/// Asks the command for help on these words and looks for the options among it.
fn understood(words: &[&str], line: &str) {
    let is_plain = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let names: Vec<&str> = words
        .iter()
        .take_while(|word| !word.starts_with('-'))
        .filter(is_plain)
        .copied()
        .collect();
    // `user add ada`: the last word may be an argument, so the longest name that is one counts.
    let help = (1..=names.len()).rev().find_map(|length| {
        let known = names[..length].iter().copied().chain(["--help"]);
        let output = Countersign::new(known).output();
        output.status.success().then_some(output.stdout)
    });
    let help = help.unwrap_or_else(|| panic!("`{line}` is no command"));
    let help = String::from_utf8_lossy(&help).into_owned();
    for option in words.iter().filter(|word| word.starts_with("--")) {
        let name = option.split('=').next().unwrap_or_default();
        assert!(help.contains(name), "`{line}`: there is no {name}\n{help}");
    }
}

fn help_of_xtask() -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["xtask", "help"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines after a prompt in the README's console blocks.
fn commands(readme: &str) -> Vec<String> {
    readme
        .split("```")
        .filter_map(|block| block.strip_prefix("console\n"))
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("$ "))
        .map(str::to_owned)
        .collect()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("there is a README")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
