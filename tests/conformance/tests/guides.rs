//! The guides for other languages: their very code, run with the packages of their readers, guards an
//! API with our tokens.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign_conformance::foreign::{self, Program};
use countersign_conformance::guide::{Commands, Guide};
use countersign_conformance::request::{Answer, answer};
use countersign_conformance::shell::Shell;
use countersign_conformance::{Http, Server};
use countersign_wire::paths;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use rusqlite::Connection;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";
/// How long tokens live in these tests, in seconds, and how long it takes with the leeway of the
/// guides until they are refused.
const ACCESS_LIFE: &str = "5";
const UNTIL_EXPIRED: Duration = Duration::from_millis(16_500);

#[tokio::test]
async fn flask_and_pyjwt_guard_an_api() {
    let folder = tempfile::tempdir().expect("a folder");
    let guide = Guide::read("guides/flask.md");
    guide.write("app.py", folder.path());
    guards_an_api(|issuer, port| flask(folder.path(), issuer, port)).await;
}

#[tokio::test]
async fn express_and_jose_guard_an_api() {
    let folder = foreign::folder_below(&foreign::node_packages());
    let guide = Guide::read("guides/express.md");
    guide.write("server.mjs", folder.path());
    guards_an_api(|issuer, port| express(folder.path(), issuer, port)).await;
}

#[tokio::test]
async fn the_guide_for_flask_is_typed() {
    let guide = Guide::read("guides/flask.md");
    let mut commands = guide.commands();
    // The test command has installed them.
    commands.not_here("pip install flask 'pyjwt[crypto]'");
    let mut shell = Shell::new();
    shell.write(&guide, "app.py", "app.py");
    it_is_started(&mut shell, commands).await;
}

#[tokio::test]
async fn the_guide_for_express_is_typed() {
    let guide = Guide::read("guides/express.md");
    let mut commands = guide.commands();
    // The test command has installed them.
    commands.not_here("npm install express jose");
    let mut shell = Shell::new();
    let packages = foreign::node_packages().join("node_modules");
    std::os::unix::fs::symlink(packages, shell.folder().join("node_modules")).expect("a link");
    shell.write(&guide, "server.mjs", "server.mjs");
    it_is_started(&mut shell, commands).await;
}

/// The last two commands of either guide, beside a server at which `ada` has signed in.
async fn it_is_started(shell: &mut Shell, mut commands: Commands<'_>) {
    shell.run(&format!(
        "echo '{PASSWORD}' | countersign user add ada --password-stdin"
    ));
    let server = shell.serve("countersign serve").await;
    let answer = Http::new(server.url()).login("ada", PASSWORD).await;
    let token = answer.expect("an answer").field("access_token");
    shell.run(&format!("export TOKEN={token}"));
    let _api = shell.serve_api(commands.typed()).await;
    let greeted = shell.run(commands.typed());
    assert!(greeted.contains("Hello, ada!"), "{greeted}");
}

fn flask(folder: &Path, issuer: &str, port: u16) -> Command {
    let mut command = Command::new(foreign::python());
    command
        .args(["-m", "flask", "--app", "app", "run", "--port"])
        .arg(port.to_string())
        .env("ISSUER", issuer)
        .current_dir(folder);
    command
}

fn express(folder: &Path, issuer: &str, port: u16) -> Command {
    let mut command = Command::new("node");
    command
        .arg("server.mjs")
        .env("ISSUER", issuer)
        .env("PORT", port.to_string())
        .current_dir(folder);
    command
}

async fn guards_an_api(program: impl FnOnce(&str, u16) -> Command) {
    let options = [
        "--access-life",
        ACCESS_LIFE,
        "--other-audience",
        "billing=ES256",
    ];
    let mut server = Server::with(options);
    server.add_user("ada", PASSWORD);
    let secret = server.command(["client", "add", "reports"]).succeed();
    server.start().await;
    let issuer = server.url();
    let program = Program::start(|port| program(&issuer, port)).await;
    let api = Http::new(program.url());

    let first = token(&server, "api").await;
    let greeted = hello(&api, &first).await;
    assert_eq!(greeted.status, 200, "{}", greeted.text);
    assert_eq!(greeted.field("message"), "Hello, ada!");

    // Nobody is behind a service's token but the service.
    let service = service_token(&server, "reports", secret.trim()).await;
    let greeted = hello(&api, &service).await;
    assert_eq!(greeted.status, 200, "{}", greeted.text);
    assert_eq!(greeted.field("message"), "Hello, reports!");

    let nobody = api.get("/hello").await.expect("an answer");
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.headers[WWW_AUTHENTICATE], r#"Bearer realm="api""#);

    for (bad, what) in [
        (token(&server, "billing").await, "for another API"),
        (altered(&first), "tampered with"),
        (unsigned(&first), "unsigned"),
        (first[..first.len() - 7].to_owned(), "cut off"),
        ("\"quoted\" {braces}".to_owned(), "no token at all"),
    ] {
        refused(
            &hello(&api, &bad).await,
            "The token is not valid here",
            what,
        );
    }

    // Another key signs; its tokens are taken at once, those of the key before as long as they live.
    let before = token(&server, "api").await;
    rotate(&mut server).await;
    let after = token(&server, "api").await;
    assert_ne!(header(&before), header(&after), "another kid");
    for good in [&before, &after] {
        assert_eq!(hello(&api, good).await.status, 200);
    }

    tokio::time::sleep(UNTIL_EXPIRED).await;
    refused(
        &hello(&api, &after).await,
        "The token has expired",
        "expired",
    );
    let fresh = token(&server, "api").await;
    assert_eq!(hello(&api, &fresh).await.status, 200);
    server.kill();
    let alone = hello(&api, &fresh).await.status;
    assert_eq!(alone, 200, "no call to the server for a request");
}

fn refused(answer: &Answer, description: &str, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    assert_eq!(answer.field("error"), "invalid_token", "{what}");
    let challenge = answer.headers[WWW_AUTHENTICATE].to_str().expect("text");
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    assert!(challenge.contains(description), "{what}: {challenge}");
}

async fn hello(api: &Http, token: &str) -> Answer {
    let request = api.request(Method::GET, "/hello");
    let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    answer(request).await.expect("an answer")
}

async fn token(server: &Server, audience: &str) -> String {
    let login = json!({ "username": "ada", "password": PASSWORD, "audience": audience });
    let request = server
        .http()
        .request(Method::POST, paths::LOGIN)
        .json(&login);
    let answer = answer(request).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.field("access_token")
}

async fn service_token(server: &Server, id: &str, secret: &str) -> String {
    let request = server
        .http()
        .request(Method::POST, paths::OAUTH_TOKEN)
        .basic_auth(id, Some(secret))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let answer = answer(request).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.field("access_token")
}

/// Moves every key three months into the past, so that the server rotates when it starts.
async fn rotate(server: &mut Server) {
    server.kill();
    let database = Connection::open(server.folder().join("countersign.db")).expect("a database");
    database
        .execute(
            "UPDATE signing_keys SET created_at = created_at - 8000000,
             signing_at = signing_at - 8000000",
            [],
        )
        .expect("older keys");
    drop(database);
    server.start().await;
}

fn header(token: &str) -> &str {
    token.split('.').next().unwrap_or_default()
}

/// The token with another signature.
fn altered(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{head}.{other}{}", &signature[1..])
}

/// The same claims, by `alg: none`.
fn unsigned(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("three parts");
    let header = countersign::base64url::encode(br#"{"alg":"none","typ":"at+jwt"}"#);
    format!("{header}.{claims}.")
}
