//! `docs/guides/from-the-flask-tutorial.md`, step by step as it is printed: what worked before a step
//! works after it, and at the end the secret of the beginning is worth nothing.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::time::Duration;

use countersign_conformance::Http;
use countersign_conformance::foreign::Program;
use countersign_conformance::guide::{Guide, root};
use countersign_conformance::request::{Answer, answer};
use countersign_conformance::shell::Shell;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

const GREETING: &str = "Hello, ada. You are authenticated!";
const PASSWORD: &str = "difference engine";
/// The last day of the old tokens in the guide.
const LAST_DAY: &str = "2027-01-31";

#[tokio::test]
async fn the_way_from_the_tutorial_is_walked() {
    let guide = Guide::read("guides/from-the-flask-tutorial.md");
    let mut commands = guide.commands();
    let mut next = || commands.typed();
    let mut shell = Shell::new().changing(LAST_DAY, "2999-01-31");

    // 1. Where you are.
    shell.write(&guide, "1/users.py", "users.py");
    shell.write(&guide, "1/app.py", "app.py");
    shell.write(&guide, "1/client.py", "client.py");
    shell.run(next());
    let app = shell.serve_api(next()).await;
    let client = next();
    assert_eq!(shell.run(client).trim(), GREETING);
    let of_before = old_token(&app).await;

    // 2. Countersign beside it, with the users as they are.
    shell.write(&guide, "2/export.py", "export.py");
    shell.run(next());
    shell.run(next());
    shell.run(next());
    assert!(!shell.folder().join("users.csv").exists());
    let server = shell.serve(next()).await;
    let wrong = login(&server, "ada", "analytical engine").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(shell.run(client).trim(), GREETING, "nothing changed");

    // 3. Both kinds of token.
    drop(app);
    shell.write(&guide, "3/auth.py", "auth.py");
    shell.write(&guide, "3/app.py", "app.py");
    shell.run(next());
    let serve = next();
    let app = shell.serve_api(serve).await;
    assert_eq!(shell.run(next()).trim(), GREETING, "the old client");
    let of_now = new_token(&server).await;
    assert_eq!(protected(&app, &of_before).await.field("message"), GREETING);
    assert_eq!(protected(&app, &of_now).await.field("message"), GREETING);
    refuses_what_is_bad(&app, &of_now).await;
    let of_a_service = service_token(&mut shell);
    refuses_a_service(&app, &of_a_service).await;

    // When the day has come, and nobody has done anything.
    drop(app);
    let exported = "export LEGACY_UNTIL=";
    shell.run(&format!("{exported}2020-01-31"));
    let app = shell.serve_api(serve).await;
    let late = protected(&app, &of_before).await;
    assert_eq!(
        (late.status.as_u16(), late.field("message")),
        (401, "Invalid token!".into())
    );
    assert_eq!(protected(&app, &of_now).await.status, 200);
    drop(app);
    shell.run(&format!("{exported}{LAST_DAY}"));

    // 4. The client moves.
    let app = shell.serve_api(serve).await;
    shell.write(&guide, "4/client.py", "client.py");
    assert_eq!(shell.run(next()).trim(), GREETING);
    shell.run(
        "python -c 'import client; client.ada.renew_at = 0; import requests; \
               answer = requests.get(client.API + \"/protected\", auth=client.ada); \
               assert answer.status_code == 200 and client.ada.renew_at > 0'",
    );

    // 5. The secret goes.
    drop(app);
    shell.write(&guide, "5/auth.py", "auth.py");
    shell.write(&guide, "5/app.py", "app.py");
    shell.run(next());
    let app = shell.serve_api(next()).await;
    assert_eq!(shell.run(next()).trim(), GREETING);
    assert_eq!(protected(&app, &of_before).await.status, 401);
    assert_eq!(protected(&app, &of_now).await.status, 200);
    refuses_what_is_bad(&app, &of_now).await;
    refuses_a_service(&app, &of_a_service).await;
}

/// The token of somebody who is no user of the application.
fn service_token(shell: &mut Shell) -> String {
    let secret = shell.run("countersign client add reports");
    let answer = shell.run(&format!(
        "curl -sf -u reports:{} http://127.0.0.1:7800/oauth/token -d grant_type=client_credentials",
        secret.trim()
    ));
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

async fn refuses_a_service(app: &Program, token: &str) {
    let answer = protected(app, token).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert_eq!(answer.field("message"), "Invalid token!");
}

/// A made-up token is refused by either kind of check, and never by a failure of the program.
async fn refuses_what_is_bad(app: &Program, good: &str) {
    let (header, rest) = good.split_once('.').expect("a header");
    let claims = rest.split('.').next().expect("claims");
    let encode = |header: &str| countersign::base64url::encode(header.as_bytes());
    let unsigned = format!("{}.{claims}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#));
    let confused = format!("{}.{rest}", encode(r#"{"alg":"HS256","typ":"at+jwt"}"#));
    let cut = format!("{header}.{claims}");
    for bad in [&unsigned, &confused, &cut, "x"] {
        let answer = protected(app, bad).await;
        assert_eq!(answer.status, 401, "{bad}: {}", answer.text);
    }
    let http = Http::new(app.url());
    assert_eq!(http.get("/protected").await.expect("an answer").status, 403);
}

/// What the last section says about lines is counted.
#[test]
fn the_lines_are_as_many_as_the_page_says() {
    let guide = Guide::read("guides/from-the-flask-tutorial.md");
    let example = |name: &str| {
        let file = root().join("examples").join(name);
        std::fs::read_to_string(file).expect("an example")
    };
    let python = |name: &str| lines(guide.file(name), "#");
    let rust = |name: &str| lines(&example(name), "//");
    let in_the_table = [
        (
            "an API with sign-in",
            python("1/app.py"),
            rust("guarded.rs"),
        ),
        (
            "a client that signs in",
            python("1/client.py"),
            rust("client.rs"),
        ),
        (
            "a client that stays",
            python("4/client.py"),
            rust("client.rs"),
        ),
        (
            "all of it in one file",
            python("1/app.py"),
            rust("tutorial.rs"),
        ),
    ];
    let rows: Vec<_> = guide
        .text()
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    for (task, python, rust) in in_the_table {
        let row = rows.iter().find(|row| row.contains(task)).expect("a row");
        let numbers: Vec<usize> = row
            .split('|')
            .filter_map(|cell| cell.split([' ', ',']).find(|word| !word.is_empty()))
            .filter_map(|word| word.parse().ok())
            .collect();
        assert_eq!(numbers, [python, rust], "{row}");
    }
}

fn lines(code: &str, comment: &str) -> usize {
    let lines = code.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with(comment))
        .count()
}

async fn login(server: &Program, username: &str, password: &str) -> Answer {
    let server = Http::new(server.url());
    server.login(username, password).await.expect("an answer")
}

async fn new_token(server: &Program) -> String {
    login(server, "ada", PASSWORD).await.field("access_token")
}

async fn old_token(app: &Program) -> String {
    let login = json!({ "username": "ada", "password": PASSWORD });
    let request = Http::new(app.url())
        .request(Method::POST, "/login")
        .json(&login);
    answer(request).await.expect("an answer").field("token")
}

async fn protected(app: &Program, token: &str) -> Answer {
    let request = Http::new(app.url()).request(Method::GET, "/protected");
    let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    answer(request.timeout(Duration::from_secs(10)))
        .await
        .expect("an answer")
}
