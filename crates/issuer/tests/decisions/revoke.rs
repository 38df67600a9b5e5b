use countersign_issuer::revoke::{
    Cursor, LiveSet, Piece, Revocation, RevocationKind, RevocationPolicy,
};
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

fn cursor(epoch: &str, counter: u64) -> Cursor {
    Cursor {
        epoch: epoch.to_owned(),
        counter,
    }
}

/// Ends the session at that time, and lets the set know then.
fn end(set: &mut LiveSet, sid: &str, now: u64) -> bool {
    set.insert(session(sid, now), at(now))
}

/// What is left of the name of each.
fn sids(piece: &Piece) -> Vec<&str> {
    let events = piece.events.iter();
    events.map(|event| event.value.as_str()).collect()
}

#[test]
fn merging_twice_changes_nothing() {
    let mut set = LiveSet::new("epoch");
    assert!(end(&mut set, "a", 0));
    assert!(!end(&mut set, "a", 0));
    assert_eq!(set.cursor().counter, 1);
    assert!(end(&mut set, "a", 1), "a later end is news");
    assert!(!end(&mut set, "a", 0), "an earlier one is not");
    assert_eq!(set.len(), 1);
    assert_eq!(set.all(), [session("a", 1)]);
    assert!(set.contains(RevocationKind::Session, "a"));
    assert!(!set.contains(RevocationKind::Subject, "a"));
}

#[test]
fn only_expiry_removes() {
    let mut set = LiveSet::new("epoch");
    end(&mut set, "a", 0);
    end(&mut set, "b", 10);
    assert_eq!(set.sweep(at(720)), 0, "until the very second");
    assert_eq!(set.sweep(at(721)), 1);
    assert!(!set.contains(RevocationKind::Session, "a"));
    assert_eq!(sids(&set.piece(None, 10, at(721))), ["b"]);
    assert_eq!(set.sweep(at(10_000)), 1);
    assert!(set.is_empty());
    assert_eq!(set.cursor().counter, 2, "the counter never goes back");
}

#[test]
fn a_follower_gets_what_is_new_to_him_or_must_take_the_whole() {
    let mut set = LiveSet::new("epoch");
    end(&mut set, "a", 0);
    let seen = set.cursor();
    let nothing = set.piece(Some(&seen), 10, at(3));
    assert_eq!((nothing.since, nothing.events.len()), (Some(1), 0));
    assert_eq!((nothing.upto, nothing.as_of), (seen.clone(), at(3)));
    end(&mut set, "b", 4);
    end(&mut set, "c", 4);
    let news = set.piece(Some(&seen), 10, at(5));
    assert_eq!((news.since, sids(&news)), (Some(1), vec!["b", "c"]));
    assert_eq!((news.as_of, news.last), (at(5), true));
    for unknown in [cursor("before the restart", 1), cursor("epoch", 4)] {
        let snapshot = set.piece(Some(&unknown), 10, at(5));
        assert_eq!(snapshot.since, None);
        assert_eq!(sids(&snapshot), ["a", "b", "c"]);
    }
}

#[test]
fn a_piece_that_leaves_something_out_is_as_old_as_that() {
    let mut set = LiveSet::new("epoch");
    for (sid, when) in [("a", 10), ("b", 20), ("c", 30), ("d", 40)] {
        end(&mut set, sid, when);
    }
    let first = set.piece(None, 2, at(100));
    assert_eq!((first.since, first.upto.counter), (None, 2));
    assert_eq!(
        first.as_of,
        at(30),
        "the first it leaves out was added then"
    );
    assert!(!first.last);
    let second = set.piece(Some(&first.upto), 2, at(100));
    assert_eq!((second.since, second.upto.counter), (Some(2), 4));
    assert_eq!((second.as_of, second.last), (at(100), true));
    assert_eq!(
        (sids(&first), sids(&second)),
        (vec!["a", "b"], vec!["c", "d"])
    );
}

#[test]
fn what_was_prolonged_is_in_the_piece_in_which_it_was_news_first() {
    let mut set = LiveSet::new("epoch");
    end(&mut set, "a", 10);
    end(&mut set, "b", 20);
    end(&mut set, "a", 30);
    end(&mut set, "c", 40);
    end(&mut set, "a", 50);
    let first = set.piece(None, 2, at(100));
    assert_eq!(
        sids(&first),
        ["a", "b"],
        "it held when the piece says it did"
    );
    assert_eq!(first.as_of, at(40));
    let seen = set.piece(Some(&first.upto), 2, at(100));
    assert_eq!(sids(&seen), ["c", "a"], "and its later end is news");
}

#[test]
fn the_time_never_falls_within_an_epoch() {
    let mut set = LiveSet::new("epoch");
    end(&mut set, "a", 100);
    assert_eq!(set.piece(None, 10, at(200)).as_of, at(200));
    // The clock steps back a little: the time stands still until it has caught up.
    assert!(!set.is_ahead_of(at(195)));
    end(&mut set, "b", 195);
    end(&mut set, "c", 195);
    let piece = set.piece(Some(&cursor("epoch", 1)), 1, at(196));
    assert_eq!((piece.as_of, piece.last), (at(200), false));
    // A longer way: a new epoch, which goes by the clock as it is now.
    assert!(set.is_ahead_of(at(194)));
    let known = set.cursor();
    set.begin_epoch("another", at(50));
    let snapshot = set.piece(Some(&known), 1, at(50));
    assert_eq!((snapshot.since, snapshot.as_of), (None, at(50)));
    assert_eq!(snapshot.upto, cursor("another", 1));
    assert_eq!(set.piece(None, 10, at(60)).as_of, at(60));
}

proptest! {
    /// A follower who merges every piece he is given has what the set has, whatever is prolonged or
    /// removed in between; and the time he is told never falls.
    #[test]
    fn a_follower_never_misses_anything(
        steps in prop::collection::vec((0_u8..12, 0_u64..500, 0_u8..4), 1..150)
    ) {
        let mut set = LiveSet::new("epoch");
        let mut follower = LiveSet::new("follower");
        let (mut known, mut as_of) = (None, at(0));
        for (sid, now, step) in steps {
            end(&mut set, &sid.to_string(), now);
            if step == 0 {
                set.sweep(at(now + 600));
            } else {
                let piece = set.piece(known.as_ref(), usize::from(step), at(now));
                prop_assert!(piece.as_of >= as_of);
                prop_assert!(piece.events.len() <= usize::from(step));
                as_of = piece.as_of;
                for news in piece.events {
                    follower.insert(news, at(now));
                }
                known = Some(piece.upto);
                if piece.last {
                    let held = follower.all();
                    for event in set.all() {
                        prop_assert!(held.iter().any(
                            |it| it.value == event.value && it.until >= event.until
                        ));
                    }
                }
            }
        }
    }
}
