//! A remembered verdict is worth no more than a fresh one.

use countersign::KeySet;
use countersign_guard::{Guard, KeyHandle};
use serde_json::json;

use crate::issuer::{AUDIENCE, Issuer, NAME, NOW, bearer, seconds, tampered};

#[test]
fn a_verdict_does_not_outlive_the_token() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let headers = bearer(&issuer.token());
    let code = |now| {
        guard
            .check(&headers, now)
            .err()
            .map(|refusal| refusal.reason_code())
    };
    assert_eq!(code(NOW), None);
    assert_eq!(code(NOW.saturating_add(seconds(629))), None);
    assert_eq!(code(NOW.saturating_add(seconds(630))), Some("expired"));
    assert_eq!(
        code(NOW),
        None,
        "a clock that steps back is taken at its word"
    );
}

#[test]
fn a_verdict_holds_only_while_the_time_is_right() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let headers = bearer(&issuer.token_with("nbf", json!(NOW.as_secs())));
    assert!(guard.check(&headers, NOW).is_ok());
    let refusal = guard
        .check(
            &headers,
            countersign::UnixTime::from_secs(NOW.as_secs() - 31),
        )
        .expect_err("the clock stepped back");
    assert_eq!(refusal.reason_code(), "not_yet_valid");
}

#[test]
fn a_verdict_does_not_outlive_its_key() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let keys = KeyHandle::fixed(old.key_set());
    let guard = Guard::builder(NAME, AUDIENCE)
        .keys(keys.clone())
        .build()
        .expect("a guard");
    let headers = bearer(&old.token());
    let code = || {
        guard
            .check(&headers, NOW)
            .err()
            .map(|refusal| refusal.reason_code())
    };
    assert_eq!(code(), None);

    let both = KeySet::new([new.key.verifying_key(), old.key.verifying_key()]).expect("two keys");
    keys.replace(both);
    assert_eq!(code(), None, "the very key is still there");
    assert_eq!(guard.counts().cache_hits, 1);

    keys.replace(new.key_set());
    assert_eq!(code(), Some("unknown_key"));
    assert!(guard.check(&bearer(&new.token()), NOW).is_ok());
}

#[test]
fn another_key_under_the_same_name_is_another_key() {
    let (mine, theirs) = (Issuer::new(), Issuer::new());
    let named = |issuer: &Issuer| issuer.key.clone().with_key_id("k");
    let set = |issuer: &Issuer| KeySet::new([named(issuer).verifying_key()]).expect("one key");
    let keys = KeyHandle::fixed(set(&mine));
    let guard = Guard::builder(NAME, AUDIENCE)
        .keys(keys.clone())
        .build()
        .expect("a guard");
    let signer = Issuer {
        name: NAME.to_owned(),
        key: named(&mine),
    };
    let headers = bearer(&signer.token());
    assert!(guard.check(&headers, NOW).is_ok());
    keys.replace(set(&theirs));
    let refusal = guard
        .check(&headers, NOW)
        .expect_err("signed with the withdrawn key");
    assert_eq!(refusal.reason_code(), "bad_signature");
}

#[test]
fn a_changed_token_is_not_the_cached_one() {
    let issuer = Issuer::new();
    let guard = issuer.guard();
    let token = issuer.token();
    assert!(guard.check(&bearer(&token), NOW).is_ok());
    assert!(guard.check(&bearer(&tampered(&token)), NOW).is_err());
    assert!(
        guard
            .check(&bearer(&token[..token.len() - 1]), NOW)
            .is_err()
    );
    assert!(guard.check(&bearer(&token), NOW).is_ok());
}

#[test]
fn two_guards_do_not_share_verdicts() {
    let issuer = Issuer::new();
    let orders = issuer.guard();
    let billing = Guard::builder(NAME, "billing")
        .key(issuer.key.verifying_key())
        .build()
        .expect("a guard");
    let headers = bearer(&issuer.token());
    assert!(orders.check(&headers, NOW).is_ok());
    let refusal = billing
        .check(&headers, NOW)
        .expect_err("made for another audience");
    assert_eq!(refusal.reason_code(), "wrong_audience");
}

#[test]
fn without_a_cache_everything_is_as_it_is_with_one() {
    let issuer = Issuer::new();
    for off in [None, Some(0)] {
        let guard = issuer.builder().cache(off).build().expect("a guard");
        for _ in 0..2 {
            assert!(guard.check(&bearer(&issuer.token()), NOW).is_ok());
            assert!(
                guard
                    .check(&bearer(&tampered(&issuer.token())), NOW)
                    .is_err()
            );
        }
        let counts = guard.counts();
        assert_eq!((counts.cache_hits, counts.cache_misses), (0, 0));
    }
}

#[test]
fn more_callers_than_places_are_all_served() {
    let issuer = Issuer::new();
    let guard = issuer.builder().cache(Some(4)).build().expect("a guard");
    let tokens: Vec<_> = (0..12)
        .map(|n| bearer(&issuer.token_with("jti", json!(n.to_string()))))
        .collect();
    for headers in tokens.iter().chain(&tokens) {
        assert!(guard.check(headers, NOW).is_ok());
    }
}
