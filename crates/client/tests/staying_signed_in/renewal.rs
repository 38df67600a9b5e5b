//! Renewing: ahead of time, once, and through a bad network.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use countersign_client::{Client, ClientError};

use crate::fake::{Fake, Trouble};

/// Long enough for any machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_meanwhile_still_used() {
    let fake = Fake::start().await;
    fake.lock().expires_in = 5;
    let client = fake.client().await;
    let first = client.token().await.expect("a token");
    // Should the renewal be waited for, the loop below would see no old token after it began.
    fake.trouble([Trouble::Slow(Duration::from_millis(300))]);

    let start = Instant::now();
    let mut used_while_renewing = false;
    loop {
        let token = client.token().await.expect("a token");
        if token != first {
            break;
        }
        used_while_renewing |= fake.refreshes() == 1;
        assert!(start.elapsed() < PATIENCE, "never renewed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(used_while_renewing);
    assert_eq!(fake.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_tasks_share_one_renewal() {
    let fake = Fake::start().await;
    let kept = fake.client().await.refresh_token().expect("signed in");
    let client = Client::resume(&fake.url, kept).expect("an address");
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (client, url) = (client.clone(), fake.at("/protected"));
            tokio::spawn(async move { client.get(&url).send().await.map(|it| it.status()) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic").expect("an answer"), 200);
    }
    assert_eq!(fake.refreshes(), 1);
    assert_eq!(fake.calls(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_tasks_whose_token_was_refused_share_one_renewal() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.forget_access_tokens();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (client, url) = (client.clone(), fake.at("/protected"));
            tokio::spawn(async move { client.get(&url).send().await.map(|it| it.status()) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic").expect("an answer"), 200);
    }
    assert_eq!(fake.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_asked_for_after_another_has_ended_is_a_new_one() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    for number in 1..=500 {
        client.refresh_now().await.expect("a token");
        assert_eq!(fake.refreshes(), number);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_refresh_token() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.trouble([Trouble::LostAnswer]);
    client.refresh_now().await.expect("the second answer");
    assert_eq!(fake.lock().presented, ["refresh-0", "refresh-0"]);

    // The pair is whole: the next renewal goes on from the one successor.
    client.refresh_now().await.expect("a pair");
    assert_eq!(fake.lock().presented.last().expect("three"), "refresh-1");
    assert_eq!(fake.lock().number, 2);
}

#[tokio::test]
async fn a_server_that_cannot_answer_costs_nothing() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let held = client.token().await.expect("a token");
    let unavailable = || Trouble::Status(StatusCode::SERVICE_UNAVAILABLE);
    fake.trouble([unavailable(), unavailable(), unavailable(), unavailable()]);

    let error = client.refresh_now().await.expect_err("the server is down");
    assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
    assert!(error.is_temporary() && !error.is_refused());
    assert_eq!(fake.refreshes(), 4);

    // The held token is used meanwhile, and whoever asks for a new one does not hammer the server.
    assert_eq!(client.token().await.expect("a token"), held);
    client.refresh_now().await.expect_err("resting");
    assert_eq!(fake.refreshes(), 4);

    let start = Instant::now();
    while client.refresh_now().await.is_err() {
        assert!(start.elapsed() < PATIENCE, "never tried again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fake.lock().presented, ["refresh-0"; 5]);
}

#[tokio::test]
async fn a_silent_server_does_not_hold_the_callers_for_ever() {
    let fake = Fake::start().await;
    let kept = fake.client().await.refresh_token().expect("signed in");
    let client = Client::at(&fake.url)
        .expect("an address")
        .renewal_timeout(Duration::from_millis(300))
        .resume(kept)
        .expect("a client");
    fake.trouble([Trouble::Silence]);
    let error = tokio::time::timeout(PATIENCE, client.token())
        .await
        .expect("bounded")
        .expect_err("no answer");
    assert!(
        matches!(error, ClientError::RenewalTimedOut { .. }),
        "{error}"
    );
    assert!(client.refresh_token().is_some());
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_lose_the_rotated_pair() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.trouble([Trouble::Slow(Duration::from_millis(300))]);
    let caller = tokio::spawn({
        let client = client.clone();
        async move { client.refresh_now().await }
    });
    while fake.refreshes() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());

    // This caller joins the renewal that goes on without the first.
    client.refresh_now().await.expect("a token");
    assert_eq!(fake.refreshes(), 1);
    let refresh = client.refresh_token().expect("signed in");
    assert_eq!(refresh.expose(), "refresh-1");
}

#[tokio::test]
async fn invalid_grant_ends_the_session_once_and_for_all() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.lock().ended = true;
    fake.forget_access_tokens();
    for _ in 0..3 {
        let error = client
            .get(&fake.at("/protected"))
            .send()
            .await
            .expect_err("ended");
        assert!(matches!(error, ClientError::SessionEnded), "{error}");
        assert!(error.is_refused());
        assert_eq!(error.code(), "invalid_grant");
    }
    assert_eq!((fake.refreshes(), fake.calls()), (1, 1));
    client.logout().await.expect("nothing left to end");
    assert_eq!(fake.logouts(), 0);
}
