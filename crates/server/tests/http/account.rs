//! What users do with their sessions and their password, and what is done to them.

use super::*;

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
