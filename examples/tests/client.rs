//! The client program signs in at a real server and is told who it is.
#![expect(
    clippy::expect_used,
    reason = "a test's own preparations may fail loudly"
)]

use std::process::{Command, Output};

use countersign_issuer::Password;
use countersign_server::{Config, Database, Server};

const PASSWORD: &str = "seven brown foxes in a row";

#[tokio::test]
async fn the_client_signs_in_and_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Sqlite(folder.path().join("countersign.db")),
        ..Config::default()
    })
    .await
    .expect("a server");
    let password = Password::new(PASSWORD.to_owned()).expect("a password");
    server
        .directory()
        .add("admin", password, vec!["admin".to_owned()])
        .await
        .expect("a user");

    let output = run(command(server.issuer(), PASSWORD)).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(said.starts_with("200 OK {"), "{said}");
    assert!(said.contains(r#""username":"admin""#), "{said}");

    // A slim container has no CA certificates, and needs none to talk to its own machine.
    let mut without_certificates = command(server.issuer(), PASSWORD);
    without_certificates
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere");
    let output = run(without_certificates).await;
    assert!(output.status.success(), "{output:?}");

    let output = run(command(server.issuer(), "wrong")).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    server.stop().await;
}

fn command(server: &str, password: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    command.env("SERVER", server).env("PASSWORD", password);
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("it runs")
}
