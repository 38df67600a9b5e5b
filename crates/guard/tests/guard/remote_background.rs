//! An issuer that is not there when the guard starts: refused with 503 until it is, and no longer.

use std::time::Duration;

use countersign::UnixTime;
use countersign_guard::{Guard, Kind, TrustedIssuer};
use http::StatusCode;

use crate::issuer::{AUDIENCE, bearer};
use crate::remote_issuer::{Answer, RemoteIssuer, eventually};

fn code(guard: &Guard, token: &str) -> Option<&'static str> {
    let outcome = guard.check(&bearer(token), UnixTime::now());
    outcome.err().map(|refusal| refusal.reason_code())
}

#[tokio::test]
async fn until_the_issuer_is_there_nobody_passes_and_it_is_no_fault_of_the_token() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().keys = Answer::Status(503);
    remote.revoke(Kind::Jti, "another");
    let builder = remote.builder().keys_good_for(Duration::MAX);
    let guard = builder.follow_in_background().await.expect("a guard");
    let token = remote.token();
    let refusal = guard
        .check_async(&bearer(&token), UnixTime::now())
        .await
        .expect_err("there are no keys");
    assert_eq!(refusal.reason_code(), "keys_too_old");
    assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
    let response = refusal.standard_response();
    assert!(response.headers().contains_key("retry-after"));
    let health = &guard.health(UnixTime::now())[0];
    assert_eq!(health.issuer, Some(remote.issuer.name.clone()));
    assert_eq!(health.refuses, Some("keys_too_old"));
    assert_eq!((health.keys, health.key_age), (0, Some(Duration::MAX)));

    remote.behaviour().keys = Answer::Honest;
    eventually("the issuer is found", || code(&guard, &token).is_none()).await;
    let health = &guard.health(UnixTime::now())[0];
    assert_eq!((health.refuses, health.keys), (None, 1));
    assert!(health.news_age.expect("it has news") < Duration::from_secs(60));
    let revocations = guard.revocations().next().expect("one issuer");
    assert_eq!(revocations.len(), 1, "the first news came before the keys");
    remote.revoke(Kind::Sid, "s-1");
    eventually("its feed is followed", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_back_before_never_passes_not_even_at_first() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().keys = Answer::Status(503);
    remote.revoke(Kind::Sid, "s-1");
    let builder = remote.builder();
    let guard = builder.follow_in_background().await.expect("a guard");
    let token = remote.token();
    remote.behaviour().keys = Answer::Honest;
    for _ in 0..10_000 {
        match code(&guard, &token) {
            Some("keys_too_old") => tokio::time::sleep(Duration::from_millis(1)).await,
            found => {
                assert_eq!(found, Some("revoked"));
                return;
            }
        }
    }
    panic!("the issuer was never found");
}

#[tokio::test]
async fn an_issuer_that_is_down_does_not_hold_up_another() {
    let (up, down) = (RemoteIssuer::start().await, RemoteIssuer::start().await);
    down.behaviour().keys = Answer::Status(502);
    let other = TrustedIssuer::new(&down.issuer.name, AUDIENCE);
    let builder = up.builder().also(other);
    let guard = builder.follow_in_background().await.expect("a guard");
    assert_eq!(code(&guard, &up.token()), None);
    assert_eq!(code(&guard, &down.token()), Some("keys_too_old"));
}

#[tokio::test]
async fn what_no_waiting_would_change_is_said_at_once() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().metadata.issuer = "https://id.example".to_owned();
    let outcome = remote.builder().follow_in_background().await;
    assert_eq!(outcome.expect_err("another's").code(), "other_issuer");
    let plain = Guard::builder("http://id.example", AUDIENCE);
    let outcome = plain.follow_in_background().await;
    assert_eq!(outcome.expect_err("plain HTTP").code(), "plain_http");
}

/// Nobody is at that address: who asked first would tell of that, and of the slip once there is.
#[tokio::test]
async fn a_slip_in_the_settings_is_said_before_anybody_is_asked() {
    let builder = || Guard::builder("http://127.0.0.1:1", "api").cookie("__Host-token", ["null"]);
    for outcome in [
        builder().follow().await,
        builder().follow_in_background().await,
    ] {
        let error = outcome.expect_err("no origin");
        assert_eq!(error.code(), "bad_origin");
    }
}

#[tokio::test]
async fn the_search_ends_with_the_last_guard() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().keys = Answer::Status(503);
    let builder = remote.builder();
    let guard = builder.follow_in_background().await.expect("a guard");
    eventually("it searches", || remote.behaviour().key_fetches > 2).await;
    drop(guard);
    let mut asked = 0;
    while remote.behaviour().key_fetches > asked {
        asked = remote.behaviour().key_fetches;
        assert!(asked < 1_000, "it still searches");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn no_time_is_too_long() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().streams = true;
    let guard = remote
        .builder()
        .fetch_timeout(Duration::MAX)
        .revocation_silence(Duration::MAX)
        .revocation_interval(Duration::from_millis(1))
        .wait_for_issuer(Duration::MAX)
        .key_cooldown(Duration::MAX)
        .keys_good_for(Duration::MAX)
        .follow()
        .await
        .expect("an issuer");
    eventually("it follows", || remote.behaviour().followers.len() == 1).await;
    assert_eq!(code(&guard, &remote.token()), None);
}
