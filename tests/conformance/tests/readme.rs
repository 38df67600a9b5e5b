//! The README promises commands and a story. They are as it says; so are the chores of the pages for
//! developers, which a test cannot run.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::Path;
use std::process::Command;

use countersign_conformance::guide::{Guide, root};
use countersign_conformance::shell::Shell;
use countersign_witness::Keep;
use serde_json::Value;

#[tokio::test]
async fn the_readme_is_typed() {
    let guide = Guide::read("../README.md");
    let mut commands = guide.commands();
    let mut shell = Shell::new().changing("cargo run --release --", "countersign");
    let story = shell.run(commands.typed());
    assert!(story.contains("steps held"), "{story}");
    // It is what runs this.
    is_a_chore(commands.not_here("cargo xtask test"));
    let _server = shell.serve(commands.typed()).await;
}

#[test]
fn the_chores_are_there() {
    let guide = Guide::read("../CONTRIBUTING.md");
    let mut commands = guide.commands();
    for _ in 0..2 {
        is_a_chore(commands.not_here("cargo xtask"));
    }
}

/// Whatever of others' the test command gets is on the page for those who wonder what it gets.
#[test]
fn the_page_says_what_the_tests_need() {
    let page = Guide::read("../CONTRIBUTING.md").text().to_owned();
    let read = |path: &str| {
        let path = root().join("tests/conformance").join(path);
        std::fs::read_to_string(path).expect("a list of packages")
    };
    let mut needed: Vec<String> = Vec::new();
    let python = read("python/requirements.txt");
    let python = python.lines().filter_map(|line| line.split_once("=="));
    needed.extend(python.map(|(name, _)| name.split('[').next().unwrap_or(name).to_owned()));
    for file in ["node/package.json", "browser/package.json"] {
        let json: Value = serde_json::from_str(&read(file)).expect("JSON");
        let packages = json["dependencies"].as_object().expect("packages");
        needed.extend(packages.keys().cloned());
    }
    let rust = read("rust/Cargo.toml");
    let (_, rust) = rust.split_once("[dependencies]").expect("dependencies");
    let rust = rust.lines().filter_map(|line| line.split_once(" = "));
    needed.extend(rust.map(|(name, _)| name.to_owned()));
    assert!(needed.len() > 12, "{needed:?}");
    // What those need themselves is no choice of ours.
    let below = ["cryptography", "requests", "serde", "serde_json", "debug"];
    for name in needed.iter().filter(|name| !below.contains(&name.as_str())) {
        assert!(
            page.contains(name.as_str()),
            "CONTRIBUTING.md does not name {name}"
        );
    }
}

#[test]
fn the_benches_are_there() {
    let guide = Guide::read("benchmarks.md");
    // Hours, on a machine that does nothing else.
    for line in guide.commands().not_here("cargo xtask bench").lines() {
        is_a_chore(line);
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

/// The chore, and the options it is given, are in the help.
fn is_a_chore(line: &str) {
    let typed = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let help = help_of_xtask();
    let chore = words.get(2).expect("a chore");
    assert!(
        help.contains(&format!("cargo xtask {chore}")),
        "{line}: {help}"
    );
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{line}: {help}");
    }
}

fn help_of_xtask() -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["xtask", "help"])
        .current_dir(root())
        .run()
        .expect("cargo starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn readme() -> String {
    Guide::read("../README.md").text().to_owned()
}
