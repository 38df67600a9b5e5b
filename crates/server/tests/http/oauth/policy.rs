//! Clients that are changed, or disabled, here or by another process.

use countersign_server::{Oversight, SessionsOf};

use super::*;

#[tokio::test]
async fn a_changed_client_has_no_more_than_it_may_have_now() {
    let stage = Stage::with(|config| Config {
        sessions: SessionPolicy {
            grace: Duration::from_secs(1),
            ..config.sessions
        },
        ..config
    })
    .await;
    let shop = stage.shop();
    let ada = stage.ada_at_the_shop().await;
    let change = countersign_server::ClientChange {
        scope: Some("write".to_owned()),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    let refresh = |pair: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            text(pair, "refresh_token")
        )
    };
    let next = stage.token(&refresh(&ada)).await;
    assert_eq!(next["scope"], "write");
    let change = countersign_server::ClientChange {
        audiences: Some(vec!["https://shop.example".to_owned()]),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    for _ in 0..2 {
        let refusal = (400, "invalid_target");
        stage
            .refused(TOKEN, &refresh(&next), Some(&shop), refusal)
            .await;
        // Past the grace: what was refused was not used up, so to try again is no theft.
        tokio::time::sleep(Duration::from_millis(2_100)).await;
    }
    assert_eq!(
        stage.registry.disable("shop").await.expect("shop"),
        1,
        "ada's session"
    );
    stage
        .refused(TOKEN, &refresh(&next), Some(&shop), INVALID_CLIENT)
        .await;
    let sessions = stage.running.server.oversight().sessions(None, 10).await;
    assert_eq!(sessions.expect("sessions").len(), 0);
}

#[tokio::test]
async fn another_process_hears_of_a_disabled_client_within_a_moment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Database::Sqlite(folder.path().join("shared.db"));
    let stage = Stage::with(|config| Config {
        database: database.clone(),
        ..config
    })
    .await;
    stage.token(CREDENTIALS).await;
    let beside = Config {
        database,
        ..Config::default()
    };
    let beside = Registry::open(&beside)
        .await
        .expect("the same installation");
    beside.disable("shop").await.expect("shop");
    let began = std::time::Instant::now();
    loop {
        let answer = stage.post(TOKEN, CREDENTIALS, Some(&stage.shop())).await;
        if answer.status() == StatusCode::UNAUTHORIZED {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it never hears of it"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let client: Client = beside.client("shop").await.expect("shop");
    assert!(client.disabled);
}

/// Whoever holds on to a door of the server ends things for as long as it knows by then that tokens
/// live, not by what it knew when the door was made.
#[tokio::test]
async fn what_ends_is_remembered_for_as_long_as_the_tokens_of_another_process_live() {
    let stage = Stage::new().await;
    let database = stage.running.folder.path().join("test.db");
    let (oversight, registry) = (stage.running.server.oversight(), &stage.registry);
    let longer = Config {
        access_life: Duration::from_secs(3_600),
        database: Database::Sqlite(database.clone()),
        ..Config::default()
    };
    let beside = Oversight::open(&longer);
    beside.await.expect("the same database").close().await;

    let remembered = |revoked: &str| {
        let database = rusqlite::Connection::open(&database).expect("the database");
        let sql = "SELECT until - unixepoch() FROM revocations WHERE value = ?1";
        let seconds = database.query_row(sql, [revoked], |row| row.get::<_, i64>(0));
        seconds.expect("a revocation")
    };
    let ends_a_session = async || {
        stage.running.signed_in().await;
        let ended = oversight.end(SessionsOf::User("ada".into())).await;
        remembered(&ended.expect("it ends").first().expect("a session").sid)
    };
    let shuts_a_client_out = async || {
        let client = registry.client("shop").await.expect("a client");
        registry.disable("shop").await.expect("it is there");
        registry.enable("shop").await.expect("it is there");
        remembered(&client.own_sid)
    };
    let began = std::time::Instant::now();
    while ends_a_session().await < 3_600 || shuts_a_client_out().await < 3_600 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it forgets too early"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
