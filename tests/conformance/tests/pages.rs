//! The pages of `docs` that need no other language: what they tell to type does what they say.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::{Path, PathBuf};

use countersign_conformance::guide::{Guide, root};
use countersign_conformance::shell::Shell;
use serde_json::Value;

#[tokio::test]
async fn the_quick_start_is_typed() {
    let guide = Guide::read("quick-start.md");
    let mut commands = guide.commands();
    let mut next = || commands.next().expect("one more command");
    let mut shell = Shell::new();

    shell.run(next());
    for made in ["countersign.db", "countersign.key"] {
        assert!(shell.folder().join(made).exists(), "{made}");
    }
    let _server = shell.serve(next()).await;
    shell.run(next());
    shell.run(next());
    shell.run(next());

    let me = json(&shell.run(next()));
    assert_eq!(me["username"], "ada");
    let refused = json(&shell.run(next()));
    assert_eq!(refused["reason"], "missing_token");
    let explained = shell.run(next());
    assert!(explained.starts_with("would be accepted\n"), "{explained}");

    let pair = json(&shell.run(next()));
    let again = json(&shell.run(next()));
    assert_eq!(pair["refresh_token"], again["refresh_token"]);
    assert!(pair["refresh_token"].is_string());

    shell.run(next());
    let refused = json(&shell.run(next()));
    assert_eq!(refused["reason"], "revoked");
    let meaning = shell.run(next());
    assert!(meaning.starts_with("revoked\n"), "{meaning}");
    assert!(commands.next().is_none(), "every command was typed");
}

#[test]
fn the_program_of_the_guide_for_axum_is_the_example() {
    let guide = Guide::read("guides/axum.md");
    let example = std::fs::read_to_string(root().join("examples/guarded.rs"));
    let example = example.expect("an example");
    let from = example.find("use axum").expect("its first line of code");
    assert_eq!(guide.file("guarded.rs"), &example[from..]);
}

#[test]
fn every_page_leads_to_pages_that_are_there() {
    let mut seen = 0;
    for page in pages(&root().join("docs")) {
        let text = std::fs::read_to_string(&page).expect("a page");
        let links = text.split("](").skip(1);
        for link in links.filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if link.contains("://") || path.is_empty() {
                continue;
            }
            let target = page.parent().expect("a folder").join(path);
            assert!(target.exists(), "{} leads to {link}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} links");
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
