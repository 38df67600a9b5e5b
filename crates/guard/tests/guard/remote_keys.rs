//! Keys from afar: found, renewed, and what happens when the issuer does not do its part.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use countersign::{Algorithm, KeySet, SigningKey, UnixTime};
use countersign_guard::{Guard, GuardError, Kind, TrustedIssuer};
use futures_util::future::join_all;
use http::StatusCode;
use tower::ServiceExt;

use crate::issuer::{AUDIENCE, Issuer, bearer};
use crate::remote_issuer::{Answer, RemoteIssuer, eventually};

fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).expect("a key")
}

fn code<T>(outcome: &Result<T, countersign_guard::Refusal>) -> Option<&'static str> {
    outcome
        .as_ref()
        .err()
        .map(countersign_guard::Refusal::reason_code)
}

#[tokio::test]
async fn an_issuer_is_followed_by_its_address_alone() {
    let remote = RemoteIssuer::start().await;
    let guard = Guard::follow(&remote.issuer.name, AUDIENCE)
        .await
        .expect("an issuer");
    let caller = guard
        .check(&bearer(&remote.token()), UnixTime::now())
        .expect("a good token");
    assert_eq!(caller.username(), Some("ada"));
    assert_eq!(remote.behaviour().key_fetches, 1);
}

#[tokio::test]
async fn a_key_used_a_moment_after_its_publication_costs_one_fetch_for_all() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let key = new_key();
    remote.behaviour().published.push(key.clone());
    remote.behaviour().keys_delay = Duration::from_millis(100);
    let now = UnixTime::now();
    let headers = bearer(&remote.token_by(&key));
    assert_eq!(
        code(&guard.check(&headers, now)),
        Some("unknown_key"),
        "nobody waited"
    );

    let outcomes = join_all((0..50).map(|_| guard.check_async(&headers, now))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(remote.behaviour().key_fetches, 2);
    assert!(
        guard.check(&bearer(&remote.token()), now).is_ok(),
        "the older key is there too"
    );
}

#[tokio::test]
async fn the_doors_wait_for_the_new_key_too() {
    let remote = RemoteIssuer::start().await;
    let name = async |caller: countersign_guard::Caller| caller.sub().to_owned();
    for layered in [false, true] {
        let guard = remote.builder().follow().await.expect("an issuer");
        let key = new_key();
        remote.behaviour().published.push(key.clone());
        let app = if layered {
            Router::new().route("/", get(async || "in").layer(guard.layer()))
        } else {
            Router::new().route("/", get(name)).with_state(guard)
        };
        for (key, status) in [
            (&key, StatusCode::OK),
            (&new_key(), StatusCode::UNAUTHORIZED),
        ] {
            let request = http::Request::get("/")
                .header("authorization", format!("Bearer {}", remote.token_by(key)))
                .body(axum::body::Body::empty())
                .expect("a request");
            let response = app.clone().oneshot(request).await.expect("an answer");
            assert_eq!(response.status(), status, "layered: {layered}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_made_up_keys_causes_one_fetch_in_a_cooldown() {
    let remote = RemoteIssuer::start().await;
    let builder = remote.builder().key_cooldown(Duration::from_secs(600));
    let guard = builder.follow().await.expect("an issuer");
    let now = UnixTime::now();
    let strangers: Vec<_> = (0..20)
        .map(|_| bearer(&remote.token_by(&new_key())))
        .collect();
    for _ in 0..10 {
        let outcomes = join_all(
            strangers
                .iter()
                .map(|headers| guard.check_async(headers, now)),
        )
        .await;
        assert!(
            outcomes
                .iter()
                .all(|outcome| code(outcome) == Some("unknown_key"))
        );
    }
    assert_eq!(
        remote.behaviour().key_fetches,
        2,
        "the first one and the flood's"
    );
    assert!(guard.check(&bearer(&remote.token()), now).is_ok());
}

#[tokio::test]
async fn made_up_keys_wait_in_small_number_while_the_issuer_hangs() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let now = UnixTime::now();
    remote.behaviour().keys_delay = Duration::from_secs(600);
    let stranger = bearer(&remote.token_by(&new_key()));
    let asking: Vec<_> = (0..500)
        .map(|_| {
            let (guard, stranger) = (guard.clone(), stranger.clone());
            tokio::spawn(async move { code(&guard.check_async(&stranger, now).await) })
        })
        .collect();
    let refused = || asking.iter().filter(|one| one.is_finished()).count();
    eventually("most are refused at once", || refused() >= 400).await;
    assert!(refused() < 500, "a few may wait");
    assert!(guard.check(&bearer(&remote.token()), now).is_ok());
    for one in asking {
        if one.is_finished() {
            assert_eq!(one.await.expect("an outcome"), Some("unknown_key"));
        } else {
            one.abort();
        }
    }
}

#[tokio::test]
async fn after_the_cooldown_a_new_key_is_asked_for_again() {
    let remote = RemoteIssuer::start().await;
    let builder = remote.builder().key_cooldown(Duration::from_millis(50));
    let guard = builder.follow().await.expect("an issuer");
    let now = UnixTime::now();
    let key = new_key();
    let headers = bearer(&remote.token_by(&key));
    assert_eq!(
        code(&guard.check_async(&headers, now).await),
        Some("unknown_key")
    );
    remote.behaviour().published.push(key);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(code(&guard.check_async(&headers, now).await), None);
}

#[tokio::test]
async fn a_key_that_is_gone_is_gone_for_tokens_seen_before() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let now = UnixTime::now();
    let headers = bearer(&remote.token());
    assert!(guard.check(&headers, now).is_ok());
    let key = new_key();
    remote.behaviour().published = vec![key.clone()];
    remote.behaviour().feed_key = key.clone();
    assert!(
        guard
            .check_async(&bearer(&remote.token_by(&key)), now)
            .await
            .is_ok()
    );
    assert_eq!(code(&guard.check(&headers, now)), Some("unknown_key"));
}

#[tokio::test]
async fn while_the_issuer_is_down_the_last_good_keys_serve() {
    let remote = RemoteIssuer::start().await;
    let builder = remote.builder().key_cooldown(Duration::from_millis(10));
    let guard = builder.follow().await.expect("an issuer");
    let now = UnixTime::now();
    for answer in [
        Answer::Status(500),
        Answer::Body(b"<html>".to_vec()),
        Answer::Body(br#"{"keys":[]}"#.to_vec()),
        Answer::Redirect("/elsewhere".to_owned()),
    ] {
        remote.behaviour().keys = answer;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let stranger = bearer(&remote.token_by(&new_key()));
        assert_eq!(
            code(&guard.check_async(&stranger, now).await),
            Some("unknown_key")
        );
        assert!(guard.check(&bearer(&remote.token()), now).is_ok());
    }
    let health = guard.health(now).swap_remove(0);
    // It goes on trying by itself after each cooldown.
    assert_eq!(health.key_fetches, 1);
    assert!(health.failed_key_fetches >= 4, "{health:?}");
}

#[tokio::test]
async fn keys_that_could_not_be_renewed_for_too_long_are_no_keys() {
    let remote = RemoteIssuer::start().await;
    let builder = remote.builder().keys_good_for(Duration::from_secs(3_600));
    let guard = builder.follow().await.expect("an issuer");
    let headers = bearer(&remote.token());
    assert!(guard.check(&headers, UnixTime::now()).is_ok());
    let keys = guard.keys().next().expect("one issuer");
    let age = keys.age(UnixTime::now()).expect("they come from afar");
    assert!(age <= Duration::from_secs(5), "{age:?}");
    let later = UnixTime::now().saturating_add(Duration::from_secs(3_602));
    let refusal = guard.check(&headers, later).expect_err("too old");
    assert_eq!(refusal.reason_code(), "keys_too_old");
    assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refusal.challenge(), None, "another token would not help");
    let response = refusal.standard_response();
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn the_announced_lifetime_binds_the_issuers_tokens() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().metadata.countersign_max_token_lifetime = Some(599);
    let guard = remote.builder().follow().await.expect("an issuer");
    let outcome = guard.check(&bearer(&remote.token()), UnixTime::now());
    assert_eq!(code(&outcome), Some("lifetime_too_long"));
}

#[tokio::test]
async fn a_raised_lifetime_is_heard_of_when_a_token_needs_it() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().metadata.countersign_max_token_lifetime = Some(300);
    let builder = remote.builder().key_cooldown(Duration::from_millis(50));
    let guard = builder.follow().await.expect("an issuer");
    let headers = bearer(&remote.token());
    let outcome = guard.check_async(&headers, UnixTime::now()).await;
    assert_eq!(code(&outcome), Some("lifetime_too_long"));

    remote.behaviour().metadata.countersign_max_token_lifetime = Some(600);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let outcome = guard.check_async(&headers, UnixTime::now()).await;
    assert_eq!(code(&outcome), None);

    // What was remembered under the old announcement does not outlive the new one.
    remote.behaviour().metadata.countersign_max_token_lifetime = Some(599);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let stranger = bearer(&remote.token_by(&new_key()));
    let outcome = guard.check_async(&stranger, UnixTime::now()).await;
    assert_eq!(code(&outcome), Some("unknown_key"));
    let outcome = guard.check(&headers, UnixTime::now());
    assert_eq!(code(&outcome), Some("lifetime_too_long"));
}

#[tokio::test]
async fn without_its_metadata_an_issuers_keys_are_renewed_all_the_same() {
    let remote = RemoteIssuer::start().await;
    let builder = remote.builder().key_cooldown(Duration::from_millis(10));
    let guard = builder.follow().await.expect("an issuer");
    remote.behaviour().metadata.issuer = "https://id.example".to_owned();
    let key = new_key();
    remote.behaviour().published.push(key.clone());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let headers = bearer(&remote.token_by(&key));
    let outcome = guard.check_async(&headers, UnixTime::now()).await;
    assert_eq!(code(&outcome), None);
}

#[tokio::test]
async fn keys_that_grew_old_while_the_machine_slept_are_renewed_by_the_first_request() {
    let remote = RemoteIssuer::start().await;
    let builder = remote.builder().keys_good_for(Duration::from_secs(1));
    let guard = builder.follow().await.expect("an issuer");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let headers = bearer(&remote.token());
    let outcome = guard.check(&headers, UnixTime::now());
    assert_eq!(code(&outcome), Some("keys_too_old"));
    let outcome = guard.check_async(&headers, UnixTime::now()).await;
    assert_eq!(code(&outcome), None);
}

#[tokio::test]
async fn a_withdrawal_fetches_the_keys_whatever_strangers_asked_for_before() {
    let remote = RemoteIssuer::start().await;
    let next = new_key();
    remote.behaviour().published.push(next.clone());
    let builder = remote.builder().key_cooldown(Duration::from_secs(600));
    let guard = builder.follow().await.expect("an issuer");
    let now = UnixTime::now();
    let stranger = bearer(&remote.token_by(&new_key()));
    let outcome = guard.check_async(&stranger, now).await;
    assert_eq!(code(&outcome), Some("unknown_key"));

    let (old, newest) = (remote.issuer.key.clone(), new_key());
    {
        let mut behaviour = remote.behaviour();
        behaviour.feed_key = next.clone();
        behaviour.published = vec![next, newest.clone()];
    }
    remote.revoke(Kind::Kid, old.key_id().expect("a thumbprint"));
    let headers = bearer(&remote.token_by(&newest));
    eventually("the newest key is known", || {
        guard.check(&headers, UnixTime::now()).is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_a_public_set_signs_nothing() {
    let remote = RemoteIssuer::start().await;
    let secret = b"a secret of thirty-two bytes, at least";
    let hmac = SigningKey::from_secret(Algorithm::HS256, secret)
        .expect("long enough")
        .with_key_id("shared");
    let public = remote.issuer.key_set().to_json();
    let oct = countersign::base64url::encode(secret);
    let set = public.replacen(
        "\"keys\":[",
        &format!(r#""keys":[{{"kty":"oct","alg":"HS256","kid":"shared","k":"{oct}"}},"#),
        1,
    );
    remote.behaviour().keys = Answer::Body(set.into_bytes());
    let guard = remote.builder().follow().await.expect("an issuer");
    let now = UnixTime::now();
    assert!(guard.check(&bearer(&remote.token()), now).is_ok());
    let outcome = guard.check(&bearer(&remote.token_by(&hmac)), now);
    assert_eq!(code(&outcome), Some("unknown_key"));
}

#[tokio::test]
async fn what_is_wrong_with_an_issuer_is_said_at_the_start() {
    let remote = RemoteIssuer::start().await;
    let too_many: Vec<_> = (0..101).map(|_| new_key().verifying_key()).collect();
    let too_many = KeySet::new(too_many).expect("a large set").to_json();
    let elsewhere = format!("{}/elsewhere", remote.issuer.name);
    for (answer, expected) in [
        (Answer::Status(500), "unexpected_status"),
        (Answer::Redirect(elsewhere), "unexpected_status"),
        (Answer::Body(vec![b' '; 300 * 1024]), "answer_too_large"),
        (Answer::Body(b"<html>".to_vec()), "unreadable_answer"),
        (Answer::Body(br#"{"keys":[]}"#.to_vec()), "no_usable_key"),
        (Answer::Body(too_many.into_bytes()), "too_many_keys"),
    ] {
        remote.behaviour().keys = answer;
        let error = remote.builder().follow().await.expect_err(expected);
        assert_eq!(error.code(), expected, "{error}");
    }
    remote.behaviour().keys = Answer::Honest;
    remote.behaviour().keys_delay = Duration::from_secs(30);
    let builder = remote.builder().fetch_timeout(Duration::from_millis(100));
    let error = builder.follow().await.expect_err("too slow");
    assert_eq!(error.code(), "timeout");
}

#[tokio::test]
async fn metadata_must_name_the_very_issuer() {
    let remote = RemoteIssuer::start().await;
    let with_slash = format!("{}/", remote.issuer.name);
    let error = Guard::follow(&with_slash, AUDIENCE)
        .await
        .expect_err("another name");
    assert!(matches!(error, GuardError::Follow(_)));
    assert_eq!(error.code(), "other_issuer");
    remote.behaviour().metadata.issuer = "https://id.example".to_owned();
    let error = remote
        .builder()
        .follow()
        .await
        .expect_err("another's metadata");
    assert_eq!(error.code(), "other_issuer");

    remote.behaviour().metadata.issuer = remote.issuer.name.clone();
    remote.behaviour().metadata.jwks_uri = "http://keys.example/jwks".to_owned();
    let error = remote
        .builder()
        .follow()
        .await
        .expect_err("plain http elsewhere");
    assert_eq!(error.code(), "plain_http");
    let error = Guard::follow("http://id.example", AUDIENCE)
        .await
        .expect_err("plain http");
    assert_eq!(error.code(), "plain_http");
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_an_error_not_a_wait() {
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let error = Guard::follow(gone, AUDIENCE)
        .await
        .expect_err("nobody there");
    assert_eq!(error.code(), "connection_failed");
}

#[tokio::test]
async fn an_issuer_that_comes_up_later_may_be_waited_for() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().keys = Answer::Status(503);
    let patient = remote.builder().wait_for_issuer(Duration::from_secs(600));
    let following = tokio::spawn(patient.follow());
    eventually("it asks again", || remote.behaviour().key_fetches > 2).await;
    remote.behaviour().keys = Answer::Honest;
    let guard = following.await.expect("no panic").expect("an issuer");
    assert!(
        guard
            .check(&bearer(&remote.token()), UnixTime::now())
            .is_ok()
    );

    remote.behaviour().metadata.issuer = "https://id.example".to_owned();
    let patient = remote.builder().wait_for_issuer(Duration::from_secs(600));
    let error = patient
        .follow()
        .await
        .expect_err("no wait would change that");
    assert_eq!(error.code(), "other_issuer");
}

#[tokio::test]
async fn following_ends_with_the_last_guard() {
    let remote = RemoteIssuer::start().await;
    let guard = remote.builder().follow().await.expect("an issuer");
    let clone = guard.clone();
    drop(guard);
    let before = remote.behaviour().snapshot_fetches;
    eventually("the clone still follows", || {
        remote.behaviour().snapshot_fetches > before + 2
    })
    .await;
    drop(clone);
    let mut asked = 0;
    while remote.behaviour().snapshot_fetches > asked {
        asked = remote.behaviour().snapshot_fetches;
        assert!(asked < before + 1_000, "it is still followed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn each_of_several_issuers_is_asked_for_its_own_keys_and_a_stranger_for_none() {
    let (one, two) = (RemoteIssuer::start().await, RemoteIssuer::start().await);
    let other = TrustedIssuer::new(&two.issuer.name, AUDIENCE);
    let guard = one
        .builder()
        .also(other)
        .follow()
        .await
        .expect("two issuers");
    let now = UnixTime::now();
    let stranger = Issuer::named("https://stranger.example");
    let strangers = bearer(&stranger.sign(&stranger.claims(now)));
    let outcome = guard.check_async(&strangers, now).await;
    assert_eq!(code(&outcome), Some("wrong_issuer"));
    assert_eq!(one.behaviour().key_fetches + two.behaviour().key_fetches, 2);

    let key = new_key();
    two.behaviour().published.push(key.clone());
    for token in [one.token(), two.token(), two.token_by(&key)] {
        assert!(guard.check_async(&bearer(&token), now).await.is_ok());
    }
    assert_eq!(one.behaviour().key_fetches, 1);
    assert_eq!(two.behaviour().key_fetches, 2);

    two.revoke(Kind::Sub, "u-1");
    let (theirs, ours) = (bearer(&two.token()), bearer(&one.token()));
    eventually("the second issuer's word counts for its own", || {
        code(&guard.check(&theirs, now)) == Some("revoked")
    })
    .await;
    assert!(guard.check(&ours, now).is_ok());
}

/// Sign, rotate, sign, retire, withdraw, while requests come in all the time.
#[tokio::test]
async fn a_rotation_refuses_no_good_token_and_lets_no_withdrawn_one_in() {
    let remote = Arc::new(RemoteIssuer::start().await);
    let builder = remote.builder().key_cooldown(Duration::from_millis(20));
    let guard = builder.follow().await.expect("an issuer");
    let (old, next) = (remote.issuer.key.clone(), new_key());
    let signing = Arc::new(Mutex::new(old.clone()));

    let traffic = {
        let (guard, remote, signing) = (guard.clone(), Arc::clone(&remote), Arc::clone(&signing));
        tokio::spawn(async move {
            let mut served = 0_u32;
            loop {
                let key = signing.lock().expect("not poisoned").clone();
                let headers = bearer(&remote.token_by(&key));
                let outcome = guard.check_async(&headers, UnixTime::now()).await;
                assert!(outcome.is_ok(), "{:?}", code(&outcome));
                served += 1;
                if served > 200 && key.key_id() != old.key_id() {
                    return served;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    let old = remote.issuer.key.clone();
    let leaked = bearer(&remote.token());
    tokio::time::sleep(Duration::from_millis(100)).await;

    remote.behaviour().published.push(next.clone());
    *signing.lock().expect("not poisoned") = next.clone();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        guard.check(&leaked, UnixTime::now()).is_ok(),
        "retired, not withdrawn"
    );

    remote.behaviour().feed_key = next.clone();
    remote.behaviour().published = vec![next];
    let kid = old.key_id().expect("a thumbprint").to_owned();
    remote.revoke(Kind::Kid, &kid);
    eventually("the withdrawn key is refused", || {
        guard.check(&leaked, UnixTime::now()).is_err()
    })
    .await;
    assert!(traffic.await.expect("no good token was refused") > 200);
    assert!(guard.check(&leaked, UnixTime::now()).is_err());
}

#[tokio::test]
async fn an_id_that_several_keys_have_spoils_no_other_key() {
    let remote = RemoteIssuer::start().await;
    let key = |id: &str| {
        let key = SigningKey::generate(Algorithm::ES256).expect("a key");
        key.with_key_id(id)
    };
    let (one, other, good, late) = (key("twice"), key("twice"), key("good"), key("late"));
    let publish = |keys: &[&SigningKey]| {
        let keys = keys
            .iter()
            .filter_map(|key| key.verifying_key().to_jwk().to_public_json());
        let keys = keys.collect::<Vec<_>>().join(",");
        remote.behaviour().keys = Answer::Body(format!(r#"{{"keys":[{keys}]}}"#).into_bytes());
    };
    publish(&[&one, &other, &good]);
    let guard = remote.builder().key_cooldown(Duration::ZERO).follow().await;
    let guard = guard.expect("the other keys are good");
    let refused = async |token: String| {
        let outcome = guard.check_async(&bearer(&token), UnixTime::now()).await;
        outcome.err().map(|refusal| refusal.reason_code())
    };
    assert_eq!(refused(remote.token_by(&good)).await, None);
    for ambiguous in [&one, &other] {
        let token = remote.token_by(ambiguous);
        assert_eq!(refused(token).await, Some("unknown_key"));
    }
    // A new one gets in beside them.
    publish(&[&one, &other, &good, &late]);
    assert_eq!(refused(remote.token_by(&late)).await, None);
}

#[tokio::test]
async fn an_issuer_is_found_elsewhere_than_its_name_says() {
    let remote = RemoteIssuer::start().await;
    let found_at = remote.issuer.name.clone();
    let name = "https://id.example/realm";
    let issuer = Issuer {
        name: name.to_owned(),
        key: remote.issuer.key.clone(),
    };
    let guard = || {
        let builder = Guard::builder(name, AUDIENCE).found_at(&found_at);
        builder.revocation_interval(Duration::from_millis(20))
    };
    let wrong = guard().follow().await.expect_err("it says another name");
    assert_eq!(wrong.code(), "other_issuer");
    {
        let mut behaviour = remote.behaviour();
        behaviour.metadata.issuer = name.to_owned();
        behaviour.metadata.jwks_uri = format!("{name}/.well-known/jwks.json");
        let revocations = format!("{name}/revocations");
        behaviour.metadata.countersign_revocations_endpoint = Some(revocations);
        behaviour.bulletin.iss = name.to_owned();
    }
    let guard = guard().follow().await.expect("it is found");
    let token = bearer(&issuer.sign(&issuer.claims(UnixTime::now())));
    let check = || guard.check(&token, UnixTime::now());
    assert_eq!(check().expect("its own").subject(), Some("u-1"));
    remote.revoke(Kind::Sid, "s-1");
    eventually("the session ended", || check().is_err()).await;

    // What is not below its name is where it is said to be.
    remote.behaviour().metadata.jwks_uri = "http://id.example/realm-of-another/keys".to_owned();
    let builder = Guard::builder(name, AUDIENCE).found_at(&found_at);
    let refused = builder.follow().await.expect_err("plain HTTP");
    assert_eq!(refused.code(), "plain_http");
    // The rule about https is for where it is found.
    let builder = Guard::builder(name, AUDIENCE).found_at("http://countersign.internal:7800");
    let refused = builder.follow().await.expect_err("plain HTTP");
    assert_eq!(refused.code(), "plain_http");
}
