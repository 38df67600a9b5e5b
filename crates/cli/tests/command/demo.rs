//! `countersign demo`: every step, in order, in eighty columns.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use countersign_witness::Keep;
use serde_json::Value;

use crate::run::{command, run};

#[test]
fn the_whole_story_holds() {
    let ended = run(&["demo"]);
    let words = ended.words.clone();
    let story = ended.done();
    assert!(
        words.is_empty(),
        "nothing goes wrong beside the story: {words}"
    );

    let titles = [
        "Create a user",
        "A wrong password",
        "Sign in",
        "Look into the access token",
        "Call the protected route",
        "No token",
        "A tampered token",
        "An expired token",
        "A missing role",
        "Refresh",
        "A lost answer",
        "A stolen refresh token",
        "Sign in again",
        "Sign out",
        "The access token of the session that ended",
    ];
    let mut rest = story.as_str();
    for (number, title) in titles.iter().enumerate() {
        let heading = format!("\n {:>2}   {title}\n", number + 1);
        let (_, after) = rest.split_once(&heading).expect(title);
        rest = after;
    }
    assert!(rest.contains("All 15 steps held"), "{rest}");
    assert_eq!(story.matches("\n      ok ").count(), titles.len());
    for line in story.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// With `--keep` the two go on with the usual lifetimes, for whoever follows the printed lines.
#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_can_be_called_until_it_is_ended() {
    let mut demo = command(&["demo", "--keep"])
        .stdout(Stdio::piped())
        .start()
        .expect("the command starts");
    let story = BufReader::new(demo.stdout.take().expect("it is piped"));
    let lines: Vec<String> = story
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .collect();
    let invitation = lines.join("\n");
    let (_, invitation) = invitation.split_once("Both run on").expect("an invitation");
    let word = |after: &str, until: char| {
        let (_, rest) = invitation.split_once(after).expect(after);
        rest.split(until).next().expect("a word").to_owned()
    };

    let http = reqwest::Client::new();
    let login = serde_json::json!({ "username": "ada", "password": word("\"password\":\"", '"') });
    let answer: Value = http
        .post(word("curl -s ", ' '))
        .json(&login)
        .send()
        .await
        .expect("the server answers")
        .json()
        .await
        .expect("JSON");
    assert_eq!(
        answer["expires_in"].as_u64().map(|life| life > 60),
        Some(true),
        "{answer}"
    );
    let token = answer["access_token"].as_str().expect("a token");
    let greeted = http
        .get(word("\ncurl ", ' '))
        .bearer_auth(token)
        .send()
        .await
        .expect("the API answers");
    assert_eq!(greeted.status(), 200);

    let interrupted = Command::new("kill")
        .args(["-INT", &demo.id().to_string()])
        .run()
        .expect("kill runs");
    assert!(interrupted.status.success());
    assert_eq!(demo.wait().expect("it ends").code(), Some(0));
}

/// A signal in the middle of the story, or while everything is kept, leaves nothing behind.
#[cfg(unix)]
#[test]
fn a_signal_at_any_time_leaves_no_folder() {
    for (signal, arguments, heard, code) in [
        ("-TERM", &["demo"][..], "Sign in", 1),
        ("-INT", &["demo"], "An expired token", 1),
        ("-TERM", &["demo", "--keep"], "Ctrl-C", 0),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut demo = command(arguments)
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .start()
            .expect("the command starts");
        let mut story = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
        let reached = story.any(|line| line.expect("text").contains(heard));
        assert!(reached, "{heard}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);

        let told = Command::new("kill")
            .args([signal, &demo.id().to_string()])
            .run()
            .expect("kill runs");
        assert!(told.status.success());
        // What it still says must have somewhere to go.
        story.for_each(drop);
        let ended = demo.wait().expect("it ends");
        assert_eq!(ended.code(), Some(code), "{signal} at `{heard}`");
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "{signal} at `{heard}` left its folder behind");
    }
}
