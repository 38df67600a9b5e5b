use countersign_issuer::revoke::{Cursor, LiveSet, Revocation, RevocationKind, RevocationPolicy};
use proptest::prelude::*;

use crate::cast::{at, secs};

fn session(sid: &str, now: u64) -> Revocation {
    Revocation::session(sid, &RevocationPolicy::default(), at(now))
}

#[test]
fn an_event_outlives_the_last_token_it_concerns() {
    let policy = RevocationPolicy::default();
    let known = 600 + 60 + 60;
    assert_eq!(session("a", 0).until, at(known));
    assert_eq!(Revocation::subject("u", &policy, at(0)).until, at(known));
    assert_eq!(
        Revocation::token("j", at(100), &policy, at(7)).until,
        at(100 + 120)
    );
    assert_eq!(Revocation::key("k", &policy, at(0)).until, at(48 * 3_600));
    let longer = RevocationPolicy {
        longest_life: secs(3_600),
        ..policy
    };
    assert_eq!(longer.last_token_gone(at(0)), at(3_600 + 120));
}

#[test]
fn kinds_are_named_after_what_they_look_at() {
    use RevocationKind::{Key, Session, Subject, Token};
    for (kind, name) in [
        (Session, "sid"),
        (Subject, "sub"),
        (Token, "jti"),
        (Key, "kid"),
    ] {
        assert_eq!(kind.as_str(), name);
        assert_eq!(RevocationKind::from_stored(name), Some(kind));
    }
    assert_eq!(RevocationKind::from_stored("exp"), None);
}

#[test]
fn merging_twice_changes_nothing() {
    let mut set = LiveSet::new("epoch");
    assert!(set.insert(session("a", 0)));
    assert!(!set.insert(session("a", 0)));
    assert_eq!(set.cursor().counter, 1);
    assert!(set.insert(session("a", 1)), "a later end is news");
    assert!(!set.insert(session("a", 0)), "an earlier one is not");
    assert_eq!(set.len(), 1);
    assert_eq!(set.all(), [session("a", 1)]);
    assert!(set.contains(RevocationKind::Session, "a"));
    assert!(!set.contains(RevocationKind::Subject, "a"));
}

#[test]
fn only_expiry_removes() {
    let mut set = LiveSet::new("epoch");
    set.insert(session("a", 0));
    set.insert(session("b", 10));
    assert_eq!(set.sweep(at(720)), 0, "until the very second");
    assert_eq!(set.sweep(at(721)), 1);
    assert!(!set.contains(RevocationKind::Session, "a"));
    assert_eq!(set.sweep(at(10_000)), 1);
    assert!(set.is_empty());
    assert_eq!(set.cursor().counter, 2, "the counter never goes back");
}

#[test]
fn a_follower_gets_what_is_new_to_him_or_must_take_the_whole() {
    let mut set = LiveSet::new("epoch");
    set.insert(session("a", 0));
    let seen = set.cursor();
    assert_eq!(set.since(&seen), Some(vec![]));
    set.insert(session("b", 0));
    set.insert(session("c", 0));
    assert_eq!(
        set.since(&seen),
        Some(vec![session("b", 0), session("c", 0)])
    );
    let other_life = Cursor {
        epoch: "before the restart".to_owned(),
        counter: 1,
    };
    assert_eq!(set.since(&other_life), None);
    let ahead = Cursor {
        epoch: "epoch".to_owned(),
        counter: 4,
    };
    assert_eq!(set.since(&ahead), None);
}

proptest! {
    /// A follower who merges every piece he is given has what the set has.
    #[test]
    fn a_follower_never_misses_anything(
        steps in prop::collection::vec((0_u8..12, 0_u64..500, prop::bool::ANY), 1..150)
    ) {
        let mut set = LiveSet::new("epoch");
        let mut follower = LiveSet::new("follower");
        let mut cursor = set.cursor();
        for (sid, now, follow) in steps {
            set.insert(session(&sid.to_string(), now));
            if follow {
                for news in set.since(&cursor).unwrap() {
                    follower.insert(news);
                }
                cursor = set.cursor();
                prop_assert_eq!(follower.all(), set.all());
            }
        }
    }
}
