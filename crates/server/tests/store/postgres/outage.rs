//! The database goes away, and comes back.

use std::time::Duration;

use countersign_server::store::postgres::PostgresStore;
use countersign_server::store::{Rotated, Sessions, Store, StoreError};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::cast::{now, rotation, user};
use crate::cluster::Cluster;
use crate::fixture::{Database, Fixture};

/// Far more than any verb may take, and far less than a test may.
const AT_MOST: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verbs_fail_while_the_database_is_away_and_work_when_it_is_back() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let database = Database::Postgres(cluster.new_database().await);
    let store = database.open().await.expect("a new database");
    let f = Fixture { database, store };
    let (ada, _) = f.signed_in().await;
    for round in 0..2 {
        let outcome = f.store.rotate(rotation(round)).await.expect("works");
        assert!(matches!(outcome, Rotated::Rotated(..)), "{outcome:?}");
        cluster.stop();
        for _ in 0..3 {
            let outcome = timeout(AT_MOST, f.store.rotate(rotation(round + 1))).await;
            assert_unavailable(outcome.expect("an answer in time"));
            assert_unavailable(f.store.ping().await);
            assert_unavailable(f.store.revocations(now()).await);
            assert_unavailable(f.store.foreign_writes().await);
        }
        cluster.run();
        // Nobody restarts the store: it works again as soon as the database answers.
        let back = Instant::now();
        while f.store.ping().await.is_err() {
            assert!(
                back.elapsed() < AT_MOST,
                "the database is back and the store is not"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(
            f.store.user(&ada.id).await.expect("works"),
            Some(ada.clone())
        );
    }
    f.store.close().await;
    assert!(matches!(f.store.ping().await, Err(StoreError::Closed)));
}

/// A connection that is ended under a verb's feet costs at most that verb.
#[tokio::test]
async fn connections_that_are_ended_are_replaced() {
    let Some((f, url)) = super::fixture().await else {
        return;
    };
    f.add(&user("ada")).await;
    let admin = crate::cluster::connect(&url).await;
    for _ in 0..5 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        admin.query(end, &[]).await.expect("ended");
        let found = match f.store.user_by_name("ada").await {
            Ok(found) => found,
            Err(StoreError::Unavailable(_)) => f
                .store
                .user_by_name("ada")
                .await
                .expect("the next one works"),
            Err(other) => panic!("{other}"),
        };
        assert!(found.is_some());
    }
}

/// Somebody takes a connection, resets it and gives it back: what was prepared is prepared anew.
#[tokio::test]
async fn a_connection_that_forgot_its_statements_is_replaced() {
    let Some((f, url)) = super::fixture().await else {
        return;
    };
    f.signed_in().await;
    let store = PostgresStore::connect(&format!("{url}?pool_size=1"))
        .await
        .expect("a store");
    assert!(matches!(
        store.rotate(rotation(0)).await.expect("works"),
        Rotated::Rotated(..)
    ));
    let admin = crate::cluster::connect(&url).await;
    // The shape of an answer changes under the prepared statement, as by another version's migration.
    let sql = "ALTER TABLE countersign.sessions ALTER COLUMN scope TYPE VARCHAR(100)";
    admin.batch_execute(sql).await.expect("another shape");
    assert!(matches!(
        store.rotate(rotation(1)).await.expect("works"),
        Rotated::Rotated(..)
    ));
}

#[tokio::test]
async fn a_host_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("its address").port();
    let url = format!("postgres://ada:hunter2@127.0.0.1:{port}/x");
    let outcome = timeout(AT_MOST, PostgresStore::connect(&url)).await;
    assert_unavailable(outcome.expect("an answer in time").map(|_| ()));
}

#[tokio::test]
async fn a_statement_that_hangs_is_given_up() {
    let Some((f, url)) = super::fixture().await else {
        return;
    };
    f.signed_in().await;
    let holder = crate::cluster::connect(&url).await;
    let hold = "BEGIN; SELECT * FROM countersign.sessions FOR UPDATE";
    holder.batch_execute(hold).await.expect("held");
    let outcome = timeout(AT_MOST, f.store.rotate(rotation(0))).await;
    assert_unavailable(outcome.expect("an answer in time"));
    holder.batch_execute("ROLLBACK").await.expect("let go");
    // It was given up at the database too: it does not happen after all.
    let outcome = f.store.rotate(rotation(0)).await.expect("works");
    assert!(matches!(outcome, Rotated::Rotated(..)), "{outcome:?}");
}

/// More callers than connections, and none comes free.
#[tokio::test]
async fn who_finds_no_free_connection_is_told_so() {
    let Some((f, url)) = super::fixture().await else {
        return;
    };
    f.signed_in().await;
    let store = PostgresStore::connect(&format!("{url}?pool_size=1"))
        .await
        .expect("a store");
    let holder = crate::cluster::connect(&url).await;
    let hold = "BEGIN; SELECT * FROM countersign.sessions FOR UPDATE";
    holder.batch_execute(hold).await.expect("held");
    let (first, second) = tokio::join!(store.rotate(rotation(0)), store.ping());
    assert_unavailable(first);
    assert!(matches!(second, Err(StoreError::Overloaded)), "{second:?}");
}

fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    let Err(StoreError::Unavailable(detail)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        !detail.is_empty() && !detail.contains("hunter2"),
        "{detail}"
    );
}
