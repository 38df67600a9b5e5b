//! The pages of `docs` for readers who need no other language: what they tell to type does what they
//! say. Those for whoever runs the server are in `operations.rs`, those with Python and Node in
//! `guides.rs`; that each page is in one of them is `every_page.rs`.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use countersign_conformance::guide::{Commands, Guide, root};
use countersign_conformance::port;
use countersign_conformance::shell::Shell;
use serde_json::Value;

#[tokio::test]
async fn the_quick_start_is_typed() {
    let guide = Guide::read("quick-start.md");
    let mut commands = guide.commands();
    // From the internet, and an hour's work for nothing: the command is there.
    commands.not_here("git clone https://github.com/countersign/countersign");
    let mut next = || commands.typed();
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

    let [pair, again] = std::array::from_fn(|_| {
        shell.run(next());
        json(&shell.run("cat next.json"))
    });
    assert_eq!(pair["refresh_token"], again["refresh_token"]);
    assert!(pair["refresh_token"].is_string());
    assert_ne!(pair["access_token"], again["access_token"]);
    shell.run(next());
    shell.run(next());

    shell.run(next());
    let refused = json(&shell.run(next()));
    assert_eq!(refused["reason"], "revoked");
    let meaning = shell.run(next());
    assert!(meaning.starts_with("revoked\n"), "{meaning}");
}

#[tokio::test]
async fn the_command_line_is_typed() {
    let guide = Guide::read("guides/command-line.md");
    let mut commands = guide.commands();
    let mut next = || commands.typed();
    let mut shell = Shell::new();

    shell.run(next());
    let _server = shell.serve(next()).await;
    shell.run(next());
    let who = shell.run(next());
    let printed = guide
        .text()
        .split("```text\n")
        .nth(1)
        .expect("what it prints");
    for title in printed.lines().take_while(|line| !line.starts_with("```")) {
        let title = title.get(..13).unwrap_or_default();
        if title.starts_with("  ") {
            assert!(who.contains(title), "{title}\n{who}");
        }
    }
    assert_eq!(json(&shell.run(next()))["username"], "ada");
    assert_eq!(json(&shell.run(next()))["sessions"][0]["current"], true);
    for _ in 0..2 {
        assert_eq!(json(&shell.run(next()))["error"], "not_found");
    }
    shell.run(next());
    let keys = std::fs::read_to_string(shell.folder().join("keys.json")).expect("saved");
    assert!(json(&keys)["keys"].is_array());

    let of_an_api = TcpListener::bind(("127.0.0.1", shell.api())).expect("the port of the API");
    let api = thread::spawn(move || hello(&of_an_api, 2));
    for _ in 0..2 {
        assert_eq!(shell.run(next()), "Hello!");
    }
    let sent = api.join().expect("no panic");
    assert!(
        sent.iter()
            .all(|it| it.contains("authorization: Bearer ey")),
        "{sent:?}"
    );

    assert_eq!(json(&shell.run(next()))["username"], "ada");
    shell.run(next());
    let all = shell.run(next());
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(all.contains("* work"), "{all}");
    assert!(shell.run(next()).starts_with("ey"));
    assert_eq!(json(&shell.run(next()))["profile"], "work");
    shell.run(next());
    shell.run(next());
    let ended = shell.output("countersign token");
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
}

/// Says hello to so many visitors, and what they said.
fn hello(listener: &TcpListener, visitors: usize) -> Vec<String> {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nHello!";
    let hear = |mut visitor: TcpStream| {
        let mut heard = vec![0; 8192];
        let length = visitor.read(&mut heard).expect("a request");
        visitor.write_all(answer).expect("an ear");
        heard.truncate(length);
        String::from_utf8(heard).expect("text")
    };
    let visitors = listener.incoming().take(visitors);
    visitors
        .map(|visitor| hear(visitor.expect("a visitor")))
        .collect()
}

#[tokio::test]
async fn the_guide_for_services_is_typed() {
    let guide = Guide::read("guides/services.md");
    let mut commands = guide.commands();
    let mut next = || commands.typed();
    let mut shell = Shell::new();
    let _server = shell.serve(next()).await;
    for _ in 0..3 {
        shell.run(next());
    }
    let answer = json(&shell.run(next()));
    assert_eq!(answer["scope"], "orders:read");
    shell.run(next());
    let shown = shell.run(next());
    assert!(shown.contains("one without an end"), "{shown}");
    assert!(shown.contains("one until 20"), "{shown}");
    for _ in 0..10 {
        shell.run(next());
    }
    let again = std::fs::read_to_string(shell.folder().join("ada-again.json"));
    let again = json(&again.expect("an answer"));
    assert_eq!(again["scope"], "orders:read", "what both may have");
    assert!(again["refresh_token"].is_string());

    shell.run(next());
    shell.run(next());
    let told = json(&shell.run(next()));
    assert_eq!(
        (&told["active"], &told["sub"]),
        (&Value::from(true), &Value::from("reports"))
    );
    assert_eq!(shell.run(next()), "", "200, and nothing to say");
    let told = json(&shell.run(next()));
    assert_eq!(told, serde_json::json!({ "active": false }));
    shell.run(next());
    let shown = shell.run(next());
    assert!(
        shown.contains("120 s") && !shown.contains("orders:list"),
        "{shown}"
    );
    shell.run(next());
    let clients = shell.run("countersign client list");
    assert!(clients.contains("shop        disabled"), "{clients}");
    shell.run(next());
    let clients = shell.run(next());
    assert!(!clients.contains("disabled"), "{clients}");
    let log = shell.run(next());
    assert!(
        log.contains("client_disabled") && log.contains("token_revoked"),
        "{log}"
    );
}

#[test]
fn the_programs_of_the_guides_are_the_examples() {
    for (page, name) in [
        ("axum", "guarded.rs"),
        ("client", "client.rs"),
        ("client", "service.rs"),
        ("client", "kept.rs"),
    ] {
        let guide = Guide::read(&format!("guides/{page}.md"));
        let example = std::fs::read_to_string(root().join("examples").join(name));
        let example = example.expect("an example");
        let from = example.find("\nuse ").expect("its first line of code");
        assert_eq!(guide.file(name), &example[from + 1..]);
    }
}

#[tokio::test]
async fn the_guide_for_axum_is_typed() {
    let guide = Guide::read("guides/axum.md");
    let mut commands = guide.commands();
    let manifest = root().join("Cargo.toml");
    let cargo = format!("cargo run --quiet --manifest-path {}", manifest.display());
    let mut shell = Shell::new().changing("cargo run", &cargo);
    // Built first, for a server has a minute to answer.
    shell.run(&format!(
        "cargo build --quiet --manifest-path {} -p countersign-examples --bin guarded",
        manifest.display()
    ));
    let _server = shell.serve("countersign serve").await;
    signed_in(&mut shell);
    let _api = shell.serve_api(commands.typed()).await;
    let greeted = shell.run(commands.typed());
    assert!(greeted.contains("ada"), "{greeted}");
}

#[tokio::test]
async fn the_guide_for_single_page_apps_is_typed() {
    let guide = Guide::read("guides/browser.md");
    let mut commands = guide.commands();
    let pages = port::free();
    let shell = Shell::new().changing("5173", &pages.to_string());
    let examples = root().join("examples");
    std::os::unix::fs::symlink(examples, shell.folder().join("examples")).expect("a link");
    let _server = shell.serve(commands.typed()).await;
    let _pages = shell.serve_at(pages, commands.typed()).await;
    let mut shell = shell;
    let page = shell.run("curl -sf http://127.0.0.1:5173/");
    assert!(page.contains("cookie: true"), "{page}");
    let allowed = shell.run("curl -si http://127.0.0.1:7800/me -H 'Origin: http://127.0.0.1:5173'");
    let header = format!("access-control-allow-origin: http://127.0.0.1:{pages}");
    assert!(allowed.to_lowercase().contains(&header), "{allowed}");
}

#[tokio::test]
async fn the_guide_for_caddy_is_typed() {
    let guide = Guide::read("guides/caddy.md");
    a_sidecar_answers(guide.commands()).await;
}

#[tokio::test]
async fn the_guide_for_envoy_is_typed() {
    let guide = Guide::read("guides/envoy.md");
    a_sidecar_answers(guide.commands()).await;
}

#[tokio::test]
async fn the_guide_for_traefik_is_typed() {
    let guide = Guide::read("guides/traefik.md");
    a_sidecar_answers(guide.commands()).await;
}

/// The command of a proxy's page starts a sidecar that finds its issuer.
async fn a_sidecar_answers(mut commands: Commands<'_>) {
    let sidecar = port::free();
    let shell = Shell::new().changing("7900", &sidecar.to_string());
    let issuer = format!("http://127.0.0.1:{}", shell.server());
    let mut shell = shell.changing("https://id.example", &issuer);
    shell.write(&Guide::read("guides/nginx.md"), "rules.toml", "rules.toml");
    let _server = shell.serve("countersign serve").await;
    let _sidecar = shell.serve_at(sidecar, commands.typed()).await;
    let ready = "for each in $(seq 1500); do
             curl -sf http://127.0.0.1:7900/readyz && break
             sleep 0.02
         done";
    let ready = json(&shell.run(ready));
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["issuers"][0]["issuer"], issuer.as_str());
}

#[test]
fn the_guide_for_scan_is_typed() {
    let guide = Guide::read("guides/scan.md");
    let mut commands = guide.commands();
    let mut shell = Shell::new();
    for folder in ["services", "web"] {
        let folder = shell.folder().join(folder);
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("a.py"), "import jwt\n").expect("a file");
    }
    shell.run(commands.typed());
    let report = std::fs::read_to_string(shell.folder().join("scan.sarif")).expect("a report");
    assert_eq!(json(&report)["version"], "2.1.0");
}

/// Signs `ada` in at the server, for a reader who has done so.
fn signed_in(shell: &mut Shell) {
    shell.run("echo 'correct horse battery staple' | countersign user add ada --password-stdin");
    shell.run(
        "curl -sf http://127.0.0.1:7800/login -o pair.json \
         --json '{\"username\":\"ada\",\"password\":\"correct horse battery staple\"}'",
    );
    shell.run("export TOKEN=$(sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/' pair.json)");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
