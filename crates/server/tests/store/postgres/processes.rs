//! Several processes on one database: starting, changing keys, following each other, one log.

use std::sync::Arc;
use std::time::Duration;

use countersign::Algorithm;
use countersign_issuer::record::{
    AuditKind, EndReason, KeyState, MacKeyRecord, Sealed, SigningKeyRecord,
};
use countersign_server::store::postgres::PostgresStore;
use countersign_server::store::{AuditLog, KeyRowChange, Store, Users, Which};
use tokio::task::JoinSet;

use super::fixture;
use crate::cast::{audit, ending, now, session};
use crate::cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_at_once_make_one_schema() {
    let Some(cluster) = cluster::shared() else {
        return;
    };
    for _ in 0..3 {
        let url = cluster.new_database().await;
        let mut starting = JoinSet::new();
        for _ in 0..6 {
            let url = url.clone();
            starting.spawn(async move { PostgresStore::connect(&url).await });
        }
        for store in starting.join_all().await {
            let store = store.expect("each of them starts");
            assert_eq!(store.audit_log(0, 1).await.expect("works"), []);
        }
    }
}

/// An application's own tables may lie in the same database.
#[tokio::test]
async fn a_table_of_users_that_is_not_ours_is_left_alone() {
    let Some(cluster) = cluster::shared() else {
        return;
    };
    let url = cluster.new_database().await;
    let theirs = cluster::connect(&url).await;
    let sql = "CREATE TABLE public.users (id INT); INSERT INTO public.users VALUES (7)";
    theirs.batch_execute(sql).await.expect("a table");
    let store = PostgresStore::connect(&url)
        .await
        .expect("a schema of our own");
    assert_eq!(store.users(None, 10).await.expect("works"), []);
    let row = theirs
        .query_one("SELECT id FROM public.users", &[])
        .await
        .expect("still theirs");
    assert_eq!(row.get::<_, i32>(0), 7);
}

/// An administrator may give the server a role that can make nothing outside its own schema.
#[tokio::test]
async fn a_role_that_may_not_make_a_schema_uses_the_one_made_for_it() {
    let Some(cluster) = cluster::shared() else {
        return;
    };
    let url = cluster.new_database().await;
    let admin = cluster::connect(&url).await;
    admin
        .batch_execute("CREATE ROLE modest LOGIN")
        .await
        .expect("a role");
    let modest = url.replace("countersign@", "modest@");
    let refused = PostgresStore::connect(&modest)
        .await
        .expect_err("it may not make one");
    assert!(
        refused.to_string().contains("permission denied"),
        "{refused}"
    );
    let schema = "CREATE SCHEMA countersign AUTHORIZATION modest";
    admin.batch_execute(schema).await.expect("a schema for it");
    let store = PostgresStore::connect(&modest).await.expect("a store");
    assert_eq!(store.users(None, 10).await.expect("works"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_processes_that_plan_the_same_step_one_takes_it() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    let mut planning = JoinSet::new();
    for process in 0..6_u32 {
        let store = f.another().await;
        planning.spawn(async move {
            let record = SigningKeyRecord {
                kid: format!("key of {process}"),
                algorithm: Algorithm::ES256,
                sealed: Some(Sealed::from_stored(*b"sealed")),
                state: KeyState::Pending,
                created_at: now(),
                signing_at: None,
                retiring_at: None,
                gone_at: None,
            };
            let mac = MacKeyRecord {
                id: 1,
                sealed: Sealed::from_stored(*b"sealed"),
                created_at: now(),
                retired_at: None,
            };
            let created = audit(AuditKind::KeyCreated);
            let changes = vec![
                KeyRowChange::Signing {
                    record,
                    from: None,
                    revocation: None,
                    audit: created,
                },
                KeyRowChange::MacCreated {
                    record: mac,
                    audit: audit(AuditKind::MacKeyCreated),
                },
            ];
            store.change_keys(changes).await.expect("works")
        });
    }
    let taken = planning
        .join_all()
        .await
        .into_iter()
        .filter(|taken| *taken)
        .count();
    assert_eq!(taken, 1);
    let (signing, macs) = f.store.keys().await.expect("works");
    assert_eq!((signing.len(), macs.len()), (1, 1));
    assert_eq!(f.store.audit_log(0, 10).await.expect("works").len(), 2);
}

#[tokio::test]
async fn a_change_of_the_keys_is_noticed() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    let other = f.another().await;
    let before = f.store.foreign_writes().await.expect("works");
    let record = MacKeyRecord {
        id: 1,
        sealed: Sealed::from_stored(*b"sealed"),
        created_at: now(),
        retired_at: None,
    };
    let change = KeyRowChange::MacCreated {
        record,
        audit: audit(AuditKind::MacKeyCreated),
    };
    assert!(other.change_keys(vec![change]).await.expect("works"));
    let after = f.store.foreign_writes().await.expect("works");
    assert_ne!(after, before);
    assert_eq!(
        f.store.foreign_writes().await.expect("works"),
        after,
        "and then it is known"
    );
}

/// Two who publish at once: each is noticed although the one with the earlier stamp commits last.
#[tokio::test]
async fn a_revocation_that_is_committed_late_is_noticed() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    let (ada, first) = f.signed_in().await;
    let late = cluster::connect(&url).await;
    late.batch_execute(
        "BEGIN; INSERT INTO countersign.revocations (kind, value, until, published_at, writer)
         VALUES ('sid', 'late', 99999999999,
                 (extract(epoch from clock_timestamp()) * 1000000)::BIGINT, 1)",
    )
    .await
    .expect("not committed yet");
    let other = f.another().await;
    assert_eq!(
        f.open(&ada, &session(&ada, 2)).await,
        countersign_server::store::Opened::Opened
    );
    let ended = other
        .end_sessions(Which::Handle(first.handle), ending(EndReason::SignedOut))
        .await;
    assert_eq!(ended.expect("works").len(), 1);
    let seen = f.store.foreign_writes().await.expect("works");
    late.batch_execute("COMMIT")
        .await
        .expect("committed at last");
    assert_ne!(f.store.foreign_writes().await.expect("works"), seen);
}

/// Whoever follows the log by its numbers must not read past a line that is not committed yet.
#[tokio::test]
async fn a_line_that_is_committed_late_is_not_passed_over() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    f.store
        .audit(audit(AuditKind::SignedIn))
        .await
        .expect("the first line");
    let late = cluster::connect(&url).await;
    late.batch_execute(
        "BEGIN; INSERT INTO countersign.audit (at, event, written_at)
         VALUES (2, 'user_changed', (extract(epoch from clock_timestamp()) * 1000000)::BIGINT)",
    )
    .await
    .expect("the second line, not committed yet");
    f.store
        .audit(audit(AuditKind::UserCreated))
        .await
        .expect("the third line");
    let read = f.store.audit_log(0, 10).await.expect("works");
    assert_eq!(read.len(), 1, "the third waits for the second: {read:?}");
    late.batch_execute("COMMIT")
        .await
        .expect("committed at last");
    let rest = f.store.audit_log(read[0].0, 10).await.expect("works");
    let kinds: Vec<_> = rest.iter().map(|(_, event)| event.kind).collect();
    assert_eq!(kinds, [AuditKind::UserChanged, AuditKind::UserCreated]);
}

/// A number that was drawn and never used holds nobody up for ever.
#[tokio::test]
async fn a_line_that_was_never_written_is_waited_for_only_so_long() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    let admin = cluster::connect(&url).await;
    f.store
        .audit(audit(AuditKind::SignedIn))
        .await
        .expect("the first line");
    let gap = "SELECT nextval(pg_get_serial_sequence('countersign.audit', 'id'))";
    admin
        .query_one(gap, &[])
        .await
        .expect("a number nobody writes");
    f.store
        .audit(audit(AuditKind::UserCreated))
        .await
        .expect("the line after it");
    assert_eq!(f.store.audit_log(0, 10).await.expect("works").len(), 1);
    let older = "UPDATE countersign.audit SET written_at = written_at - 11000000";
    admin
        .batch_execute(older)
        .await
        .expect("eleven seconds pass");
    assert_eq!(f.store.audit_log(0, 10).await.expect("works").len(), 2);
}

/// A caller that hangs up half way takes its connection's place with it, not the pool's.
#[tokio::test]
async fn callers_that_hang_up_do_no_harm() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let store = Arc::new(
        PostgresStore::connect(&format!("{url}?pool_size=2"))
            .await
            .expect("a store"),
    );
    for wait in 0..40 {
        let id = format!("nobody {wait}");
        let change = store.delete_user(
            &id,
            ending(EndReason::UserDeleted),
            audit(AuditKind::UserDeleted),
        );
        // Some are cut off before they begin, some in the middle, some not at all.
        let _ = tokio::time::timeout(Duration::from_micros(wait * 50), change).await;
    }
    for _ in 0..8 {
        store.ping().await.expect("both connections are there");
        assert_eq!(store.audit_log(0, 10).await.expect("works"), []);
    }
}
