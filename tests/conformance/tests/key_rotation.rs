//! Three servers on one database find a rotation due at the same time: one of them does it, and
//! all of them sign with the same key afterwards.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

#[path = "../../../crates/server/tests/store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;

use std::time::{Duration, Instant};

use countersign_conformance::{Server, Shared};
use countersign_wire::paths;
use tokio_postgres::Client;

use crate::cluster::{Cluster, connect};

const PASSWORD: &str = "correct horse battery staple";
/// More than the servers take between two looks at their keys, which is ten seconds.
const A_LOOK: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(60);
/// How often all of them start with a rotation due.
const STARTS: i64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn of_three_servers_one_rotates_what_is_due() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = Shared::on(cluster.new_database().await);
    let mut servers: Vec<Server> = (0..3).map(|_| Server::sharing(&shared)).collect();
    servers[0].add_user("ada", PASSWORD);
    start(&mut servers).await;
    let database = connect(&shared.database).await;
    assert_rotated(&database, 0).await;
    agree(&servers).await;

    // Due while they run: each looks when its turn comes.
    make_due(&database).await;
    let began = Instant::now();
    while count(&database, "audit WHERE event = 'key_promoted'").await == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody rotates");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Whoever did not do it looks as well, and finds it done.
    tokio::time::sleep(A_LOOK).await;
    assert_rotated(&database, 1).await;
    agree(&servers).await;

    // Due when they start, all at once.
    for start_number in 1..=STARTS {
        for server in &mut servers {
            server.kill();
        }
        make_due(&database).await;
        start(&mut servers).await;
        assert_rotated(&database, 1 + start_number).await;
        agree(&servers).await;
    }
}

async fn start(servers: &mut [Server]) {
    for server in servers.iter_mut() {
        server.spawn();
    }
    for server in servers {
        server.ready().await;
    }
}

/// Moves every key three months into the past, so that each kind must be followed by its next.
async fn make_due(database: &Client) {
    let sql = "BEGIN;
        UPDATE countersign.signing_keys SET created_at = created_at - 8000000,
            signing_at = signing_at - 8000000, retiring_at = retiring_at - 8000000;
        UPDATE countersign.mac_keys SET created_at = created_at - 8000000;
        COMMIT";
    database.batch_execute(sql).await.expect("older keys");
}

/// Counts what `times` rotations have left, in rows and in audit lines.
async fn assert_rotated(database: &Client, times: i64) {
    for (what, expected) in [
        ("signing_keys", 2 + times),
        ("signing_keys WHERE state = 'signing'", 1),
        ("signing_keys WHERE state = 'pending'", 1),
        ("mac_keys", 1 + times),
        ("audit WHERE event = 'key_created'", 2 + times),
        ("audit WHERE event = 'key_promoted'", times),
        ("audit WHERE event = 'key_retired'", times),
        ("audit WHERE event = 'mac_key_created'", 1 + times),
    ] {
        let found = count(database, what).await;
        assert_eq!(found, expected, "{what} after {times} rotations");
    }
}

async fn count(database: &Client, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM countersign.{what}");
    let row = database.query_one(&sql, &[]).await;
    row.expect("a count").get(0)
}

/// All of them publish the same keys and take the tokens of each.
async fn agree(servers: &[Server]) {
    let keys = published(&servers[0]).await;
    for signer in servers {
        assert_eq!(published(signer).await, keys);
        let answer = signer.http().login("ada", PASSWORD).await;
        let token = answer.expect("an answer").field("access_token");
        for server in servers {
            let answer = server.http().me(&token).await.expect("an answer");
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
}

async fn published(server: &Server) -> String {
    let answer = server.http().get(paths::JWKS).await;
    answer.expect("keys").text
}
