//! The pages of `docs` that need no other language: what they tell to type does what they say.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

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

#[tokio::test]
async fn the_command_line_is_typed() {
    let guide = Guide::read("guides/command-line.md");
    let mut commands = guide.commands();
    let mut next = || commands.next().expect("one more command");
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
    assert!(commands.next().is_none(), "every command was typed");
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
    let mut next = || commands.next().expect("one more command");
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
    for _ in 0..7 {
        shell.run(next());
    }
    let again = std::fs::read_to_string(shell.folder().join("ada-again.json"));
    let again = json(&again.expect("an answer"));
    assert_eq!(again["scope"], "orders:read", "what both may have");
    assert!(again["refresh_token"].is_string());

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
    let clients = shell.run(next());
    assert!(clients.contains("shop        disabled"), "{clients}");
    let log = shell.run(next());
    assert!(
        log.contains("client_disabled") && log.contains("token_revoked"),
        "{log}"
    );
    assert!(commands.next().is_none(), "every command was typed");
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
