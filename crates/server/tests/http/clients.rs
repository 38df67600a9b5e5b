//! `/admin/clients`: made, seen, changed, and what each change does.

use super::admin::{get, send};
use super::oauth::{basic, form_to};
use super::*;

async fn add(running: &Running, client: Value) -> Value {
    let added = send(running, Method::POST, "/admin/clients", Some(client)).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    assert_eq!(added.headers()["cache-control"], "no-store");
    added.json().await.expect("JSON")
}

async fn token(running: &Running, secret: &str) -> StatusCode {
    let asked = form_to(running, "/oauth/token", "grant_type=client_credentials");
    let answer = asked
        .header("authorization", basic("reports", secret))
        .send();
    answer.await.expect("an answer").status()
}

fn secret(answer: &Value) -> String {
    answer["client_secret"].as_str().expect("a secret").into()
}

#[tokio::test]
async fn a_client_is_added_seen_changed_and_deleted() {
    let running = start().await;
    let new = json!({
        "client_id": "reports", "name": "Nightly", "scope": "read", "roles": ["auditor"],
        "audiences": ["https://api.example"], "serves": ["reports"], "access_life": 60,
        "grant_types": ["client_credentials"],
    });
    let added = add(&running, new.clone()).await;
    assert!(secret(&added).starts_with("csc_"));
    let again = send(&running, Method::POST, "/admin/clients", Some(new)).await;
    let reason = refused(again, StatusCode::CONFLICT, "invalid_request").await;
    assert_eq!(reason, "id_taken");

    let seen = get(&running, "/admin/clients/reports").await;
    assert_eq!(seen["client_secret"], Value::Null, "shown once");
    assert_eq!(seen["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(seen["secrets"], json!([{}]));
    assert_eq!(seen["audiences"], json!(["https://api.example"]));
    assert_eq!(
        get(&running, "/admin/clients").await["clients"],
        json!([seen])
    );

    let change = json!({"scope": "read write", "access_life": null, "algorithm": "EdDSA"});
    let path = "/admin/clients/reports";
    let changed = send(&running, Method::PATCH, path, Some(change)).await;
    let changed: Value = changed.json().await.expect("JSON");
    assert_eq!(changed["scope"], "read write");
    assert_eq!(changed["access_life"], Value::Null);
    assert_eq!(changed["name"], "Nightly", "what is not said stays");
    let log = running.server.oversight().audit_log(0, 100).await;
    let log = log.expect("the audit log");
    let line = log
        .iter()
        .rfind(|(_, line)| line.kind.as_str() == "client_changed");
    let detail = line.and_then(|(_, line)| line.detail.as_deref());
    assert_eq!(detail, Some("reports scope, access_life, algorithm"));

    let gone = send(&running, Method::DELETE, path, None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        let missing = send(&running, method, path, None).await;
        let reason = refused(missing, StatusCode::NOT_FOUND, "not_found").await;
        assert_eq!(reason, "unknown_client");
    }
    let events = get(&running, "/admin/audit?limit=1000").await;
    let events = events["lines"].as_array().expect("lines").iter();
    let of_clients: Vec<_> = events
        .filter(|line| {
            let detail = line["detail"].as_str().unwrap_or_default();
            detail.split(' ').next() == Some("reports")
        })
        .map(|line| line["event"].clone())
        .collect();
    assert_eq!(
        of_clients,
        ["client_created", "client_changed", "client_deleted"]
    );
}

#[tokio::test]
async fn lists_of_clients_come_in_pages() {
    let running = start().await;
    for id in ["a", "b", "c"] {
        add(&running, json!({"client_id": id})).await;
    }
    let ids = async |path: &str| {
        let page = get(&running, path).await;
        let rows = page["clients"].as_array().expect("rows").clone();
        let ids = rows.iter().map(|row| row["client_id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("/admin/clients?limit=2").await, ["a", "b"]);
    assert_eq!(ids("/admin/clients?limit=2&after=b").await, ["c"]);
}

#[tokio::test]
async fn a_secret_is_replaced_while_the_old_one_goes_on_or_at_once() {
    let running = start().await;
    let first = secret(&add(&running, json!({"client_id": "reports"})).await);
    let path = "/admin/clients/reports/secret";
    let rotated = send(&running, Method::POST, path, None).await;
    let second = secret(&rotated.json().await.expect("JSON"));
    for good in [&first, &second] {
        assert_eq!(token(&running, good).await, StatusCode::OK);
    }
    let keep = Some(json!({"keep": 0}));
    let rotated = send(&running, Method::POST, path, keep).await;
    let third = secret(&rotated.json().await.expect("JSON"));
    for over in [&first, &second] {
        assert_eq!(token(&running, over).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(token(&running, &third).await, StatusCode::OK);
}

/// One change, one line in the audit log: there is no moment with half of it.
#[tokio::test]
async fn a_change_is_made_whole_or_not_at_all() {
    let running = start().await;
    add(&running, json!({"client_id": "reports", "scope": "read"})).await;
    let path = "/admin/clients/reports";
    let half = json!({"disabled": true, "scope": "two words\""});
    let answer = send(&running, Method::PATCH, path, Some(half)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let client = send(&running, Method::GET, path, None).await;
    let client: Value = client.json().await.expect("JSON");
    assert_eq!(
        (&client["disabled"], &client["scope"]),
        (&json!(false), &json!("read"))
    );

    let both = json!({"disabled": true, "scope": "write", "name": "Nightly"});
    let answer = send(&running, Method::PATCH, path, Some(both)).await;
    let client: Value = answer.json().await.expect("JSON");
    assert_eq!(
        (&client["disabled"], &client["scope"]),
        (&json!(true), &json!("write"))
    );
    let log = send(&running, Method::GET, "/admin/audit", None).await;
    let log: Value = log.json().await.expect("JSON");
    let about = |entry: &&Value| {
        entry["detail"]
            .as_str()
            .is_some_and(|it| it.starts_with("reports"))
    };
    let entries = log["lines"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(about);
    let entries: Vec<_> = entries
        .map(|entry| (&entry["event"], &entry["detail"]))
        .collect();
    assert!(
        entries.contains(&(&json!("client_disabled"), &json!("reports name, scope"))),
        "{entries:?}"
    );
    assert!(
        !entries.iter().any(|(event, _)| *event == "client_changed"),
        "{entries:?}"
    );
}

#[tokio::test]
async fn a_disabled_client_is_out_at_once_and_back_at_once_with_new_tokens() {
    let running = start().await;
    let added = add(&running, json!({"client_id": "reports"})).await;
    let mut secret = secret(&added);
    let path = "/admin/clients/reports";
    let mut old = Vec::new();
    for again in [true, false] {
        let token = access_token(&running, &secret).await;
        assert_eq!(me(&running, &token).await, StatusCode::OK);
        old.push(token);
        if again {
            let disabled = Some(json!({"disabled": true}));
            let answer = send(&running, Method::PATCH, path, disabled).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(
                self::token(&running, &secret).await,
                StatusCode::UNAUTHORIZED
            );
            assert_revoked(&running, &old[0]).await;
            let enabled = Some(json!({"disabled": false}));
            let answer = send(&running, Method::PATCH, path, enabled).await;
            assert_eq!(answer.status(), StatusCode::OK);
        } else {
            let answer = send(&running, Method::DELETE, path, None).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            assert_revoked(&running, &old[1]).await;
            // Another client may have the id, and nothing of the one before.
            let another = add(&running, json!({"client_id": "reports"})).await;
            assert_eq!(
                self::token(&running, &secret).await,
                StatusCode::UNAUTHORIZED
            );
            secret = self::secret(&another);
        }
    }
    let token = access_token(&running, &secret).await;
    assert_eq!(me(&running, &token).await, StatusCode::OK);
    for token in &old {
        assert_eq!(me(&running, token).await, StatusCode::UNAUTHORIZED);
    }
}

/// A token of `reports` in its own name.
async fn access_token(running: &Running, secret: &str) -> String {
    let request = form_to(running, "/oauth/token", "grant_type=client_credentials")
        .header("authorization", basic("reports", secret));
    let answer = request.send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

async fn me(running: &Running, token: &str) -> StatusCode {
    let request = running.request(Method::GET, "/me").bearer_auth(token);
    request.send().await.expect("an answer").status()
}

/// Guards hear of it by the token's `sid`, and of nothing that a later token has as well.
async fn assert_revoked(running: &Running, token: &str) {
    assert_eq!(me(running, token).await, StatusCode::UNAUTHORIZED);
    let news = running.request(Method::GET, "/revocations").send().await;
    let news = news.expect("an answer").text().await.expect("text");
    let snapshot: Value = serde_json::from_str(&news).expect("JSON");
    let snapshot = Unverified::parse(snapshot["snapshot"].as_str().expect("a JWS"));
    let events = snapshot.expect("a JWS").claims_json()["events"].clone();
    let events = events.as_array().expect("events");
    let token = Unverified::parse(token).expect("a JWT");
    let sid = &token.claims_json()["sid"];
    let names = |event: &Value| event["kind"] == "sid" && event["value"] == *sid;
    assert!(events.iter().any(names), "{events:?}");
    let names = |event: &Value| event["kind"] == "sub";
    assert!(!events.iter().any(names), "{events:?}");
}

#[tokio::test]
async fn what_cannot_be_a_client_is_refused_by_name() {
    let running = start().await;
    let cases = [
        (json!({"client_id": "first-party"}), "bad_client_id"),
        (json!({"client_id": "a b"}), "bad_client_id"),
        (json!({"client_id": "a", "scope": "\"x\""}), "bad_scope"),
        (json!({"client_id": "a", "roles": ["a b"]}), "bad_role"),
        (json!({"client_id": "a", "audiences": [""]}), "bad_audience"),
        (json!({"client_id": "a", "access_life": 1}), "bad_life"),
        (
            json!({"client_id": "a", "algorithm": "HS256"}),
            "bad_algorithm",
        ),
        (
            json!({"client_id": "a", "algorithm": "none"}),
            "bad_algorithm",
        ),
        (json!({"client_id": "a", "grant_types": []}), "idle_client"),
        (
            json!({"client_id": "a", "grant_types": ["password"]}),
            "wrong_shape",
        ),
        (
            json!({"client_id": "a", "token_endpoint_auth_method": "none",
                   "grant_types": ["client_credentials"]}),
            "public_client",
        ),
        (
            json!({"client_id": "a", "token_endpoint_auth_method": "private_key_jwt"}),
            "wrong_shape",
        ),
        (json!({"client_id": "a", "jwks": {"keys": []}}), "no_key"),
        (
            json!({"client_id": "a", "jwks": {"kty": "oct", "alg": "HS256",
                   "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}}),
            "private_key",
        ),
        (json!({"client_id": "a", "scope": 7}), "wrong_shape"),
        (json!({"client_id": "a", "audience": ["x"]}), "wrong_shape"),
        (json!({}), "wrong_shape"),
    ];
    for (client, expected) in cases {
        let answer = send(
            &running,
            Method::POST,
            "/admin/clients",
            Some(client.clone()),
        )
        .await;
        let reason = refused(answer, StatusCode::BAD_REQUEST, "invalid_request").await;
        assert_eq!(reason, expected, "{client}");
    }
    assert_eq!(get(&running, "/admin/clients").await["clients"], json!([]));
    add(
        &running,
        json!({"client_id": "page", "token_endpoint_auth_method": "none"}),
    )
    .await;
    let path = "/admin/clients/page/secret";
    let answer = send(&running, Method::POST, path, None).await;
    let reason = refused(answer, StatusCode::CONFLICT, "invalid_request").await;
    assert_eq!(reason, "another_method");
}

#[tokio::test]
async fn a_misspelled_wish_is_refused_and_not_passed_over() {
    let running = start().await;
    let made = add(&running, json!({"client_id": "reports"})).await;
    let patch = Method::PATCH;
    for (method, path, body) in [
        (&patch, "/admin/clients/reports", json!({"disable": true})),
        (&patch, "/admin/users/ada", json!({"disable": true})),
        // Taken for no wish at all, it would let a leaked secret go on for a day.
        (
            &Method::POST,
            "/admin/clients/reports/secret",
            json!({"keep_for": 0}),
        ),
    ] {
        let answer = send(&running, method.clone(), path, Some(body)).await;
        let reason = refused(answer, StatusCode::BAD_REQUEST, "invalid_request").await;
        assert_eq!(reason, "wrong_shape", "{path}");
    }
    let row = get(&running, "/admin/clients/reports").await;
    assert_eq!(row["secrets"], json!([{}]), "not replaced");
    assert_eq!(token(&running, &secret(&made)).await, StatusCode::OK);
}
