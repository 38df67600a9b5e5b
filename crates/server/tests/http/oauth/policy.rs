//! Clients that are changed, or disabled, here or by another process.

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
