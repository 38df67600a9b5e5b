//! Clients that are changed, or disabled, here or by another process.

use countersign_server::{ClientChange, Oversight, SessionsOf};

use super::*;

/// With the one administrator's token that is out it gave itself everything back.
#[tokio::test]
async fn what_a_client_loses_its_tokens_lose_as_well() {
    let mut stage = Stage::new().await;
    let change = async |registry: &Registry, change: ClientChange| {
        registry.change("shop", &change).await.expect("shop");
    };
    let roles = |roles: &[&str]| ClientChange {
        roles: Some(roles.iter().map(|&role| role.to_owned()).collect()),
        ..ClientChange::default()
    };
    let admin = |stage: &Stage, token: &Value| {
        let path = "/admin/clients/shop";
        let request = stage.running.request(Method::GET, path);
        request.bearer_auth(text(token, "access_token")).send()
    };
    let status = async |stage: &Stage, token: &Value| {
        let answer = admin(stage, token).await.expect("an answer");
        answer.status().as_u16()
    };
    change(&stage.registry, roles(&["auditor", "admin"])).await;
    let token = stage.token(CREDENTIALS).await;
    assert_eq!(status(&stage, &token).await, 200);
    change(&stage.registry, roles(&["auditor"])).await;
    assert_eq!(status(&stage, &token).await, 401, "a role is taken");

    let plain = stage.token(CREDENTIALS).await;
    change(&stage.registry, roles(&["auditor", "admin"])).await;
    assert_eq!(status(&stage, &plain).await, 403, "only more was given");
    let reduced = [
        ClientChange {
            scope: Some("read".to_owned()),
            ..ClientChange::default()
        },
        ClientChange {
            audiences: Some(vec!["api".to_owned()]),
            ..ClientChange::default()
        },
    ];
    for reduction in reduced {
        let token = stage.token(CREDENTIALS).await;
        let again = reduction.clone();
        change(&stage.registry, reduction).await;
        assert_eq!(status(&stage, &token).await, 401, "{again:?}");
        let token = stage.token(CREDENTIALS).await;
        change(&stage.registry, again).await;
        assert_eq!(status(&stage, &token).await, 200, "nothing was taken");
    }
    let token = stage.token(CREDENTIALS).await;
    for (keep, after) in [(60, 200), (0, 401)] {
        let keep = Duration::from_secs(keep);
        let rotated = stage.registry.rotate_secret("shop", keep).await;
        let secret = rotated.expect("shop").1.expose().to_owned();
        note(Kind::ClientSecret, &secret);
        stage.secret = secret;
        assert_eq!(status(&stage, &token).await, after, "kept for {keep:?}");
    }
    let token = stage.token(CREDENTIALS).await;
    assert_eq!(status(&stage, &token).await, 200);
    let grants = ClientChange {
        grant_types: Some(vec![GrantType::RefreshToken]),
        ..ClientChange::default()
    };
    change(&stage.registry, grants).await;
    assert_eq!(status(&stage, &token).await, 401, "a grant is taken");
}

#[tokio::test]
async fn a_key_that_is_replaced_takes_its_tokens_along_and_one_that_is_added_does_not() {
    let stage = Stage::new().await;
    let body = with_assertion(&stage.assertion(|_| {}));
    let token = stage.answer(TOKEN, &body, None).await;
    let works = async || {
        let body = format!("token={}", text(&token, "access_token"));
        let orders = stage.orders();
        stage.answer(INTROSPECT, &body, Some(&orders)).await["active"].clone()
    };
    let public = |key: &SigningKey| {
        let jwk = key.verifying_key().to_jwk().to_public_json();
        jwk.expect("public")
    };
    let change = async |keys: String| {
        let change = ClientChange {
            keys: Some(ClientKeys::from_json(&keys).expect("keys")),
            ..ClientChange::default()
        };
        stage
            .registry
            .change("signer", &change)
            .await
            .expect("signer");
    };
    let other = public(&SigningKey::generate(Algorithm::EdDSA).expect("a key"));
    change(format!("{{\"keys\":[{},{other}]}}", public(&stage.key))).await;
    assert_eq!(works().await, true);
    change(other).await;
    assert_eq!(works().await, false);
}

#[tokio::test]
async fn a_changed_client_has_no_more_than_it_may_have_now() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let ada = stage.ada_at_the_shop().await;
    let active = async |pair: &Value| {
        let body = format!("token={}", text(pair, "access_token"));
        stage.answer(INTROSPECT, &body, Some(&stage.shop())).await["active"].clone()
    };
    let change = ClientChange {
        name: Some("The shop".to_owned()),
        roles: Some(vec!["auditor".to_owned(), "buyer".to_owned()]),
        ..ClientChange::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    assert_eq!(active(&ada).await, true, "nothing was taken");
    let change = ClientChange {
        scope: Some("write".to_owned()),
        ..ClientChange::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    assert_eq!(active(&ada).await, false);
    let refresh = |pair: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            text(pair, "refresh_token")
        )
    };
    let ended = (400, "invalid_grant");
    stage
        .refused(TOKEN, &refresh(&ada), Some(&shop), ended)
        .await;
    let next = stage.ada_at_the_shop().await;
    assert_eq!(next["scope"], "write");
    let next = stage.token(&refresh(&next)).await;
    assert_eq!(next["scope"], "write");
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
    let beside = Administrator::open(&beside).await;
    let beside = Registry::of(beside.expect("the same installation"));
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
    let beside = Administrator::open(&longer).await;
    let beside = Oversight::of(beside.expect("the same database"));
    beside.close().await;

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
