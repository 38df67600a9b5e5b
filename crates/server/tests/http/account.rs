//! What users do with their sessions and their password, and what is done to them.

use super::*;

#[tokio::test]
async fn own_sessions_come_in_pages() {
    let running = start().await;
    let mut pair = running.signed_in().await;
    for _ in 0..4 {
        pair = running.signed_in().await;
    }
    let all = sids(&running, "/sessions", &pair).await;
    assert_eq!(all.len(), 5);
    let (mut seen, mut path) = (Vec::new(), "/sessions?limit=2".to_owned());
    loop {
        let page = sids(&running, &path, &pair).await;
        seen.extend(page.iter().cloned());
        match page.last() {
            Some(last) if page.len() == 2 => path = format!("/sessions?limit=2&after={last}"),
            _ => break,
        }
    }
    assert_eq!(seen, all, "the same in pages");
    for (query, expected) in [
        ("after=another", "bad_cursor"),
        ("after=", "bad_cursor"),
        ("after=%ff%00", "bad_cursor"),
        ("after=a&after=b", "bad_query"),
        ("limit=2&limit=3", "bad_query"),
        ("limit=some", "bad_query"),
        ("cursor=a", "bad_query"),
    ] {
        let answer = running.get_as(&format!("/sessions?{query}"), &pair).await;
        let reason = refused(answer, StatusCode::BAD_REQUEST, "invalid_request").await;
        assert_eq!(reason, expected, "{query}");
    }
}

async fn sids(running: &Running, path: &str, pair: &Pair) -> Vec<String> {
    let answer = running.get_as(path, pair).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let page: Value = answer.json().await.expect("JSON");
    let sessions = page["sessions"].as_array().expect("a list").iter();
    let sids = sessions.map(|session| session["sid"].as_str().expect("a sid").to_owned());
    sids.collect()
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let running = start().await;
    let (one, two) = (running.signed_in().await, running.signed_in().await);
    let list: Value = running
        .get_as("/sessions", &one)
        .await
        .json()
        .await
        .expect("JSON");
    let sessions = list["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        sessions
            .iter()
            .filter(|session| session["current"] == true)
            .count(),
        1
    );
    let other = sessions
        .iter()
        .find(|session| session["current"] == false)
        .expect("the other");
    let path = format!("/sessions/{}", other["sid"].as_str().expect("a sid"));
    let ended = running
        .request(Method::DELETE, &path)
        .bearer_auth(&one.access)
        .send()
        .await;
    assert_eq!(ended.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &two).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(running.get_as("/me", &one).await.status(), StatusCode::OK);
    // Whoever narrows it down means less than all of them.
    let narrowed = running
        .request(Method::DELETE, "/sessions?user=bob")
        .bearer_auth(&one.access)
        .send()
        .await
        .expect("an answer");
    let reason = refused(narrowed, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "bad_query");
    assert_eq!(running.get_as("/me", &one).await.status(), StatusCode::OK);
    let all = running
        .request(Method::DELETE, "/sessions")
        .bearer_auth(&one.access)
        .send()
        .await;
    assert_eq!(all.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &one).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_new_password_keeps_this_session_and_ends_the_others() {
    let running = start().await;
    let (one, two) = (running.signed_in().await, running.signed_in().await);
    let change = |current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        running
            .request(Method::POST, "/password")
            .bearer_auth(&one.access)
            .json(&body)
            .send()
    };
    let wrong = change("wrong password", "another good one")
        .await
        .expect("an answer");
    refused(wrong, StatusCode::UNAUTHORIZED, "invalid_credentials").await;
    let short = change(PASSWORD, "short").await.expect("an answer");
    let reason = refused(short, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "password_too_short");
    let changed = change(PASSWORD, "another good one")
        .await
        .expect("an answer");
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_eq!(running.get_as("/me", &one).await.status(), StatusCode::OK);
    assert_eq!(
        running.get_as("/me", &two).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        running.login("ada", PASSWORD).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        running.login("ada", "another good one").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_back_when_enabled() {
    let running = start().await;
    let pair = running.signed_in().await;
    running
        .server
        .directory()
        .disable("ada")
        .await
        .expect("a user");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while running.get_as("/me", &pair).await.status() == StatusCode::OK {
        assert!(
            std::time::Instant::now() < deadline,
            "the revocation never came"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refresh = running.refresh(&pair.refresh).await;
    refused(refresh, StatusCode::BAD_REQUEST, "invalid_grant").await;
    running
        .server
        .directory()
        .enable("ada")
        .await
        .expect("a user");
    let back = running.signed_in().await;
    assert_eq!(running.get_as("/me", &back).await.status(), StatusCode::OK);
}
