//! The programs with a client sign in at a real server and are told who they are.
#![expect(
    clippy::expect_used,
    reason = "a test's own preparations may fail loudly"
)]

use std::path::Path;
use std::process::{Command, Output};

use countersign_issuer::Password;
use countersign_issuer::client::ClientTerms;
use countersign_server::{Config, Database, NewClient, Proof, Server};
use countersign_witness::{Keep, Kind, note};

const PASSWORD: &str = "seven brown foxes in a row";

#[tokio::test]
async fn the_client_signs_in_and_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path(), "admin").await;
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

/// The first run signs in; the second finds the login, and needs no password.
#[tokio::test]
async fn the_kept_login_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path(), "ada").await;
    let kept = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kept"));
        command
            .env("SERVER", server.issuer())
            .env("HOME", folder.path())
            .env_remove("PASSWORD");
        command
    };
    let output = run(kept()).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let mut first = kept();
    first.env("PASSWORD", PASSWORD);
    for command in [first, kept()] {
        let output = run(command).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(r#""username":"ada""#), "{output:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_service_signs_in_as_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server(folder.path(), "ada").await;
    let new = NewClient {
        client_id: "billing".to_owned(),
        name: String::new(),
        proof: Proof::Secret,
        grant_types: None,
        scope: String::new(),
        audiences: Vec::new(),
        serves: Vec::new(),
        roles: Vec::new(),
        terms: ClientTerms::default(),
    };
    let (_, secret) = server.registry().add(new).await.expect("a client");
    let service = |secret: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.env("ISSUER", server.issuer()).env("SECRET", secret);
        command
    };
    let output = run(service(secret.expect("it has one").expose())).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("200 OK {"), "{output:?}");
    assert!(said.contains(r#""sub":"billing""#), "{said}");

    let output = run(service("wrong")).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("InvalidClient"), "{said}");
    server.stop().await;
}

async fn server(folder: &Path, user: &str) -> Server {
    countersign_witness::listen();
    note(Kind::Password, PASSWORD);
    let server = Server::start(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Sqlite(folder.join("countersign.db")),
        ..Config::default()
    });
    let server = server.await.expect("a server");
    let password = Password::new(PASSWORD.to_owned()).expect("a password");
    let added = server.directory().add(user, password, Vec::new()).await;
    added.expect("a user");
    server
}

fn command(server: &str, password: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    command.env("SERVER", server).env("PASSWORD", password);
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.run())
        .await
        .expect("no panic")
        .expect("it runs")
}
