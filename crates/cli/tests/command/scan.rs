//! `scan`: which files it reads, what it prints, how it ends. What is found in a file is tested where
//! the rules are.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ended, command, run, run_with_input};

const BAD: &str = "import jwt\njwt.encode({'exp': 1}, 'correct-horse')\n";

/// A code base with these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, content).expect("a file");
    }
    folder
}

fn scan(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = command(&[&["scan"], arguments].concat());
    command.current_dir(folder);
    run_with_input(&mut command, "")
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.data).expect("JSON")
}

#[test]
fn a_finding_has_its_place_and_the_way_out_and_no_secret() {
    let folder = tree(&[("app/auth.py", BAD)]);
    let ended = scan(folder.path(), &[]);
    assert_eq!(ended.code, 1, "{ended:?}");
    for said in [
        "app/auth.py:2:24  error  hardcoded-secret\n",
        "It is c… (13",
        "\nhardcoded-secret\n  Whoever reads the code",
        "  -> Read it from a file",
    ] {
        assert!(ended.data.contains(said), "{said}: {ended:?}");
    }
    assert!(ended.words.starts_with("1 error in 1 file\n"), "{ended:?}");
    assert!(ended.data.lines().all(|line| line.chars().count() <= 80));
    for form in [&[][..], &["--json"], &["--sarif"]] {
        let printed = scan(folder.path(), form);
        let all = format!("{}{}", printed.data, printed.words);
        assert!(!all.contains("correct") && !all.contains("horse"), "{all}");
    }
}

#[test]
fn nothing_found_is_success() {
    let folder = tree(&[("a.py", "import jwt\n"), ("README.md", BAD)]);
    let ended = scan(folder.path(), &[]);
    assert_eq!((ended.code, ended.data.as_str()), (0, ""), "{ended:?}");
    assert_eq!(ended.words, "nothing found in 1 file\n");
    let empty = tree(&[]);
    assert_eq!(scan(empty.path(), &[]).code, 0);
}

#[test]
fn only_what_people_here_wrote_is_read() {
    let minified = format!("import jwt from 'jsonwebtoken';{}", "a();".repeat(5000));
    let folder = tree(&[
        ("good.py", "import jwt\n"),
        (".gitignore", "generated/\n*.local.py\n"),
        ("generated/a.py", BAD),
        ("b.local.py", BAD),
        ("node_modules/x/index.py", BAD),
        ("vendor/a.py", BAD),
        (".hidden/a.py", BAD),
        ("tests/test_auth.py", BAD),
        ("a.min.js", &minified),
        ("binary.py", "\0import jwt"),
    ]);
    let ended = scan(folder.path(), &["--json"]);
    let found = json(&ended);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(found["files"], 1);
    assert_eq!(found["tests_left_out"], 1);
    assert_eq!(found["odd_left_out"], 2);

    let count = |arguments: &[&str]| {
        let ended = scan(folder.path(), arguments);
        json(&ended)["findings"].as_array().map(Vec::len)
    };
    assert_eq!(count(&["--json", "--tests"]), Some(1));
    assert_eq!(count(&["--json", "--no-ignore"]), Some(2));
    // What is named is meant.
    assert_eq!(
        count(&["--json", "generated/a.py", "tests/test_auth.py"]),
        Some(2)
    );
}

#[test]
fn how_bad_it_must_be_is_for_the_caller_to_say() {
    let warning = "import jwt\njwt.encode({'a': 1}, key)\n";
    let note = "import jwt\njwt.decode(token, key)\n";
    for (content, level, code) in [
        (note, "warning", 0),
        (note, "note", 1),
        (warning, "warning", 1),
        (warning, "error", 0),
        (BAD, "error", 1),
        (BAD, "never", 0),
    ] {
        let folder = tree(&[("a.py", content)]);
        let ended = scan(folder.path(), &["--fail-on", level]);
        assert_eq!(ended.code, code, "{level}: {ended:?}");
        assert!(!ended.data.is_empty(), "it is shown all the same");
    }
    let folder = tree(&[("a.py", BAD)]);
    let without = scan(folder.path(), &["--without", "hardcoded-secret"]);
    assert_eq!((without.code, without.data.as_str()), (0, ""));
    assert_eq!(scan(folder.path(), &["--without", "everything"]).code, 2);
}

#[test]
fn sarif_is_for_code_scanning() {
    let folder = tree(&[("a b/auth.py", BAD)]);
    let log = json(&scan(folder.path(), &["--sarif"]));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "hardcoded-secret");
    let index = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
    assert_eq!(
        run["tool"]["driver"]["rules"][index]["id"],
        result["ruleId"]
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/auth.py");
    assert_eq!(place["region"]["startLine"], 2);
    assert_eq!(place["region"]["startColumn"], 24);
}

#[test]
fn what_cannot_be_read_is_no_success() {
    let folder = tree(&[("a.py", "import jwt\n")]);
    let ended = scan(folder.path(), &["missing"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.words.contains("missing cannot be read"), "{ended:?}");
}

#[test]
fn the_rules_can_be_read() {
    let ended = run(&["scan", "--rules"]);
    let data = ended.done();
    for rule in countersign_scan::Rule::ALL {
        assert!(data.contains(rule.name()), "{rule}");
        let listed = run(&["scan", "--rules", "--json"]).done();
        assert!(listed.contains(rule.name()), "{rule}");
    }
}

#[test]
fn the_guide_names_every_rule() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/scan.md");
    let guide = fs::read_to_string(guide).expect("the guide");
    for rule in countersign_scan::Rule::ALL {
        let row = format!("| `{rule}` | {} |", rule.level().name());
        assert!(guide.contains(&row), "{row}");
    }
}
