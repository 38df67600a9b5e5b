//! nginx's `auth_request`, as `docs/guides/nginx.md` sets it up.

use countersign_conformance::guide::Guide;
use countersign_conformance::port;
use countersign_conformance::shell::Shell;

use crate::guide;
use crate::promises;
use crate::stage::{Stage, program};

async fn nginx() -> Stage {
    let mut stage = Stage::set("nginx").await;
    let site = guide::file(
        "guides/nginx.md",
        "service.conf",
        &[
            ("127.0.0.1:7900", stage.guard()),
            ("127.0.0.1:5000", stage.service.address.to_string()),
            ("listen 8080", format!("listen {}", stage.proxy())),
        ],
    );
    let folder = stage.folder.path().to_owned();
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).expect("room for the configuration");
        file.display().to_string()
    };
    let site = write("site.conf", &site);
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    // One process, which can be ended as a whole.
    let main = format!(
        "master_process off;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\n\
         events {{}}\nhttp {{\naccess_log off;\n{temporary}include {site};\n}}\n"
    );
    let main = write("nginx.conf", &main);
    let mut command = program("COUNTERSIGN_TEST_NGINX", "/usr/sbin/nginx");
    command
        .args(["-e", "stderr", "-p"])
        .arg(stage.folder.path());
    command.args(["-c", &main]);
    stage.open("nginx", command).await;
    stage
}

/// On threads of its own the service answers while a command is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_typed() {
    let page = Guide::read("guides/nginx.md");
    let mut commands = page.commands();
    let stage = nginx().await;
    let sidecar = port::free();
    let mut shell = Shell::new()
        .changing("http://127.0.0.1:7800", &stage.server.url())
        .changing("127.0.0.1:7900", &format!("127.0.0.1:{sidecar}"))
        .changing("127.0.0.1:8080", &stage.proxy());
    shell.write(&page, "rules.toml", "rules.toml");
    drop(shell.serve_at(sidecar, commands.typed()).await);
    let (token, _) = stage.sign_in("ada").await;
    shell.run(&format!("export TOKEN={token}"));
    // What the page says behind each line is what its first word answers.
    let lines = commands.typed().lines();
    for line in lines {
        let (typed, said) = line.split_once(" #").expect("what it answers");
        let answer = shell.run(typed);
        let status = answer.split(' ').nth(1).expect("a status line");
        assert!(said.trim().starts_with(status), "{line}\n{answer}");
    }
}

#[tokio::test]
async fn the_service_is_told_who_it_is_by_the_guard_alone() {
    promises::identity_is_the_guards_word(&nginx().await).await;
}

#[tokio::test]
async fn who_may_not_pass_learns_why() {
    promises::refusals_reach_the_client(&nginx().await).await;
}

#[tokio::test]
async fn no_trick_opens_a_path() {
    promises::no_trick_opens_a_path(&nginx().await).await;
}

#[tokio::test]
async fn a_session_that_ended_passes_no_more() {
    promises::what_is_taken_back_passes_no_more(&nginx().await).await;
}

#[tokio::test]
async fn connections_are_kept() {
    promises::connections_are_kept(&nginx().await).await;
}

#[tokio::test]
async fn a_body_passes_by_the_guard() {
    promises::a_body_passes_by_the_guard(&nginx().await).await;
}

#[tokio::test]
async fn without_a_guard_nobody_passes() {
    promises::without_a_guard_nobody_passes(nginx().await).await;
}

/// nginx cannot hand on the guard's own answer, so the page must say when to come again.
#[tokio::test]
async fn whoever_met_no_guard_is_told_to_come_again() {
    let mut stage = nginx().await;
    stage.stop_guard();
    let answer = stage.ask("GET", "/things", &[]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn a_websocket_is_asked_about_and_no_other_protocol_passes() {
    promises::no_other_protocol_passes(&nginx().await).await;
}
