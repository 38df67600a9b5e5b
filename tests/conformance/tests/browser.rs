//! The example app in a real Chromium, with two real tabs.
//!
//! The browser is Debian's, got by `cargo xtask test`; what drives it comes from npm into
//! `target/foreign/browser`. What cannot be had fails the test and says so.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_conformance::{Server, port};
use countersign_witness::Keep;

const PASSWORD: &str = "correct horse battery staple";

#[tokio::test]
async fn two_tabs_share_a_session_and_a_stranger_has_no_part_in_it() {
    let port = port::free();
    let mut server = Server::with(["--browser-origin", &format!("http://127.0.0.1:{port}")]);
    server.start().await;
    server.add_user("ada", PASSWORD);

    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/browser");
    let output = Command::new("node")
        .arg(story())
        .arg(chromium())
        .arg(app)
        .args([port.to_string(), server.url(), "ada".to_owned()])
        .env("PASSWORD", PASSWORD)
        .run()
        .expect("these tests need node, or --skip-foreign");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{failed}");
    assert_eq!(said.matches("held: ").count(), 9, "{said}");
}

/// The script, beside what it needs.
fn story() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../foreign/browser");
    std::fs::create_dir_all(&folder).expect("a folder below target");
    for file in ["package.json", "story.mjs"] {
        std::fs::copy(source.join(file), folder.join(file)).expect("a copy of the script");
    }
    let npm = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .run()
        .expect("these tests need npm, or --skip-foreign");
    assert!(
        npm.status.success(),
        "npm could not install what drives the browser: {npm:?}"
    );
    folder.join("story.mjs")
}

/// Debian's, or what the developer names.
fn chromium() -> PathBuf {
    let named = std::env::var_os("COUNTERSIGN_TEST_CHROMIUM");
    named.map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from)
}
