//! Caddy's `forward_auth`, as `docs/guides/caddy.md` sets it up.

use crate::guide;
use crate::promises;
use crate::stage::{Stage, program};

async fn caddy() -> Stage {
    let mut stage = Stage::set("caddy").await;
    let site = guide::file(
        "guides/caddy.md",
        "Caddyfile",
        &[
            ("127.0.0.1:7900", stage.guard()),
            ("127.0.0.1:5000", stage.service.address.to_string()),
            ("127.0.0.1:8080", stage.proxy()),
        ],
    );
    let file = stage.folder.path().join("Caddyfile");
    std::fs::write(&file, format!("{{\n\tadmin off\n}}\n{site}")).expect("room for a file");
    let mut command = program("COUNTERSIGN_TEST_CADDY", "/usr/bin/caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&file)
        .env("HOME", stage.folder.path())
        .env("XDG_CONFIG_HOME", stage.folder.path())
        .env("XDG_DATA_HOME", stage.folder.path());
    stage.open("caddy", command).await;
    stage
}

#[tokio::test]
async fn the_service_is_told_who_it_is_by_the_guard_alone() {
    promises::identity_is_the_guards_word(&caddy().await).await;
}

#[tokio::test]
async fn who_may_not_pass_learns_why() {
    promises::refusals_reach_the_client(&caddy().await).await;
}

#[tokio::test]
async fn no_trick_opens_a_path() {
    promises::no_trick_opens_a_path(&caddy().await).await;
}

#[tokio::test]
async fn a_session_that_ended_passes_no_more() {
    promises::what_is_taken_back_passes_no_more(&caddy().await).await;
}

#[tokio::test]
async fn connections_are_kept() {
    promises::connections_are_kept(&caddy().await).await;
}

#[tokio::test]
async fn a_body_passes_by_the_guard() {
    promises::a_body_passes_by_the_guard(&caddy().await).await;
}

#[tokio::test]
async fn without_a_guard_nobody_passes() {
    promises::without_a_guard_nobody_passes(caddy().await).await;
}

#[tokio::test]
async fn a_websocket_is_asked_about_and_no_other_protocol_passes() {
    promises::no_other_protocol_passes(&caddy().await).await;
}
