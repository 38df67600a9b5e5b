//! What a client takes back (RFC 7009).

use super::*;
use crate::metrics::oauth_as;

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

/// Whoever asks for tokens and takes each of them back would fill the disk, and what guards remember. What
/// is done has a line of its own, and what is not done has none.
#[tokio::test]
async fn each_token_taken_back_has_its_line_and_past_the_bound_they_are_left_to_expire() {
    const MOST: usize = 1_000;
    let stage = Stage::new().await;
    let shop = stage.shop();
    let own = async || {
        let token = stage.token(CREDENTIALS).await;
        format!("token={}", text(&token, "access_token"))
    };
    let jti = |body: &str| {
        let token = Unverified::parse(&body["token=".len()..]).expect("a JWT");
        let jti = token.claims_json()["jti"].clone();
        jti.as_str().expect("text").to_owned()
    };
    let revoke = async |body: &str| stage.post(REVOKE, body, Some(&shop)).await;
    let take_back = async |many: usize| {
        let mut done = Vec::new();
        for _ in 0..many {
            let body = own().await;
            assert_eq!(revoke(&body).await.status(), StatusCode::OK);
            done.push(format!("shop {}", jti(&body)));
        }
        done
    };
    let (most, rest) = (MOST / 8, MOST % 8 + MOST / 8 - 1);
    let eight = [most, most, most, most, most, most, most, rest].map(take_back);
    let mut done: Vec<_> = futures_util::future::join_all(eight).await.concat();
    assert_eq!(done.len(), MOST - 1);

    let last = own().await;
    let database = stage.running.folder.path().join("test.db");
    let database = rusqlite::Connection::open(&database).expect("the database");
    database
        .execute_batch("BEGIN IMMEDIATE")
        .expect("the only writer");
    let failed = revoke(&last).await;
    assert_eq!(failed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reason(failed).await, "storage_unavailable");
    database.execute_batch("ROLLBACK").expect("an end");
    assert_eq!(revoke(&last).await.status(), StatusCode::OK, "not counted");
    done.push(format!("shop {}", jti(&last)));

    let more = own().await;
    let counted = oauth_as("revoke", "too_many_revocations");
    let refused = stage.running.moves(&counted, revoke(&more)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait = refused.headers()["retry-after"].to_str().expect("text");
    let wait: u64 = wait.parse().expect("seconds");
    assert!((60..=600).contains(&wait), "until the window ends: {wait}");
    assert_eq!(reason(refused).await, "too_many_revocations");
    let active = stage.answer(INTROSPECT, &more, Some(&shop)).await["active"].clone();
    assert_eq!(active, true, "it was not taken back");
    let ada = stage.ada_at_the_shop().await;
    let of_ada = format!("token={}", text(&ada, "access_token"));
    let of_ada = revoke(&of_ada).await;
    assert_eq!(of_ada.status(), StatusCode::OK, "of another session");

    let sql = "SELECT detail FROM audit WHERE event = 'token_revoked' AND sid IS NULL";
    let mut lines = database.prepare(sql).expect("a statement");
    let lines = lines.query_map([], |row| row.get::<_, String>(0));
    let mut lines: Vec<_> = lines.expect("rows").map(|it| it.expect("text")).collect();
    lines.sort();
    done.sort();
    assert_eq!(lines, done);
}

async fn reason(answer: Response) -> String {
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"], "temporarily_unavailable", "{body}");
    text(&body, "reason").to_owned()
}
