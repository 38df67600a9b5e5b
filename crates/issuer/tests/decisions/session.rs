use countersign_issuer::{EndReason, Handle, NewSession, Refused, SessionPolicy};

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
fn idleness_never_outlasts_the_absolute_end() {
    let new = NewSession {
        handle: Handle::new([0; 16]),
        sid: "short".to_owned(),
        client_id: "kiosk".to_owned(),
        scope: None,
        audience: Vec::new(),
        mac_key_id: 1,
    };
    let kiosk = SessionPolicy {
        idle: secs(7_200),
        absolute: secs(3_600),
        ..SessionPolicy::default()
    };
    let session = GRANT.open_session(new, &kiosk, at(10)).unwrap();
    assert_eq!(
        session.idle_expires_at,
        at(3_610),
        "idleness never outlasts the absolute end"
    );
    assert_eq!(session.live(at(3_610)), Err(Refused::SessionExpired));
}

#[test]
fn a_policy_that_cannot_be_is_refused() {
    let kiosk = SessionPolicy {
        idle: secs(600),
        absolute: secs(3_600),
        grace: secs(0),
    };
    assert_eq!(kiosk.checked().unwrap(), kiosk);
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
        let error = wrong.checked().unwrap_err();
        assert_eq!(error.code(), "session_policy");
    }
}

#[test]
fn nobody_is_granted_more_scope_than_they_may_have() {
    let asking = |scope: Option<&str>| {
        let new = NewSession {
            handle: Handle::new([0; 16]),
            sid: "sid".to_owned(),
            client_id: "first-party".to_owned(),
            scope: scope.map(str::to_owned),
            audience: Vec::new(),
            mac_key_id: 1,
        };
        let opened = GRANT.open_session(new, &SessionPolicy::default(), at(0));
        opened.map(|session| session.scope)
    };
    assert_eq!(asking(None).as_deref(), Ok("read write"));
    assert_eq!(asking(Some("write")).as_deref(), Ok("write"));
    assert_eq!(asking(Some("write admin")), Err(Refused::InvalidScope));
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
