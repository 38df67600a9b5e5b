//! Several at once, over several pools, as several processes have them.

use std::sync::Arc;
use std::time::Duration;

use countersign_issuer::record::{AuditKind, EndReason, PasswordHash, Session};
use countersign_server::store::{Basis, Created, Found, Opened, Rotated, Store, Which, Whose};
use tokio::task::JoinSet;

use super::fixture;
use crate::cast::{CLIENT, audit, basis, client, ending, now, room, rotation, session, user};
use crate::cluster;
use crate::fixture::Fixture;

const PROCESSES: usize = 4;
const RACERS: usize = 12;

async fn processes(f: &Fixture) -> Vec<Arc<dyn Store>> {
    let mut stores = vec![Arc::clone(&f.store)];
    while stores.len() < PROCESSES {
        stores.push(f.another().await);
    }
    stores
}

/// Every racer presents the current token of each generation in turn.
async fn race(stores: &[Arc<dyn Store>], generations: u32) {
    for generation in 0..generations {
        let mut racers = JoinSet::new();
        for store in stores.iter().cycle().take(RACERS) {
            let store = Arc::clone(store);
            racers.spawn(async move { store.rotate(rotation(generation)).await });
        }
        let mut winners = 0;
        for outcome in racers.join_all().await {
            let (row, user) = match outcome.expect("no racer fails") {
                Rotated::Rotated(row, user) => {
                    winners += 1;
                    (row, user)
                }
                Rotated::NotCurrent(row, user) => (row, user),
                Rotated::Missing => panic!("the session is there"),
            };
            // A loser that was shown the row as it was before the winner would take its own token
            // for the current one.
            assert_eq!(row.generation, generation + 1);
            assert_eq!(user.username, "ada");
        }
        assert_eq!(winners, 1, "generation {generation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racers_in_several_processes_one_rotates_and_all_see_its_row() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    f.signed_in().await;
    race(&processes(&f).await, 60).await;
}

/// As on engines that know nothing weaker: losers are told to start over, and do.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn serialization_failures_are_tried_again() {
    for level in ["serializable", "repeatable read"] {
        let Some((f, url)) = fixture().await else {
            return;
        };
        f.signed_in().await;
        let admin = cluster::connect(&url).await;
        let name = url.rsplit('/').next().expect("a name");
        let sql = format!("ALTER DATABASE {name} SET default_transaction_isolation TO '{level}'");
        admin
            .batch_execute(&sql)
            .await
            .expect("a stricter database");
        let stores = [f.another().await, f.another().await, f.another().await];
        race(&stores, 20).await;
    }
}

/// The order that matters, made certain: the loser is already waiting when the winner commits.
#[tokio::test]
async fn whoever_waited_for_the_lock_is_shown_the_winners_row() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    f.signed_in().await;
    let winner = cluster::connect(&url).await;
    let swap = "BEGIN; UPDATE countersign.sessions SET generation = generation + 1";
    winner.batch_execute(swap).await.expect("the winner swaps");
    let store = Arc::clone(&f.store);
    let loser = tokio::spawn(async move { store.rotate(rotation(0)).await });
    wait_for_a_lock(&url).await;
    winner
        .batch_execute("COMMIT")
        .await
        .expect("the winner commits");
    let outcome = loser.await.expect("no panic").expect("works");
    let Rotated::NotCurrent(row, _) = outcome else {
        panic!("one wins: {outcome:?}")
    };
    assert_eq!(row.generation, 1);
}

#[tokio::test]
async fn whoever_waited_for_a_swap_that_was_taken_back_wins() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    f.signed_in().await;
    let other = cluster::connect(&url).await;
    let swap = "BEGIN; UPDATE countersign.sessions SET generation = generation + 1";
    other
        .batch_execute(swap)
        .await
        .expect("the other one swaps");
    let store = Arc::clone(&f.store);
    let waiting = tokio::spawn(async move { store.rotate(rotation(0)).await });
    wait_for_a_lock(&url).await;
    other
        .batch_execute("ROLLBACK")
        .await
        .expect("and takes it back");
    let outcome = waiting.await.expect("no panic").expect("works");
    assert!(matches!(outcome, Rotated::Rotated(..)), "{outcome:?}");
}

async fn wait_for_a_lock(url: &str) {
    wait_for_locks(url, 1).await;
}

/// Until so many wait.
async fn wait_for_locks(url: &str, count: i64) {
    let watcher = cluster::connect(url).await;
    let sql = "SELECT count(*) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND datname = current_database()";
    loop {
        let row = watcher.query_one(sql, &[]).await.expect("an answer");
        if row.get::<_, i64>(0) >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A sign-in with the old password and a change of the password, at the same time: whichever is
/// first, no session of the old password is alive afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_of_an_old_password_survives_its_change() {
    let Some((f, _)) = fixture().await else {
        return;
    };
    let (mut ada, _) = f.signed_in().await;
    let other = f.another().await;
    let (mut opened, mut refused) = (0, 0);
    for round in 2..60 {
        let hash = PasswordHash::from_stored(format!("hash {round}"));
        let (signed_in, changed) = tokio::join!(
            f.store.open_session(
                session(&ada, round),
                basis(&ada),
                None,
                room(),
                audit(AuditKind::SignedIn)
            ),
            other.set_password(
                &ada.id,
                None,
                hash.clone(),
                None,
                ending(EndReason::PasswordChanged),
                audit(AuditKind::PasswordChanged)
            ),
        );
        match signed_in.expect("works") {
            Opened::Opened | Opened::InPlaceOf(_) => opened += 1,
            Opened::Changed => refused += 1,
        }
        assert!(matches!(changed.expect("works"), Found::Found(_)));
        assert_eq!(f.alive_of(&ada.id).await, [], "{round}");
        ada.password_hash = hash;
    }
    assert_eq!(opened + refused, 58);
}

/// The same, with the sign-in certain to commit while the change already waits for it.
#[tokio::test]
async fn a_change_of_password_ends_the_session_it_had_to_wait_for() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    let (ada, _) = f.signed_in().await;
    let signing_in = cluster::connect(&url).await;
    signing_in
        .batch_execute(
            "SET search_path TO countersign; BEGIN; SELECT id FROM users FOR SHARE;
             INSERT INTO sessions (handle, sid, user_id, client_id, scope, audience, generation,
                 mac_key_id, created_at, auth_time, last_used_at, idle_expires_at, expires_at)
             SELECT '\\x09090909090909090909090909090909', 'late', user_id, client_id, scope,
                 audience, generation, mac_key_id, created_at, auth_time, last_used_at,
                 idle_expires_at, expires_at
             FROM sessions",
        )
        .await
        .expect("a sign-in that is not committed yet");
    let store = Arc::clone(&f.store);
    let id = ada.id.clone();
    let change = tokio::spawn(async move {
        let hash = PasswordHash::from_stored("new");
        let audit = audit(AuditKind::PasswordChanged);
        store
            .set_password(
                &id,
                None,
                hash,
                None,
                ending(EndReason::PasswordChanged),
                audit,
            )
            .await
    });
    wait_for_a_lock(&url).await;
    signing_in
        .batch_execute("COMMIT")
        .await
        .expect("the sign-in commits");
    let Found::Found(ended) = change.await.expect("no panic").expect("works") else {
        panic!("the user is there")
    };
    assert!(ended.iter().any(|ended| ended.sid == "late"), "{ended:?}");
    assert_eq!(f.alive_of(&ada.id).await, []);
}

/// It was not spared, so it is over: at once to whoever asks, and with a batch for the guards. Whoever
/// comes after that is.
#[tokio::test]
async fn a_session_that_waited_for_an_ending_of_many_ends_with_them() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    let ada = user("ada");
    f.add(&ada).await;
    f.crowd(&ada, CLIENT, 2_500).await;
    let slow = cluster::connect(&url).await;
    let hold = "BEGIN; SELECT 1 FROM countersign.sessions FOR UPDATE";
    slow.batch_execute(hold).await.expect("held");
    let all = Which::AllOf {
        user_id: ada.id.clone(),
    };
    let store = Arc::clone(&f.store);
    let ends = tokio::spawn(async move {
        let why = ending(EndReason::SignedOut);
        store.end_sessions(all, why).await
    });
    wait_for_locks(&url, 1).await;
    let (store, by, asked) = (f.another().await, basis(&ada), session(&ada, 1));
    let signing_in = tokio::spawn(async move {
        let line = audit(AuditKind::SignedIn);
        store.open_session(asked, by, None, room(), line).await
    });
    wait_for_locks(&url, 2).await;
    slow.batch_execute("COMMIT").await.expect("let go");
    assert_eq!(ends.await.expect("no panic").expect("works").len(), 2_000);
    let opened = signing_in.await.expect("no panic").expect("works");
    assert_eq!(opened, Opened::Opened);
    assert_eq!(f.open(&ada, &session(&ada, 2)).await, Opened::Opened);

    let alive = async || {
        let alive = f.alive_of(&ada.id).await;
        alive.into_iter().map(|it| it.sid).collect::<Vec<_>>()
    };
    assert_eq!(alive().await, ["sid-2"], "one that goes on whole");
    let refreshed = f.store.rotate(rotation(0)).await.expect("works");
    let Rotated::NotCurrent(row, _) = refreshed else {
        panic!("over to whoever asks: {refreshed:?}")
    };
    assert!(row.is_ended());
    let whose = Whose::User(ada.id.clone());
    let mut ended = Vec::new();
    while let Some(batch) = f.store.end_more(&whose, now()).await.expect("works") {
        ended.extend(batch.ended.into_iter().map(|it| it.sid));
    }
    assert_eq!(ended.len(), 501, "the rest of the many, and the one");
    assert!(ended.contains(&"sid-1".to_owned()));
    assert_eq!(alive().await, ["sid-2"]);
    let revoked = f.store.revocations(now()).await.expect("works");
    assert!(
        revoked.iter().any(|it| it.value == "sid-1"),
        "guards hear of it"
    );
}

/// A sign-in that already waits when something is taken away is not opened with what it had read.
#[tokio::test]
async fn whoever_signs_in_while_something_is_taken_decides_anew() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    let (ada, _) = f.signed_in().await;
    let shop = client("reports");
    let created = f
        .store
        .create_client(shop.clone(), audit(AuditKind::ClientCreated));
    assert_eq!(created.await.expect("works"), Created::Created);
    let mut basis = Basis::of(&ada, Some(&shop));
    let through = |number| Session {
        client_id: shop.client_id.clone(),
        ..session(&ada, number)
    };
    let mut number = 10;
    for (taken, then) in [
        ("users SET roles = 'reader'", Opened::Changed),
        ("users SET scope = 'orders:read'", Opened::Changed),
        ("clients SET revision = revision + 1", Opened::Changed),
        // Nothing that it was decided by.
        ("users SET created_at = created_at + 1", Opened::Opened),
    ] {
        for upgrade in [None, Some(ada.password_hash.clone())] {
            number += 1;
            let taking = cluster::connect(&url).await;
            let begin = format!("BEGIN; UPDATE countersign.{taken}");
            taking.batch_execute(&begin).await.expect("taken");
            let (store, asked, by) = (Arc::clone(&f.store), through(number), basis.clone());
            let signing_in = tokio::spawn(async move {
                let line = audit(AuditKind::SignedIn);
                store.open_session(asked, by, upgrade, room(), line).await
            });
            wait_for_a_lock(&url).await;
            taking.batch_execute("COMMIT").await.expect("committed");
            let opened = signing_in.await.expect("no panic").expect("works");
            assert_eq!(opened, then, "{taken}");
            let back = "UPDATE countersign.users SET roles = 'reader writer',
                            scope = 'orders:read orders:write'";
            taking.batch_execute(back).await.expect("given back");
            let client = f.store.client("reports").await.expect("works");
            basis = Basis::of(&ada, client.as_ref());
        }
    }
}
