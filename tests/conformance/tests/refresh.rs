//! The shipped server on its own database: a lost answer loses nothing, and a token that comes again
//! too late is a thief's, from the very first replacement on.
//!
//! The rules themselves are tested where they are written; this is about what the compiler made of
//! them.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::time::Duration;

use countersign_conformance::{Http, Server};

const PASSWORD: &str = "correct horse battery staple";
/// So often each session is refreshed before somebody comes with an old token: a mark is made by the
/// first, and by every one that is late enough.
const REFRESHES: [usize; 4] = [1, 2, 3, 6];

#[tokio::test]
async fn whoever_lost_an_answer_gets_the_newest_token() {
    let server = server(&[]).await;
    for times in REFRESHES {
        let tokens = refreshed(&server.http(), times).await;
        let (newest, earlier) = tokens.split_last().expect("at least the first");
        for token in earlier {
            let answer = server.http().refresh(token).await.expect("an answer");
            assert_eq!(answer.status, 200, "after {times}: {}", answer.text);
            assert_eq!(&answer.field("refresh_token"), newest, "after {times}");
        }
    }
}

#[tokio::test]
async fn whoever_comes_too_late_ends_the_session() {
    let server = server(&["--refresh-grace", "1"]).await;
    let mut stolen = Vec::new();
    // Each old token has a session of its own, which ends with it.
    for (times, old) in REFRESHES
        .map(|times| (0..times).map(move |old| (times, old)))
        .into_iter()
        .flatten()
    {
        let mut tokens = refreshed(&server.http(), times).await;
        let newest = tokens.pop().expect("at least the first");
        stolen.push((times, old, tokens.swap_remove(old), newest));
    }
    // The grace, a third of it, and the second in which it ends.
    tokio::time::sleep(Duration::from_secs(4)).await;
    for (times, old, token, newest) in stolen {
        let what = format!("token {old} after {times} refreshes");
        let answer = server.http().refresh(&token).await.expect("an answer");
        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        assert_eq!(answer.field("reason"), "refresh_reused", "{what}");
        let owner = server.http().refresh(&newest).await.expect("an answer");
        assert_eq!(owner.status, 400, "{what}: the session has ended");
    }
}

async fn server(options: &[&str]) -> Server {
    let mut server = Server::with(options.iter().copied());
    server.add_user("ada", PASSWORD);
    server.start().await;
    server
}

/// All refresh tokens of a session that was refreshed so often, in order.
async fn refreshed(http: &Http, times: usize) -> Vec<String> {
    let signed_in = http.login("ada", PASSWORD).await.expect("an answer");
    let mut tokens = vec![signed_in.field("refresh_token")];
    for _ in 0..times {
        let newest = tokens.last().expect("the first");
        let answer = http.refresh(newest).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
        tokens.push(answer.field("refresh_token"));
    }
    tokens
}
