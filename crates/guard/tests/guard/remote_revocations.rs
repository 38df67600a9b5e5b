//! Revocations from afar: what the issuer signed is believed, and nothing else.

use std::time::Duration;

use countersign::{Algorithm, SigningKey, UnixTime};
use countersign_guard::{Guard, Kind, RevokedHandle, Stale};
use countersign_wire::revocation::Event;
use http::StatusCode;

use crate::issuer::bearer;
use crate::remote_issuer::{Answer, RemoteIssuer, eventually};

fn revocations(guard: &Guard) -> &RevokedHandle {
    guard.revocations().next().expect("one issuer")
}

fn code(guard: &Guard, token: &str) -> Option<&'static str> {
    let outcome = guard.check(&bearer(token), UnixTime::now());
    outcome.err().map(|refusal| refusal.reason_code())
}

/// Waits until the guard has asked a few times since now.
async fn a_few_polls(remote: &RemoteIssuer) {
    let before = remote.behaviour().snapshot_fetches;
    eventually("the guard asks", || {
        remote.behaviour().snapshot_fetches > before + 3
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ends_is_refused_without_a_call_per_request() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let token = remote.token();
    assert_eq!(code(&guard, &token), None);
    remote.revoke(Kind::Sid, "s-1");
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
    assert_eq!(revocations(&guard).len(), 1);
}

#[tokio::test]
async fn what_ended_before_the_guard_started_is_known_from_the_start() {
    let remote = RemoteIssuer::start().await;
    remote.revoke(Kind::Sub, "u-1");
    let guard = remote.builder().follow().await.expect("an issuer");
    assert_eq!(code(&guard, &remote.token()), Some("revoked"));
}

#[tokio::test]
async fn a_forged_snapshot_changes_nothing() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let token = remote.token();
    let stranger = SigningKey::generate(Algorithm::ES256).expect("a key");
    let named = stranger.clone().with_key_id(
        remote
            .issuer
            .key
            .verifying_key()
            .key_id()
            .expect("a thumbprint"),
    );
    for forger in [stranger, named] {
        remote.behaviour().feed_key = forger;
        remote.revoke(Kind::Sid, "s-1");
        a_few_polls(&remote).await;
        assert_eq!(code(&guard, &token), None);
    }
    remote.behaviour().feed_key = remote.issuer.key.clone();
    remote.behaviour().feed_typ = "at+jwt";
    a_few_polls(&remote).await;
    assert_eq!(code(&guard, &token), None, "signed, but as something else");
    remote.behaviour().feed_typ = countersign_wire::revocation::TYP;
    remote.behaviour().bulletin.iss = "https://other.example".to_owned();
    a_few_polls(&remote).await;
    assert_eq!(code(&guard, &token), None, "of another issuer");
    remote.behaviour().bulletin.iss = remote.issuer.name.clone();
    eventually("the true one is believed", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
}

#[tokio::test]
async fn no_snapshot_however_old_brings_a_token_back() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let token = remote.token();
    remote.revoke(Kind::Sid, "s-1");
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
    {
        let mut behaviour = remote.behaviour();
        behaviour.bulletin.events.clear();
        behaviour.bulletin.counter = 0;
    }
    a_few_polls(&remote).await;
    assert_eq!(
        code(&guard, &token),
        Some("revoked"),
        "a replay of the empty one"
    );
    {
        let mut behaviour = remote.behaviour();
        behaviour.bulletin.epoch = "second".to_owned();
        behaviour.bulletin.counter = 0;
    }
    a_few_polls(&remote).await;
    assert_eq!(
        code(&guard, &token),
        Some("revoked"),
        "an issuer that lost its memory"
    );
}

#[tokio::test]
async fn an_issuer_whose_clock_or_counter_fell_is_believed_but_not_taken_for_fresh() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().bulletin.counter = 5;
    let guard = remote.builder().follow().await.expect("an issuer");
    for (fallen, sid) in [("counter", "s-2"), ("clock", "s-1")] {
        let before = revocations(&guard).as_of();
        {
            let mut behaviour = remote.behaviour();
            if fallen == "counter" {
                behaviour.bulletin.counter = 4;
            } else {
                behaviour.bulletin.counter = 6;
                behaviour.bulletin.as_of -= 100;
                behaviour.clock_runs = false;
            }
            behaviour.bulletin.events.push(Event {
                kind: Kind::Sid,
                value: sid.to_owned(),
                at: None,
                until: UnixTime::now().as_secs() + 900,
            });
        }
        let known = revocations(&guard).len();
        eventually("it is believed", || revocations(&guard).len() > known).await;
        a_few_polls(&remote).await;
        assert_eq!(revocations(&guard).as_of(), before, "the {fallen} fell");
    }
    assert_eq!(code(&guard, &remote.token()), Some("revoked"));
    remote.behaviour().clock_runs = true;
    let before = revocations(&guard).as_of();
    eventually("news are news again", || {
        revocations(&guard).as_of() > before
    })
    .await;
}

#[tokio::test]
async fn two_servers_behind_one_address_are_both_heard() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    remote.revoke(Kind::Jti, "one");
    eventually("one is known", || revocations(&guard).len() == 1).await;
    {
        let mut behaviour = remote.behaviour();
        behaviour.bulletin.epoch = "other".to_owned();
        behaviour.bulletin.counter = 0;
        behaviour.bulletin.events.clear();
    }
    remote.revoke(Kind::Jti, "two");
    eventually("two is known", || revocations(&guard).len() == 2).await;
    {
        let mut behaviour = remote.behaviour();
        behaviour.bulletin.epoch = "first".to_owned();
        behaviour.bulletin.events.clear();
    }
    remote.revoke(Kind::Jti, "three");
    eventually("three is known", || revocations(&guard).len() == 3).await;
}

/// Every second answer is another server's, and none has all that there is.
#[tokio::test]
async fn pieces_of_two_servers_in_turn_come_to_an_end() {
    let remote = RemoteIssuer::start().await;
    for n in 0..7 {
        remote.revoke(Kind::Jti, &format!("token {n}"));
    }
    {
        let mut behaviour = remote.behaviour();
        let mut other = behaviour.bulletin.clone();
        other.epoch = "other".to_owned();
        behaviour.other = Some(other);
        behaviour.at_once = 2;
    }
    let guard = remote.builder().follow().await.expect("an issuer");
    eventually("all is known", || revocations(&guard).len() == 7).await;
    let before = revocations(&guard).as_of();
    eventually("there are news", || revocations(&guard).as_of() > before).await;
}

#[tokio::test]
async fn pieces_that_are_read_again_from_the_beginning_come_to_an_end() {
    let remote = RemoteIssuer::start().await;
    for n in 0..7 {
        remote.revoke(Kind::Jti, &format!("token {n}"));
    }
    remote.behaviour().at_once = 2;
    let guard = remote.builder().follow().await.expect("an issuer");
    eventually("all is known", || revocations(&guard).len() == 7).await;
    // What is not believed makes the guard begin anew.
    remote.behaviour().feed_typ = "at+jwt";
    a_few_polls(&remote).await;
    remote.behaviour().feed_typ = countersign_wire::revocation::TYP;
    let before = revocations(&guard).as_of();
    eventually("there are news", || revocations(&guard).as_of() > before).await;
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_at_once_and_cannot_speak_any_more() {
    let remote = RemoteIssuer::start().await;
    let (leaked, next) = (
        remote.issuer.key.clone(),
        SigningKey::generate(Algorithm::ES256).expect("a key"),
    );
    remote.behaviour().published.push(next.clone());
    let guard = remote.builder().follow().await.expect("an issuer");
    let leaked_kid = leaked
        .verifying_key()
        .key_id()
        .expect("a thumbprint")
        .to_owned();

    remote.revoke(Kind::Kid, &leaked_kid);
    a_few_polls(&remote).await;
    assert_eq!(
        code(&guard, &remote.token()),
        None,
        "no key withdraws itself"
    );

    remote.behaviour().feed_key = next.clone();
    let fetches = remote.behaviour().key_fetches;
    eventually("the key is refused", || {
        code(&guard, &remote.token()) == Some("revoked")
    })
    .await;
    assert_eq!(code(&guard, &remote.token_by(&next)), None);
    eventually("the keys are fetched", || {
        remote.behaviour().key_fetches > fetches
    })
    .await;

    remote.behaviour().feed_key = leaked;
    remote.revoke(Kind::Sid, "s-1");
    a_few_polls(&remote).await;
    assert_eq!(
        code(&guard, &remote.token_by(&next)),
        None,
        "the leaked key is not believed"
    );
}

#[tokio::test]
async fn news_signed_with_a_new_key_arrive_when_the_key_does() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let next = SigningKey::generate(Algorithm::ES256).expect("a key");
    remote.behaviour().published.push(next.clone());
    remote.behaviour().feed_key = next;
    remote.revoke(Kind::Sid, "s-1");
    let token = remote.token();
    eventually("the token is refused", || {
        code(&guard, &token) == Some("revoked")
    })
    .await;
}

#[tokio::test]
async fn when_the_feed_falls_silent_the_owners_choice_holds() {
    let remote = RemoteIssuer::start().await;
    let bound = Duration::from_secs(60);
    let serving = remote.builder().follow().await.expect("an issuer");
    let refusing = remote
        .builder()
        .stale(Stale::Refuse { after: bound })
        .follow()
        .await
        .expect("an issuer");
    remote.behaviour().snapshot = Answer::Status(500);
    let token = remote.token();
    assert_eq!(code(&refusing, &token), None, "not silent for long enough");

    let later = UnixTime::now()
        .saturating_add(bound)
        .saturating_add(Duration::from_secs(2));
    assert!(revocations(&refusing).age(later).expect("it follows") > bound);
    assert!(serving.check(&bearer(&token), later).is_ok());
    let refusal = refusing
        .check(&bearer(&token), later)
        .expect_err("too silent");
    assert_eq!(refusal.reason_code(), "revocations_too_old");
    assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_repeated_message_does_not_hide_a_silence() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    remote.behaviour().clock_runs = false;
    a_few_polls(&remote).await;
    let as_of = revocations(&guard).as_of().expect("a first snapshot");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(revocations(&guard).as_of(), Some(as_of));
    let age = revocations(&guard)
        .age(UnixTime::now())
        .expect("it follows");
    assert!(age >= Duration::from_secs(1), "{age:?}");
}

#[tokio::test]
async fn without_a_first_snapshot_serve_serves_and_refuse_refuses() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().snapshot = Answer::Body(b"not a snapshot".to_vec());
    let serving = remote.builder().follow().await.expect("an issuer");
    let stale = Stale::Refuse {
        after: Duration::from_secs(3_600),
    };
    let refusing = remote
        .builder()
        .stale(stale)
        .follow()
        .await
        .expect("an issuer");
    let token = remote.token();
    assert_eq!(code(&serving, &token), None);
    assert_eq!(code(&refusing, &token), Some("revocations_too_old"));
    let health = refusing.health(UnixTime::now());
    assert_eq!(health[0].refuses, Some("revocations_too_old"));
    assert_eq!(serving.health(UnixTime::now())[0].refuses, None);
    remote.behaviour().snapshot = Answer::Honest;
    eventually("news arrive", || code(&refusing, &token).is_none()).await;
}

#[tokio::test]
async fn an_issuer_whose_clock_is_an_hour_off_is_heard_all_the_same() {
    for offset in [3_600_i64, -3_600] {
        let remote = RemoteIssuer::start().await;
        {
            let mut behaviour = remote.behaviour();
            behaviour.clock_runs = false;
            let as_of = behaviour.bulletin.as_of.checked_add_signed(offset);
            behaviour.bulletin.as_of = as_of.expect("a time");
        }
        let guard = remote.builder().follow().await.expect("an issuer");
        remote.revoke(Kind::Sid, "s-1");
        let token = remote.token();
        eventually("the token is refused", || {
            code(&guard, &token) == Some("revoked")
        })
        .await;
    }
}

/// Two servers answer in turn, one of them with a clock an hour ahead; when that one is gone, the
/// other's word still counts as news.
#[tokio::test]
async fn a_server_whose_clock_is_ahead_does_not_make_the_others_old() {
    let remote = RemoteIssuer::start().await;
    {
        let mut behaviour = remote.behaviour();
        behaviour.clock_runs = false;
        behaviour.bulletin.as_of += 3_600;
    }
    let bound = Duration::from_secs(2);
    let builder = remote.builder().stale(Stale::Refuse { after: bound });
    let guard = builder.follow().await.expect("an issuer");
    let token = remote.token();
    assert_eq!(code(&guard, &token), None);
    {
        let mut behaviour = remote.behaviour();
        behaviour.clock_runs = true;
        behaviour.bulletin.epoch = "other".to_owned();
    }
    for _ in 0..20 {
        tokio::time::sleep(bound / 8).await;
        assert_eq!(code(&guard, &token), None);
    }
}

/// Whichever clock is off, the issuer's or the guard's, what was taken back is not let in, neither
/// now nor later.
#[tokio::test]
async fn no_clock_an_hour_off_lets_a_revoked_token_in() {
    for offset in [3_600_i64, -3_600] {
        let remote = RemoteIssuer::start().await;
        let theirs = UnixTime::now().as_secs().checked_add_signed(offset);
        let theirs = UnixTime::from_secs(theirs.expect("a time"));
        {
            let mut behaviour = remote.behaviour();
            behaviour.clock_runs = false;
            behaviour.bulletin.as_of = theirs.as_secs();
        }
        let guard = remote.builder().follow().await.expect("an issuer");
        let token = remote.issuer.sign(&remote.issuer.claims(theirs));
        let check = |now| guard.check(&bearer(&token), now).map(drop);
        assert!(
            check(theirs).is_ok(),
            "by the issuer's own clock it is good"
        );
        {
            let mut behaviour = remote.behaviour();
            behaviour.bulletin.counter += 1;
            behaviour.bulletin.events.push(Event {
                kind: Kind::Sid,
                value: "s-1".to_owned(),
                at: None,
                // As a server says it: the last expiry, leeway and a margin.
                until: theirs.as_secs() + 600 + 300,
            });
        }
        eventually("it is known", || revocations(&guard).len() == 1).await;
        for minute in 0..120 {
            let now = UnixTime::now().saturating_add(Duration::from_secs(minute * 60));
            assert!(check(now).is_err(), "{offset}: minute {minute}");
        }
    }
}

#[tokio::test]
async fn an_issuer_without_a_feed_is_followed_for_its_keys() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().metadata.countersign_revocations_endpoint = None;
    let stale = Stale::Refuse {
        after: Duration::from_secs(1),
    };
    let guard = remote
        .builder()
        .stale(stale)
        .follow()
        .await
        .expect("an issuer");
    assert_eq!(code(&guard, &remote.token()), None);
    assert_eq!(revocations(&guard).age(UnixTime::now()), None);
}
