//! A server is killed half way through ending the sessions of somebody who has very many. None of them
//! is refreshed afterwards, and the next server ends the rest without being asked.

use std::time::{Duration, Instant};

use countersign_conformance::request::answer;
use countersign_conformance::{Server, Shared};
use countersign_wire::paths;
use reqwest::Method;
use tokio::time::sleep;

use crate::client::PASSWORD;
use crate::cluster::{self, Cluster};

/// So many that nobody ends them all between a look and the next.
const MANY: usize = 30_000;
/// Nothing hangs on it unless they are never ended.
const PATIENCE: Duration = Duration::from_secs(60);

const LEFT: &str = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
const BEGUN: &str = "SELECT count(*) FROM endings";

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_that_a_kill_cut_short_is_gone_on_with() {
    cut_short(Server::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_on_a_shared_database() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = Shared::on(cluster.new_database().await);
    cut_short(Server::sharing(&shared)).await;
}

async fn cut_short(mut server: Server) {
    server.add_user("ada", PASSWORD);
    server.start().await;
    // Those that are ended last are not known, so a few are asked afterwards.
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let pair = server.http().login("ada", PASSWORD).await;
        tokens.push(pair.expect("an answer"));
    }
    crowd(&server).await;

    let access = tokens[0].field("access_token");
    let asked = server
        .http()
        .request(Method::DELETE, paths::SESSIONS)
        .bearer_auth(access);
    let asked = tokio::spawn(answer(asked));
    let began = Instant::now();
    while number(&server, BEGUN).await == 0 {
        assert!(began.elapsed() < PATIENCE, "it is never begun");
        assert!(!asked.is_finished(), "all of them ended at once");
    }
    server.kill();
    assert!(asked.await.expect("a task").is_err(), "it was cut short");
    let left = number(&server, LEFT).await;
    assert!(left > 0, "nothing is left to go on with");
    assert_eq!(number(&server, BEGUN).await, 1);

    server.start().await;
    for pair in &tokens {
        let refresh_token = pair.field("refresh_token");
        let refused = server.http().refresh(&refresh_token).await;
        let refused = refused.expect("an answer");
        assert_eq!(refused.field("reason"), "session_ended", "{refused:?}");
    }
    let began = Instant::now();
    while number(&server, LEFT).await > 0 || number(&server, BEGUN).await > 0 {
        assert!(began.elapsed() < PATIENCE, "nobody goes on with it");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Adds the sessions that nobody could open one by one in a test.
async fn crowd(server: &Server) {
    let insert =
        "INSERT INTO sessions (handle, sid, user_id, client_id, scope, audience, generation,
             mac_key_id, created_at, auth_time, last_used_at, idle_expires_at, expires_at)";
    let rest = "users.id, 'first-party', '', '[]', 0, 1, 1000, 1000, 1000, 9000000000, 9000000000";
    if server.database().starts_with("sqlite:") {
        let db = rusqlite::Connection::open(server.folder().join("countersign.db"));
        let sql = format!(
            "WITH RECURSIVE numbers (number) AS
                 (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {MANY})
             {insert} SELECT randomblob(16), 'many-' || number, {rest} FROM numbers, users"
        );
        db.expect("the file").execute_batch(&sql).expect("a crowd");
    } else {
        let sql = format!(
            "SET search_path TO countersign;
             {insert} SELECT decode(md5(number::TEXT), 'hex'), 'many-' || number, {rest}
             FROM generate_series(1, {MANY}) AS number, users"
        );
        let db = cluster::connect(&server.database()).await;
        db.batch_execute(&sql).await.expect("a crowd");
    }
}

async fn number(server: &Server, sql: &str) -> i64 {
    if server.database().starts_with("sqlite:") {
        let db = rusqlite::Connection::open(server.folder().join("countersign.db"));
        let db = db.expect("the file");
        let busy = db.busy_timeout(PATIENCE);
        busy.expect("a setting");
        db.query_row(sql, [], |row| row.get(0)).expect("a number")
    } else {
        let db = cluster::connect(&server.database()).await;
        let path = "SET search_path TO countersign";
        db.batch_execute(path).await.expect("a schema");
        let row = db.query_one(sql, &[]).await;
        row.expect("a number").get(0)
    }
}
