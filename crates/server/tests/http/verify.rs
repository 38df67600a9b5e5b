//! `GET /verify`: what a proxy is answered.

use super::*;

#[tokio::test]
async fn a_proxy_learns_who_it_is_or_what_to_tell_the_client() {
    let running = start().await;
    let pair = running.signed_in().await;
    let passed = running
        .request(Method::GET, "/verify")
        .header("x-auth-roles", "root")
        .bearer_auth(&pair.access)
        .send()
        .await
        .expect("an answer");
    assert_eq!(passed.status(), StatusCode::OK);
    for (name, value) in [
        ("x-auth-username", "ada"),
        ("x-auth-roles", "admin"),
        ("x-auth-scope", ""),
    ] {
        let values: Vec<_> = passed.headers().get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    assert!(!passed.headers()["x-auth-subject"].is_empty());
    assert!(passed.text().await.expect("a body").is_empty());

    let nobody = running.request(Method::GET, "/verify").send().await;
    let nobody = nobody.expect("an answer");
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let challenge = nobody.headers()["www-authenticate"].to_str();
    assert!(challenge.expect("printable").starts_with("Bearer realm="));
    assert!(!nobody.headers().contains_key("x-auth-subject"));

    let body = json!({"refresh_token": pair.refresh});
    running.post("/logout", &body).await;
    let gone = running.get_as("/verify", &pair).await;
    assert_eq!(
        refused(gone, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
}
