//! The live feed: what it brings, and what it cannot hide.

use std::time::{Duration, Instant};

use countersign::UnixTime;
use countersign_guard::{Guard, Kind, NewsBy, RevokedHandle};
use tokio::time::sleep;

use crate::issuer::bearer;
use crate::remote_issuer::{RemoteIssuer, eventually};

/// So long that it does not come to an end in a test.
const PATIENT: Duration = Duration::from_secs(600);
const IMPATIENT: Duration = Duration::from_millis(200);

async fn streaming(silence: Duration) -> (RemoteIssuer, Guard) {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().streams = true;
    let builder = remote.builder().revocation_silence(silence);
    let guard = builder.follow().await.expect("an issuer");
    eventually("the guard follows", || {
        remote.behaviour().followers.len() == 1
    })
    .await;
    (remote, guard)
}

fn revocations(guard: &Guard) -> &RevokedHandle {
    guard.revocations().next().expect("one issuer")
}

fn code(guard: &Guard, token: &str) -> Option<&'static str> {
    let outcome = guard.check(&bearer(token), UnixTime::now());
    outcome.err().map(|refusal| refusal.reason_code())
}

#[tokio::test]
async fn news_arrive_over_one_connection() {
    let (remote, guard) = streaming(PATIENT).await;
    let token = remote.token();
    assert_eq!(code(&guard, &token), None);
    let asked = remote.behaviour().snapshot_fetches;
    remote.revoke(Kind::Sid, "s-1");
    remote.behaviour().send(Some(0));
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
    remote.revoke(Kind::Jti, "another");
    remote.behaviour().send(Some(1));
    eventually("the next is known", || revocations(&guard).len() == 2).await;
    let health = guard.health(UnixTime::now()).swap_remove(0);
    assert_eq!((health.news_by, health.revocations), (NewsBy::Stream, 2));
    assert_eq!(
        remote.behaviour().snapshot_fetches,
        asked,
        "nobody asked again"
    );
}

#[tokio::test]
async fn heartbeats_keep_the_connection_and_the_news_young() {
    let silence = Duration::from_secs(1);
    let (remote, guard) = streaming(silence).await;
    let asked = remote.behaviour().snapshot_fetches;
    let started = Instant::now();
    while started.elapsed() < silence * 2 {
        remote.behaviour().send(Some(0));
        sleep(silence / 20).await;
    }
    assert_eq!(remote.behaviour().snapshot_fetches, asked);
    let age = revocations(&guard)
        .age(UnixTime::now())
        .expect("it follows");
    assert!(age <= silence * 2, "{age:?}");
}

#[tokio::test]
async fn a_connection_that_brings_nothing_is_given_up_and_the_stream_goes_on() {
    let (remote, guard) = streaming(IMPATIENT).await;
    remote.revoke(Kind::Sid, "s-1");
    // Whatever held it back, the event was not sent.
    eventually("the guard asks again", || {
        remote.behaviour().followers.len() > 1
    })
    .await;
    let (cursor, _) = remote
        .behaviour()
        .followers
        .last()
        .cloned()
        .expect("a second one");
    assert_eq!(cursor.as_deref(), Some("first:0"));
    let token = remote.token();
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
}

#[tokio::test]
async fn comments_of_a_proxy_are_no_sign_of_life() {
    let (remote, _guard) = streaming(IMPATIENT).await;
    let asked = remote.behaviour().snapshot_fetches;
    let started = Instant::now();
    while remote.behaviour().snapshot_fetches == asked {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the guard believes the proxy"
        );
        for (_, follower) in &remote.behaviour().followers {
            let _gone = follower.send(": still here\n\n".to_owned());
        }
        sleep(IMPATIENT / 10).await;
    }
}

#[tokio::test]
async fn a_swallowed_event_is_found_out_by_the_next_message() {
    let (remote, guard) = streaming(PATIENT).await;
    let token = remote.token();
    remote.revoke(Kind::Sid, "s-1");
    remote.revoke(Kind::Jti, "another");
    // The first of the two was swallowed.
    remote.behaviour().send(Some(1));
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
    let (cursor, _) = remote
        .behaviour()
        .followers
        .last()
        .cloned()
        .expect("a second one");
    assert_eq!(cursor, None, "after a gap everything is asked for");
    assert_eq!(revocations(&guard).len(), 2);
}

#[tokio::test]
async fn a_forged_event_is_passed_over() {
    let (remote, guard) = streaming(PATIENT).await;
    let token = remote.token();
    let honest = remote.behaviour().feed_key.clone();
    remote.behaviour().feed_key = crate::issuer::Issuer::new().key;
    remote.revoke(Kind::Sid, "s-1");
    remote.behaviour().send(Some(0));
    remote.behaviour().bulletin.events.clear();
    remote.behaviour().bulletin.counter = 0;
    remote.behaviour().feed_key = honest;
    remote.revoke(Kind::Sid, "another");
    remote.behaviour().send(Some(0));
    eventually("the true one is known", || revocations(&guard).len() == 1).await;
    assert_eq!(code(&guard, &token), None);
}

#[tokio::test]
async fn an_issuer_that_starts_again_is_followed_into_its_new_life() {
    let (remote, guard) = streaming(PATIENT).await;
    remote.revoke(Kind::Sid, "s-1");
    remote.behaviour().send(Some(0));
    eventually("the first is known", || revocations(&guard).len() == 1).await;
    {
        let mut behaviour = remote.behaviour();
        behaviour.bulletin.epoch = "second".to_owned();
        behaviour.bulletin.counter = 0;
        behaviour.bulletin.events.clear();
        behaviour.followers.clear();
    }
    remote.revoke(Kind::Sid, "s-2");
    eventually("both are known", || revocations(&guard).len() == 2).await;
}

#[tokio::test]
async fn an_issuer_that_stops_streaming_is_asked_again_and_again() {
    let (remote, guard) = streaming(PATIENT).await;
    remote.behaviour().streams = false;
    remote.behaviour().followers.clear();
    remote.revoke(Kind::Sid, "s-1");
    let token = remote.token();
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
    remote.behaviour().streams = true;
    eventually("the guard follows again", || {
        remote.behaviour().followers.len() == 1
    })
    .await;
}
