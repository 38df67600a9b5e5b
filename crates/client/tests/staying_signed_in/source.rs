//! Sources without a server of ours: a fixed token, and code of one's own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_client::{Client, ClientError, NewToken, SourceError, TokenSource};

use crate::fake::Fake;

#[tokio::test]
async fn a_fixed_token_is_sent_until_it_is_refused_and_then_the_401_is_the_answer() {
    let fake = Fake::start().await;
    fake.lock().good.insert("Bearer a.b.c".to_owned());
    let client = Client::at(&fake.url)
        .expect("an address")
        .fixed_token("a.b.c")
        .expect("a client");
    let answer = client.get(&fake.at("/protected")).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    fake.forget_access_tokens();
    let answer = client.get(&fake.at("/protected")).send().await;
    assert_eq!(answer.expect("an answer").status(), 401);
    assert_eq!(fake.calls(), 2);
    let error = client
        .refresh_now()
        .await
        .expect_err("nothing to renew with");
    assert_eq!(error.code(), "not_offered");

    let error = Client::at(&fake.url)
        .expect("an address")
        .fixed_token("two\r\nlines")
        .expect_err("no token");
    assert!(!format!("{error} {error:?}").contains("lines"));
}

/// Says what it was told to, one after the other.
#[derive(Clone, Default)]
struct Script {
    lines: Arc<Mutex<Vec<Result<NewToken, SourceError>>>>,
    asked: Arc<AtomicU32>,
}

impl TokenSource for Script {
    async fn next(&self) -> Result<NewToken, SourceError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let line = self.lines.lock().expect("no panics").pop();
        line.unwrap_or(Err(SourceError::Ended))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_source_is_asked_once_however_many_wait() {
    let fake = Fake::start().await;
    fake.lock().good.insert("Bearer mine".to_owned());
    let script = Script::default();
    script.lines.lock().expect("no panics").push(Ok(
        NewToken::new("mine").expires_in(Duration::from_secs(600))
    ));
    let client = Client::at(&fake.url)
        .expect("an address")
        .source(script.clone())
        .expect("a client");
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (client, url) = (client.clone(), fake.at("/protected"));
            tokio::spawn(async move { client.get(&url).send().await.map(|it| it.status()) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic").expect("an answer"), 200);
    }
    assert_eq!(script.asked.load(Ordering::Relaxed), 1);

    let error = client.refresh_now().await.expect_err("no more");
    assert!(matches!(error, ClientError::SessionEnded), "{error}");
    client.token().await.expect_err("for good");
    assert_eq!(script.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_own_source_that_fails_or_gives_nonsense_is_told_apart() {
    let fake = Fake::start().await;
    for (line, code) in [
        (
            Err(SourceError::later("the agent is away")),
            "source_failed",
        ),
        (Ok(NewToken::new("no token")), "not_a_token"),
    ] {
        let script = Script::default();
        script.lines.lock().expect("no panics").push(line);
        let client = Client::at(&fake.url)
            .expect("an address")
            .source(script)
            .expect("a client");
        let error = client.token().await.expect_err("no token");
        assert_eq!(error.code(), code);
        assert!(!error.is_refused());
    }
}
