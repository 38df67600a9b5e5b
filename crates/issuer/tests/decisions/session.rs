use countersign_issuer::{EndReason, Handle, NewSession, Refused, SessionPolicies, SessionPolicy};

use crate::cast::{GRANT, at, secs, session};

const DAY: u64 = 86_400;

#[test]
fn a_session_opens_with_its_first_generation_and_both_ends() {
    let session = session();
    assert_eq!(session.user_id, "id-of-ada");
    assert_eq!(session.generation, 0);
    assert_eq!(session.auth_time, at(0));
    assert_eq!(session.idle_expires_at, at(30 * DAY));
    assert_eq!(session.expires_at, at(90 * DAY));
    assert_eq!(session.refresh_expires_in(at(DAY)), secs(29 * DAY));
    assert_eq!(session.live(at(30 * DAY - 1)), Ok(()));
    assert_eq!(session.live(at(30 * DAY)), Err(Refused::SessionExpired));
    assert!(
        !format!("{session:?}").contains("3, 3"),
        "the handle does not print"
    );
}

#[test]
fn a_client_may_have_a_policy_of_its_own() {
    let new = NewSession {
        handle: Handle::new([0; 16]),
        sid: "short".to_owned(),
        client_id: "kiosk".to_owned(),
        scope: String::new(),
        audience: Vec::new(),
        mac_key_id: 1,
    };
    let kiosk = SessionPolicy {
        idle: secs(7_200),
        absolute: secs(3_600),
        ..SessionPolicy::default()
    };
    let session = GRANT.open_session(new, &kiosk, at(10));
    assert_eq!(
        session.idle_expires_at,
        at(3_610),
        "idleness never outlasts the absolute end"
    );
    assert_eq!(session.live(at(3_610)), Err(Refused::SessionExpired));
}

#[test]
fn policies_are_kept_by_client_and_checked() {
    let kiosk = SessionPolicy {
        idle: secs(600),
        absolute: secs(3_600),
        grace: secs(0),
    };
    let archive = SessionPolicy {
        absolute: secs(365 * DAY),
        ..SessionPolicy::default()
    };
    let policies = SessionPolicies::new(SessionPolicy::default())
        .and_then(|policies| policies.client("kiosk", kiosk))
        .and_then(|policies| policies.client("archive", archive))
        .unwrap();
    assert_eq!(policies.of("kiosk"), &kiosk);
    assert_eq!(policies.of("anything else"), &SessionPolicy::default());
    assert_eq!(policies.longest(), secs(365 * DAY));
    for wrong in [
        SessionPolicy {
            idle: secs(0),
            ..kiosk
        },
        SessionPolicy {
            absolute: secs(0),
            ..kiosk
        },
        SessionPolicy {
            idle: secs(3_601),
            ..kiosk
        },
        SessionPolicy {
            grace: secs(301),
            ..kiosk
        },
    ] {
        let error = SessionPolicies::new(wrong).unwrap_err();
        assert_eq!(error.code(), "session_policy");
    }
}

#[test]
fn ended_comes_before_expired_and_keeps_its_reason() {
    let mut session = session();
    assert!(session.end(EndReason::SignedOut, at(1)));
    assert_eq!(session.live(at(100 * DAY)), Err(Refused::SessionEnded));
    assert!(!session.end(EndReason::UserDeleted, at(2)));
    assert_eq!(session.ended_at, Some(at(1)));
    assert_eq!(session.end_reason, Some(EndReason::SignedOut));
}

#[test]
fn stored_words_read_back() {
    for reason in [
        EndReason::SignedOut,
        EndReason::RefreshReused,
        EndReason::Restored,
    ] {
        assert_eq!(EndReason::from_stored(reason.as_str()), Some(reason));
    }
    assert_eq!(EndReason::from_stored("of a newer version"), None);
}
