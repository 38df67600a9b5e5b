//! Keys that an administrator rotates, on a database whose server is not asked.

use std::time::Duration;

use countersign_issuer::record::KeyState;
use countersign_server::{Config, Custodian, Database, Server};

/// Whoever rotates or withdraws by hand may know nothing of how long tokens live here.
#[tokio::test]
async fn a_key_by_hand_stays_published_as_long_as_its_tokens_live() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("test.db");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: Database::Sqlite(database.clone()),
        ..Config::default()
    };
    countersign_witness::listen();
    let server = Server::start(Config {
        access_life: Duration::from_secs(3600),
        ..config.clone()
    });
    server.await.expect("a server").stop().await;

    let by_hand = Custodian::open(&config).await.expect("the same");
    let pass = |seconds: u64| {
        let sql = format!(
            "UPDATE signing_keys SET created_at = created_at - {seconds},
                 signing_at = signing_at - {seconds}, retiring_at = retiring_at - {seconds}"
        );
        let connection = rusqlite::Connection::open(&database).expect("the database");
        connection.execute_batch(&sql).expect("time passes");
    };
    let state = async |kid: &str| {
        let keys = by_hand.list().await.expect("keys");
        let key = keys.iter().find(|key| key.kid == kid);
        key.map(|key| key.state)
    };
    let signing = by_hand.list().await.expect("keys");
    let signing = signing.iter().find(|key| key.state == KeyState::Signing);
    let kid = signing.expect("a key that signs").kid.clone();
    pass(1_000);
    by_hand.rotate().await.expect("rotated");
    assert_eq!(state(&kid).await, Some(KeyState::Retiring));
    pass(1_000);
    by_hand.rotate().await.expect("rotated again");
    assert_eq!(state(&kid).await, Some(KeyState::Retiring));
    pass(3_000);
    by_hand.rotate().await.expect("rotated once more");
    assert_eq!(state(&kid).await, Some(KeyState::Gone));
}
