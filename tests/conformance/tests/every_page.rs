//! What holds for all pages: each can be found, each leads somewhere, and no page has a command that
//! no test types.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign_conformance::guide::{Guide, root};

/// Which test types the commands of which page: the function, and the file it stands in. Whoever asks
/// for the commands of a page comes to the last of them or fails; see `guide::Commands`.
const TYPED: [(&str, &str, &str); 20] = [
    ("../README.md", "readme.rs", "the_readme_is_typed"),
    ("../CONTRIBUTING.md", "readme.rs", "the_chores_are_there"),
    ("benchmarks.md", "readme.rs", "the_benches_are_there"),
    ("quick-start.md", "pages.rs", "the_quick_start_is_typed"),
    ("guides/axum.md", "pages.rs", "the_guide_for_axum_is_typed"),
    (
        "guides/browser.md",
        "pages.rs",
        "the_guide_for_single_page_apps_is_typed",
    ),
    (
        "guides/caddy.md",
        "pages.rs",
        "the_guide_for_caddy_is_typed",
    ),
    (
        "guides/command-line.md",
        "pages.rs",
        "the_command_line_is_typed",
    ),
    (
        "guides/envoy.md",
        "pages.rs",
        "the_guide_for_envoy_is_typed",
    ),
    (
        "guides/express.md",
        "guides.rs",
        "the_guide_for_express_is_typed",
    ),
    (
        "guides/flask.md",
        "guides.rs",
        "the_guide_for_flask_is_typed",
    ),
    (
        "guides/from-the-flask-tutorial.md",
        "from_flask.rs",
        "the_way_from_the_tutorial_is_walked",
    ),
    ("guides/nginx.md", "proxies/nginx.rs", "the_page_is_typed"),
    ("guides/scan.md", "pages.rs", "the_guide_for_scan_is_typed"),
    (
        "guides/services.md",
        "pages.rs",
        "the_guide_for_services_is_typed",
    ),
    (
        "guides/traefik.md",
        "pages.rs",
        "the_guide_for_traefik_is_typed",
    ),
    (
        "operations.md",
        "operations.rs",
        "the_operations_page_is_typed",
    ),
    (
        "operations/keys.md",
        "operations.rs",
        "the_page_about_signing_keys_is_typed",
    ),
    (
        "operations/postgresql.md",
        "operations.rs",
        "the_page_about_postgresql_is_typed",
    ),
    (
        "operations/upgrade.md",
        "operations.rs",
        "the_page_about_upgrades_is_typed",
    ),
];

#[test]
fn every_command_of_every_page_is_typed() {
    let named: BTreeSet<&str> = TYPED.iter().map(|(page, ..)| *page).collect();
    let mut with_commands = BTreeSet::new();
    for page in all() {
        let text = Guide::read(&page).text().to_owned();
        let mut fences = text.lines().filter_map(|line| line.strip_prefix("```"));
        if fences.clone().any(|mark| mark == "sh" || mark == "console") {
            with_commands.insert(page.clone());
        }
        let other = fences.find(|mark| matches!(*mark, "bash" | "shell" | "zsh" | "shell-session"));
        assert_eq!(
            other, None,
            "{page}: commands are in `sh` or `console` blocks"
        );
        let disguised = text
            .lines()
            .find(|line| line.starts_with("countersign ") && line.contains(" --"));
        let is_script = disguised.is_none_or(|line| in_a_script(&text, line));
        assert!(
            is_script,
            "{page}: {disguised:?} is a command in another kind of block"
        );
    }
    let with_commands: BTreeSet<&str> = with_commands.iter().map(String::as_str).collect();
    assert_eq!(
        with_commands, named,
        "each page with commands has its test in this list"
    );

    for (page, file, test) in TYPED {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(file);
        let source = std::fs::read_to_string(path).expect("a file of tests");
        let (_, from) = source
            .split_once(&format!("fn {test}("))
            .expect("the test is there");
        let body = from.split("\n}\n").next().unwrap_or_default();
        let reads = format!("Guide::read(\"{page}\")");
        assert!(
            body.contains(&reads) && body.contains(".commands()"),
            "{test} of {file} does not type {page}"
        );
    }
}

/// Whether a line of the page stands in a block of commands.
fn in_a_script(text: &str, line: &str) -> bool {
    let scripts = text.split("```").skip(1).step_by(2);
    scripts
        .filter(|block| block.starts_with("sh\n"))
        .any(|block| block.lines().any(|it| it == line))
}

#[test]
fn every_page_leads_to_pages_that_are_there() {
    let mut seen = 0;
    for page in all() {
        let at = root().join("docs").join(&page);
        let text = Guide::read(&page).text().to_owned();
        for link in links(&text) {
            let (path, section) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                at.clone()
            } else {
                at.parent().expect("a folder").join(path)
            };
            assert!(target.exists(), "{page} leads to {link}");
            if !section.is_empty() {
                let there = std::fs::read_to_string(&target).expect("a page");
                let heading = there
                    .lines()
                    .any(|line| anchor(line).as_deref() == Some(section));
                assert!(heading, "{page} leads to {link}: there is no such section");
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen} links");
}

#[test]
fn the_first_page_leads_to_every_other() {
    let docs = root().join("docs");
    let first = Guide::read("README.md").text().to_owned();
    let led: BTreeSet<&str> = links(&first)
        .map(|link| link.split('#').next().unwrap_or_default())
        .collect();
    let of_decisions = Guide::read("decisions/README.md").text().to_owned();
    for page in below(&docs, &docs) {
        match page.strip_prefix("decisions/") {
            Some(decision) => assert!(
                decision == "README.md" || links(&of_decisions).any(|link| link == decision),
                "docs/decisions/README.md leads to {decision}"
            ),
            None => assert!(
                page == "README.md" || led.contains(page.as_str()),
                "docs/README.md leads to {page}"
            ),
        }
    }
}

/// How a heading is led to, if the line is one.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

/// Where a page leads within this tree.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1);
    links
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://"))
}

/// Every page, as the guides are named: from `docs`.
fn all() -> Vec<String> {
    let docs = root().join("docs");
    let mut all = below(&docs, &docs);
    let beside = std::fs::read_dir(root()).expect("the top of the tree");
    for entry in beside {
        let path = entry.expect("a file").path();
        if is_page(&path) {
            let name = path.file_name().expect("a name").to_string_lossy();
            all.push(format!("../{name}"));
        }
    }
    assert!(all.len() > 30, "{all:?}");
    all
}

fn below(folder: &Path, docs: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path: PathBuf = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(below(&path, docs));
        } else if is_page(&path) {
            let page = path.strip_prefix(docs).expect("it is below");
            found.push(page.to_string_lossy().into_owned());
        }
    }
    found
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}
