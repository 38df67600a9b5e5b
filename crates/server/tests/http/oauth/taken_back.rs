//! What a client takes back (RFC 7009).

use super::*;

#[tokio::test]
async fn a_client_takes_back_what_is_its_own() {
    let stage = Stage::new().await;
    let (shop, orders) = (stage.shop(), stage.orders());
    let revoke = async |token: &str, who: &str| {
        let body = format!("token={token}&token_type_hint=refresh_token");
        stage.post(REVOKE, &body, Some(who)).await
    };
    for nothing in ["x", "a.b.c", "csr_AAAA"] {
        let answer = revoke(nothing, &shop).await;
        assert_eq!(answer.status(), StatusCode::OK, "{nothing}");
    }
    let service = stage.token(CREDENTIALS).await;
    let service = text(&service, "access_token");
    let ask = async |token: &str| {
        let body = format!("token={token}");
        stage.answer(INTROSPECT, &body, Some(&shop)).await["active"].clone()
    };
    let grant = "invalid_grant";
    let answer = revoke(service, &orders).await;
    oauth_refused(answer, StatusCode::BAD_REQUEST, grant, "another's").await;
    assert_eq!(ask(service).await, true);
    assert_eq!(revoke(service, &shop).await.status(), StatusCode::OK);
    assert_eq!(ask(service).await, false);
    assert_eq!(
        revoke(service, &shop).await.status(),
        StatusCode::OK,
        "once more"
    );
    let jti = Unverified::parse(service).expect("a JWT").claims_json()["jti"].clone();
    let news = stage
        .running
        .request(Method::GET, "/revocations")
        .send()
        .await;
    let news: Value = news.expect("an answer").json().await.expect("JSON");
    let news = Unverified::parse(news["snapshot"].as_str().expect("a JWS")).expect("a JWS");
    let events = news.claims_json()["events"]
        .as_array()
        .expect("events")
        .clone();
    let of_token = |event: &Value| event["kind"] == "jti" && event["value"] == jti;
    assert!(events.iter().any(of_token), "guards hear of it: {events:?}");

    let ada = stage.ada_at_the_shop().await;
    let (access, refresh) = (text(&ada, "access_token"), text(&ada, "refresh_token"));
    let answer = revoke(refresh, &orders).await;
    oauth_refused(answer, StatusCode::BAD_REQUEST, grant, "another's").await;
    assert_eq!(ask(access).await, true);
    assert_eq!(revoke(refresh, &shop).await.status(), StatusCode::OK);
    for token in [access, refresh] {
        assert_eq!(ask(token).await, false, "the session with all its tokens");
    }
    let own = stage.running.login("ada", PASSWORD).await;
    let own: Value = own.json().await.expect("JSON");
    let answer = revoke(text(&own, "refresh_token"), &shop).await;
    oauth_refused(answer, StatusCode::BAD_REQUEST, grant, "the server's own").await;
    let answer = revoke(text(&own, "device_token"), &shop).await;
    let unsupported = "unsupported_token_type";
    oauth_refused(answer, StatusCode::BAD_REQUEST, unsupported, "a device").await;

    let page: Value = stage
        .sign_in("page", None, json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    let body = format!("token={}&client_id=page", text(&page, "refresh_token"));
    let answer = stage.post(REVOKE, &body, None).await;
    assert_eq!(answer.status(), StatusCode::OK, "a public client, its own");
}

/// Whoever asks for tokens and takes each of them back would fill the disk with lines.
#[tokio::test]
async fn many_tokens_taken_back_are_a_few_lines_in_the_audit_log() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    for _ in 0..25 {
        let token = stage.token(CREDENTIALS).await;
        let body = format!("token={}", text(&token, "access_token"));
        let answer = stage.post(REVOKE, &body, Some(&shop)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let active = stage.answer(INTROSPECT, &body, Some(&shop)).await["active"].clone();
        assert_eq!(active, false, "each of them");
    }
    let database = stage.running.folder.path().join("test.db");
    let Stage { running, .. } = stage;
    running.server.stop().await;
    let database = rusqlite::Connection::open(&database).expect("the database");
    let sql = "SELECT detail FROM audit WHERE event = 'token_revoked' ORDER BY id";
    let mut details = database.prepare(sql).expect("a statement");
    let details = details.query_map([], |row| row.get::<_, String>(0));
    let details: Vec<_> = details
        .expect("rows")
        .map(Result::unwrap_or_default)
        .collect();
    assert_eq!(details.len(), 21);
    assert_eq!(details.last().map(String::as_str), Some("shop 5 more"));
}
