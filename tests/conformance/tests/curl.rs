//! `countersign serve --dev` prints two lines for a shell. They work as they are printed.

use std::process::Command;

use countersign_conformance::Server;
use countersign_witness::Keep;

#[tokio::test]
async fn the_two_lines_sign_in_and_call_a_guarded_route() {
    let mut server = Server::with(["--dev"]);
    server.start().await;

    let lines = two_curl_lines(&server);
    let shell = Command::new("sh")
        .args(["-ec", &lines.join("\n")])
        .run()
        .expect("there is a shell, and curl");

    let said = String::from_utf8_lossy(&shell.stdout);
    assert!(shell.status.success(), "{lines:?} failed: {shell:?}");
    let me: serde_json::Value = serde_json::from_str(&said).expect("the answer is JSON");
    assert_eq!(me["username"], "admin", "{said}");
    assert_eq!(me["roles"], serde_json::json!(["admin"]), "{said}");
}

#[tokio::test]
async fn a_second_start_shows_no_password_and_keeps_the_first() {
    let mut server = Server::with(["--dev"]);
    server.start().await;
    let first = two_curl_lines(&server);
    server.kill();
    server.start().await;
    let second = two_curl_lines(&server);
    assert_ne!(first[0], second[0], "the password was shown again");

    let shell = Command::new("sh")
        .args(["-ec", &first.join("\n")])
        .run()
        .expect("there is a shell, and curl");
    assert!(
        String::from_utf8_lossy(&shell.stdout).contains("\"admin\""),
        "the first password is not good any more: {shell:?}"
    );
}

/// Whoever answers at the issuer's address may be somebody else.
#[tokio::test]
async fn the_lines_lead_to_this_server_and_not_to_the_issuer() {
    let mut server = Server::with(["--dev", "--issuer", "https://auth.example.com"]);
    server.start().await;

    let lines = two_curl_lines(&server);
    for line in &lines {
        assert!(line.contains(&server.url()), "{line}");
        assert!(!line.contains("auth.example.com"), "{line}");
    }
    let shell = Command::new("sh")
        .args(["-ec", &lines.join("\n")])
        .run()
        .expect("there is a shell, and curl");
    let said = String::from_utf8_lossy(&shell.stdout);
    assert!(said.contains("\"admin\""), "{lines:?} failed: {shell:?}");
}

fn two_curl_lines(server: &Server) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < 2 {
        let line = server.line();
        if line.contains("curl ") {
            lines.push(line);
        }
    }
    lines
}
