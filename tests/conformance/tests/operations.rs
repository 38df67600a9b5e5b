//! The operations page shows commands. They are run here as they stand there.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::Path;
use std::process::Command;

use countersign_conformance::{Countersign, command};

#[test]
fn every_command_of_the_operations_page_does_what_it_is_there_for() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let scripts: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(scripts.len() >= 7, "the page shows less than it did");
    let folder = tempfile::tempdir().expect("a folder");
    for script in &scripts {
        run(script, folder.path());
    }

    let list = |database: &str| {
        let command = Countersign::new(["user", "list", "--database", database]);
        command.within(folder.path()).succeed()
    };
    // Imported, disabled, and back as they were in the backup.
    let users = list("sqlite:countersign.db");
    for user in [
        "ada  active    admin,editor",
        "bob  active    editor",
        "eve  disabled",
    ] {
        assert!(users.contains(user), "{users}");
    }
    // Everything else the page promises has tests of its own; here it is that the commands exist.
    for name in ["monday.db", "shop.db"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
}

fn run(script: &str, folder: &Path) {
    let binary = command::binary();
    let home = binary.parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-euc", script])
        .env("PATH", format!("{}:{path}", home.display()))
        .env_remove("COUNTERSIGN_DATABASE")
        .env_remove("COUNTERSIGN_MASTER_KEY")
        .env_remove("COUNTERSIGN_NEW_MASTER_KEY")
        .current_dir(folder)
        .output()
        .expect("there is a shell");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{words}");
}
