//! The database as a whole: kept, shared, guarded against the past; and its log.

use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason};
use countersign_server::store::{Opened, StoreError, Which};

use crate::cast::{HOUR, audit, ending, now, seconds_ago, session};
use crate::fixture::Fixture;

pub(crate) async fn everything_is_there_after_the_database_is_opened_again(f: Fixture) {
    let (user, session) = f.signed_in().await;
    let Fixture { database, store } = f;
    store.close().await;
    drop(store);
    let store = database.open().await.expect("the same database");
    assert_eq!(store.user(&user.id).await.expect("works"), Some(user));
    assert_eq!(
        store.session(session.handle).await.expect("works"),
        Some(session)
    );
}

pub(crate) async fn what_another_process_publishes_is_noticed(f: Fixture) {
    let (ada, mine) = f.signed_in().await;
    let theirs = session(&ada, 2);
    assert_eq!(f.open(&ada, &theirs).await, Opened::Opened);
    let before = f.store.foreign_writes().await.expect("works");
    let end = |handle| (Which::Handle(handle), ending(EndReason::SignedOut));
    let (which, why) = end(mine.handle);
    assert_eq!(
        f.store.end_sessions(which, why).await.expect("works").len(),
        1
    );
    let after = f.store.foreign_writes().await.expect("works");
    assert_eq!(after, before, "our own writes are not");
    let other = f.another().await;
    let (which, why) = end(theirs.handle);
    assert_eq!(
        other.end_sessions(which, why).await.expect("works").len(),
        1
    );
    assert_ne!(f.store.foreign_writes().await.expect("works"), before);
    let revoked = f.store.revocations(now()).await.expect("works");
    assert!(
        revoked
            .iter()
            .any(|revocation| revocation.value == theirs.sid)
    );
}

pub(crate) async fn a_database_of_a_newer_program_is_refused(f: Fixture) {
    let Fixture { database, store } = f;
    store.close().await;
    drop(store);
    database.claim_schema(999).await;
    let Err(refused) = database.open().await else {
        panic!("a newer schema is refused")
    };
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 999, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("schema 999"));
}

pub(crate) async fn the_audit_log_is_read_in_pages_and_from_its_end(f: Fixture) {
    assert_eq!(f.store.audit_tail(3).await.expect("works"), 0);
    let full = AuditEvent {
        user_id: Some("id".into()),
        username: Some("ada".into()),
        sid: Some("sid".into()),
        actor: Some("bob".into()),
        network: Some("192.0.2.0/24".into()),
        detail: Some("why".into()),
        ..audit(AuditKind::SessionEnded)
    };
    f.store.audit(full.clone()).await.expect("written down");
    for _ in 0..4 {
        f.store
            .audit(audit(AuditKind::SignedIn))
            .await
            .expect("written down");
    }
    let first = f.store.audit_log(0, 2).await.expect("works");
    assert_eq!((first.len(), &first[0].1), (2, &full));
    let rest = f.store.audit_log(first[1].0, 10).await.expect("works");
    assert_eq!(rest.len(), 3);
    assert!(rest[0].0 > first[1].0);
    let tail = f.store.audit_tail(2).await.expect("works");
    assert_eq!(f.store.audit_log(tail, 10).await.expect("works"), rest[1..]);
    assert_eq!(f.store.audit_log(rest[2].0, 10).await.expect("works"), []);
    assert_eq!(f.store.audit_tail(9).await.expect("works"), 0);
}

pub(crate) async fn old_audit_lines_are_swept(f: Fixture) {
    for at in [seconds_ago(100), seconds_ago(100), now()] {
        f.store
            .audit(AuditEvent {
                at,
                ..audit(AuditKind::SignedIn)
            })
            .await
            .expect("written");
    }
    assert!(
        !f.store
            .sweep(now(), HOUR, UnixTime::EPOCH, 10)
            .await
            .expect("works")
    );
    assert_eq!(f.store.audit_log(0, 10).await.expect("works").len(), 3);
    assert!(
        f.store
            .sweep(now(), HOUR, seconds_ago(50), 1)
            .await
            .expect("works"),
        "there is more"
    );
    while f
        .store
        .sweep(now(), HOUR, seconds_ago(50), 1)
        .await
        .expect("works")
    {}
    // Numbers are missing before the last line now; a reader does not wait for them for long.
    let tail = f.store.audit_tail(1).await.expect("works");
    let lines = f.store.audit_log(tail, 10).await.expect("works");
    assert!(lines.len() <= 1, "{lines:?}");
}
