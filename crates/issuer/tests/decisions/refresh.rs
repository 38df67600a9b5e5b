use countersign_issuer::{
    Asked, EndReason, OauthError, Refused, Rotation, Session, SessionPolicy, Theft, UserGrant,
    Verdict, record::AuditKind,
};
use proptest::prelude::*;

use crate::cast::{ADA, ASKED, CLIENT, at, mac_keys, secs, session};

/// The row after an exchange of its current token at `now`.
fn exchanged(row: &Session, now: u64) -> Session {
    let keys = mac_keys(1);
    let token = keys.refresh_token(row).unwrap();
    rotation(&keys.open(token.expose()).unwrap().judge(
        row,
        ASKED,
        &SessionPolicy::default(),
        at(now),
    ))
    .apply(row)
    .unwrap()
}

fn rotation(verdict: &Verdict) -> &Rotation {
    match verdict {
        Verdict::Rotate(rotation) => rotation,
        other => panic!("{other:?}"),
    }
}

/// What becomes of the token of the row `before` when it is presented to the row `row`.
fn judge(before: &Session, row: &Session, asked: Asked<'_>, now: u64) -> Verdict {
    let keys = mac_keys(3);
    let token = keys.refresh_token(before).unwrap();
    let presented = keys.open(token.expose()).unwrap();
    presented.judge(row, asked, &SessionPolicy::default(), at(now))
}

fn refused(verdict: &Verdict) -> Refused {
    match verdict {
        Verdict::Refused(refused) => refused.clone(),
        other => panic!("{other:?}"),
    }
}

fn theft(verdict: &Verdict) -> Theft {
    match verdict {
        Verdict::End(theft) => *theft,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_has_the_form_that_is_documented() {
    let token = mac_keys(1).refresh_token(&session()).unwrap();
    let encoded = token.expose().strip_prefix("csr_").unwrap();
    let bytes = countersign::base64url::decode(encoded).unwrap();
    assert_eq!(bytes.len(), 1 + 4 + 16 + 4 + 32);
    assert_eq!(bytes[0], 1, "version");
    assert_eq!(bytes[1..5], [0, 0, 0, 1], "MAC-key id");
    assert_eq!(bytes[5..21], [3; 16], "handle");
    assert_eq!(bytes[21..25], [0; 4], "generation");
    assert_eq!(format!("{token:?}"), "RefreshToken(SecretString(redacted))");
}

#[test]
fn the_current_token_is_exchanged() {
    let row = session();
    let verdict = judge(&row, &row, ASKED, 1_000);
    let rotation = rotation(&verdict);
    assert_eq!((rotation.from_generation, rotation.generation), (0, 1));
    assert_eq!(rotation.mac_key_id, 3, "the newest MAC key makes the next");
    let after = rotation.apply(&row).unwrap();
    assert_eq!(after.last_used_at, at(1_000));
    assert_eq!(after.idle_expires_at, at(1_000 + 30 * 86_400));
    assert_eq!(after.expires_at, row.expires_at);
    assert!(
        rotation.apply(&after).is_none(),
        "the swap is done once only"
    );
    let mut ended = row.clone();
    ended.end(EndReason::SignedOut, at(999));
    assert!(
        rotation.apply(&ended).is_none(),
        "a session ended meanwhile stays so"
    );
}

#[test]
fn the_winner_redeems_the_row_it_committed() {
    let row = session();
    let after = exchanged(&row, 10);
    let keys = mac_keys(1);
    let presented = keys
        .open(keys.refresh_token(&row).unwrap().expose())
        .unwrap();
    let redeemed = presented.rotated(after.clone(), ASKED, at(10)).unwrap();
    let grant = UserGrant::from_refresh(&redeemed, ADA.clone()).unwrap();
    assert_eq!(grant.username(), "ada");
    assert_eq!(
        grant.auth_time(),
        at(0),
        "a refresh is no new authentication"
    );
    let twice = exchanged(&after, 11);
    assert_eq!(
        presented.rotated(twice.clone(), ASKED, at(11)).unwrap_err(),
        Refused::UnknownSession,
        "somebody else's swap is not one's own"
    );
}

#[test]
fn a_lost_answer_is_given_again_and_nothing_changes() {
    let row = session();
    let after = exchanged(&row, 10);
    let Verdict::Grace(redeemed) = judge(&row, &after, ASKED, 40) else {
        panic!("inside the grace");
    };
    assert_eq!(redeemed.session(), &after);
    let keys = mac_keys(1);
    assert_eq!(
        keys.refresh_token(redeemed.session()).unwrap().expose(),
        keys.refresh_token(&after).unwrap().expose(),
        "the same successor"
    );
}

#[test]
fn a_racer_several_generations_late_gets_the_current_token() {
    let first = session();
    let row = (1..=20).fold(first.clone(), |row, now| exchanged(&row, now));
    assert_eq!(row.generation, 20);
    assert!(matches!(
        judge(&first, &row, ASKED, 31),
        Verdict::Grace(redeemed) if redeemed.session().generation == 20
    ));
}

#[test]
fn a_change_of_mac_key_inside_the_grace_changes_nothing_for_the_late() {
    let row = session();
    let old_keys = mac_keys(1);
    let token = old_keys.refresh_token(&row).unwrap();
    // The server takes a second key into use, and the winner's successor is made with it.
    let keys = mac_keys(2);
    let presented = keys.open(token.expose()).unwrap();
    let policy = SessionPolicy::default();
    let after = rotation(&presented.judge(&row, ASKED, &policy, at(1)))
        .apply(&row)
        .unwrap();
    assert_eq!(after.mac_key_id, 2);
    let successor = keys.refresh_token(&after).unwrap();
    // A third comes, and the loser of the race asks again: the successor stays the one of key 2.
    let keys = mac_keys(3);
    let presented = keys.open(token.expose()).unwrap();
    let Verdict::Grace(redeemed) = presented.judge(&after, ASKED, &policy, at(20)) else {
        panic!("inside the grace");
    };
    let again = keys.refresh_token(redeemed.session()).unwrap();
    assert_eq!(again.expose(), successor.expose());
    assert_eq!(
        old_keys.refresh_token(&after).unwrap_err().code(),
        "unknown_mac_key",
        "a process that has not heard of key 2 says so"
    );
}

#[test]
fn a_token_replaced_before_the_grace_ends_the_session() {
    let first = session();
    let row = exchanged(&first, 10);
    let reused = theft(&judge(&first, &row, ASKED, 41));
    assert_eq!(
        reused,
        Theft::Reused {
            generations_behind: 1
        }
    );
    assert_eq!(reused.class(), "predecessor");
    assert_eq!(reused.end_reason(), EndReason::RefreshReused);
    assert_eq!(reused.audit_kind(), AuditKind::RefreshReused);
    assert_eq!(reused.refused(), Refused::RefreshReused);
    let row = exchanged(&row, 50);
    assert_eq!(theft(&judge(&first, &row, ASKED, 60)).class(), "ancestor");
}

#[test]
fn a_token_ahead_of_the_row_ends_the_session() {
    let row = session();
    let after = exchanged(&row, 10);
    let rolled_back = theft(&judge(&after, &row, ASKED, 11));
    assert_eq!(rolled_back, Theft::RollbackOrForgery);
    assert_eq!(
        rolled_back.refused().oauth_error(),
        OauthError::InvalidGrant
    );
}

#[test]
fn the_current_generation_under_another_mac_key_ends_the_session() {
    let row = session();
    let forged = Session {
        mac_key_id: 2,
        ..row.clone()
    };
    assert_eq!(
        theft(&judge(&forged, &row, ASKED, 1)),
        Theft::RollbackOrForgery
    );
}

#[test]
fn ended_and_expired_sessions_are_refused_whatever_the_token() {
    let first = session();
    let mut row = exchanged(&exchanged(&first, 10), 20);
    let idle = judge(&row, &row, ASKED, 20 + 30 * 86_400);
    assert_eq!(refused(&idle), Refused::SessionExpired);
    let stolen = judge(&first, &row, ASKED, 20 + 30 * 86_400);
    assert_eq!(refused(&stolen), Refused::SessionExpired);

    assert!(row.end(EndReason::SignedOut, at(30)));
    assert!(!row.end(EndReason::EndedByAdmin, at(31)), "it ends once");
    assert_eq!(row.end_reason, Some(EndReason::SignedOut));
    for token in [&first, &row] {
        assert_eq!(
            refused(&judge(token, &row, ASKED, 31)),
            Refused::SessionEnded
        );
    }
}

#[test]
fn no_refresh_moves_the_absolute_end() {
    let day = 86_400;
    let mut row = session();
    for now in (20..90).step_by(20).map(|days| days * day) {
        row = exchanged(&row, now);
    }
    assert_eq!(row.idle_expires_at, at(90 * day));
    assert_eq!(row.refresh_expires_in(at(80 * day)), secs(10 * day));
    assert_eq!(
        refused(&judge(&row, &row, ASKED, 90 * day)),
        Refused::SessionExpired
    );
}

#[test]
fn another_client_is_refused_in_every_case_and_nothing_ends() {
    let asked = Asked {
        client_id: "somebody-else",
        scope: None,
    };
    let first = session();
    let row = exchanged(&first, 10);
    let ahead = exchanged(&row, 20);
    for (token, now) in [(&row, 20), (&first, 20), (&first, 1_000), (&ahead, 20)] {
        assert_eq!(
            refused(&judge(token, &row, asked, now)),
            Refused::WrongClient
        );
    }
}

#[test]
fn scope_may_be_narrowed_and_never_widened() {
    let first = session();
    let row = exchanged(&first, 10);
    let asked = |scope| Asked {
        client_id: CLIENT,
        scope: Some(scope),
    };
    for wider in ["admin", "read write admin", "READ", "rea"] {
        for token in [&first, &row] {
            let verdict = judge(token, &row, asked(wider), 20);
            assert_eq!(refused(&verdict), Refused::WrongScope, "{wider}");
        }
    }
    for narrower in ["read", "write read", "read write", "read  write", "", " "] {
        assert!(matches!(
            judge(&row, &row, asked(narrower), 20),
            Verdict::Rotate(_)
        ));
    }
}

#[test]
fn a_token_says_nothing_about_another_row() {
    let row = session();
    let other = Session {
        handle: countersign_issuer::Handle::new([4; 16]),
        ..row.clone()
    };
    assert_eq!(
        refused(&judge(&row, &other, ASKED, 1)),
        Refused::UnknownSession
    );
}

#[test]
fn the_last_generation_has_no_successor() {
    let row = Session {
        generation: u32::MAX,
        ..session()
    };
    assert_eq!(
        refused(&judge(&row, &row, ASKED, 1)),
        Refused::SessionExpired
    );
}

#[test]
fn a_disabled_user_refreshes_nothing() {
    let row = session();
    let Verdict::Grace(redeemed) = judge(&row, &exchanged(&row, 1), ASKED, 2) else {
        panic!("inside the grace");
    };
    let mut user = ADA.clone();
    user.disabled = true;
    let disabled = UserGrant::from_refresh(&redeemed, user.clone()).unwrap_err();
    assert_eq!(disabled, Refused::SessionEnded);
    user.disabled = false;
    user.id = "somebody else".to_owned();
    assert!(UserGrant::from_refresh(&redeemed, user.clone()).is_err());
}

#[test]
fn tokens_of_other_servers_and_altered_ones_are_refused() {
    let keys = mac_keys(1);
    let token = keys.refresh_token(&session()).unwrap();
    let text = token.expose();
    assert!(keys.open(text).is_ok());
    let refused = |text: &str| keys.open(text).unwrap_err() == Refused::UnknownRefreshToken;
    for place in 0..text.len() {
        let mut altered = text.to_owned().into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        assert!(refused(core::str::from_utf8(&altered).unwrap()), "{place}");
    }
    for altered in [
        String::new(),
        "csr_".to_owned(),
        text[4..].to_owned(),
        format!("{text}="),
        format!("{text}A"),
        format!(" {text}"),
        text.to_uppercase(),
        text[..text.len() - 1].to_owned(),
    ] {
        assert!(refused(&altered), "{altered}");
    }
    let master = crate::cast::master();
    let others = countersign_issuer::record::MacKeyRecord::generate(1, &master, at(0)).unwrap();
    let others = countersign_issuer::MacKeys::open_all(&[others], &master).unwrap();
    assert!(others.open(text).is_err());
}

proptest! {
    #[test]
    fn no_text_is_taken_for_a_token_and_none_stops_the_reader(text in ".*") {
        prop_assert!(mac_keys(3).open(&text).is_err());
        let text = format!("csr_{text}");
        prop_assert!(mac_keys(3).open(&text).is_err());
    }

    #[test]
    fn no_body_is_taken_for_a_token(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let text = format!("csr_{}", countersign::base64url::encode(&bytes));
        prop_assert!(mac_keys(3).open(&text).is_err());
    }

    #[test]
    fn a_token_carries_its_row(generation: u32, handle: [u8; 16], mac_key_id in 1_u32..=3) {
        let row = Session {
            generation,
            mac_key_id,
            handle: countersign_issuer::Handle::new(handle),
            ..session()
        };
        let keys = mac_keys(3);
        let presented = keys.open(keys.refresh_token(&row).unwrap().expose()).unwrap();
        prop_assert_eq!(presented.generation(), generation);
        prop_assert_eq!(presented.handle(), row.handle);
        prop_assert_eq!(presented.mac_key_id(), mac_key_id);
        prop_assert_eq!(presented.next_mac_key_id(), 3);
    }
}
