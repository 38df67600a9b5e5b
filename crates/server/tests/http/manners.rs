//! What every answer says to browsers and caches, and bodies that are not what they are said to be.

use super::oauth::{Stage, form_to};
use super::*;

fn marked(answer: &Response) {
    let (url, headers) = (answer.url(), answer.headers());
    assert_eq!(headers["x-content-type-options"], "nosniff", "{url}");
    let policy = &headers["content-security-policy"];
    assert_eq!(
        policy, "default-src 'none'; frame-ancestors 'none'",
        "{url}"
    );
    assert!(headers.contains_key("cache-control"), "{url}");
}

#[tokio::test]
async fn every_answer_is_what_it_says_and_most_are_not_to_be_kept() {
    let stage = Stage::new().await;
    let running = &stage.running;
    let pair = running.signed_in().await;
    let shop = stage.shop();
    let as_ada = |method: Method, path: &str| {
        let request = running.request(method, path);
        request.bearer_auth(&pair.access).send()
    };
    let mut kept = Vec::new();
    for answer in [
        as_ada(Method::GET, "/.well-known/jwks.json").await,
        as_ada(Method::GET, "/openapi.json").await,
        as_ada(Method::GET, "/.well-known/openid-configuration").await,
    ] {
        kept.push(answer.expect("an answer"));
    }
    let unchanged = running
        .request(Method::GET, "/.well-known/jwks.json")
        .header("if-none-match", kept[0].headers()["etag"].clone());
    kept.push(unchanged.send().await.expect("an answer"));
    assert_eq!(kept[3].status(), StatusCode::NOT_MODIFIED);
    for answer in &kept {
        marked(answer);
        let kept = answer.headers()["cache-control"].to_str().expect("text");
        assert!(kept.starts_with("public, max-age="), "{kept}");
    }

    let new = json!({"client_id": "new"});
    let client = admin::send(running, Method::POST, "/admin/clients", Some(new)).await;
    let secret = admin::send(running, Method::POST, "/admin/clients/new/secret", None).await;
    let mut private = vec![
        (201, client),
        (200, secret),
        (200, running.login("ada", PASSWORD).await),
        (401, running.login("ada", "wrong").await),
        (200, running.refresh(&pair.refresh).await),
        (400, running.refresh("csr_none").await),
        (413, running.login("ada", &"x".repeat(20_000)).await),
    ];
    for (status, body) in [
        (200, "grant_type=client_credentials"),
        (400, "grant_type=none"),
    ] {
        let answer = stage.post("/oauth/token", body, Some(&shop)).await;
        private.push((status, answer));
    }
    let revoked = stage.post("/oauth/revoke", "token=x", Some(&shop)).await;
    private.push((200, revoked));
    for (status, method, path) in [
        (200, Method::GET, "/me"),
        (200, Method::HEAD, "/me"),
        (405, Method::POST, "/me"),
        (404, Method::GET, "/me/"),
        (200, Method::GET, "/verify"),
        (200, Method::GET, "/healthz"),
        (200, Method::GET, "/readyz"),
        (200, Method::GET, "/metrics"),
        (200, Method::GET, "/revocations"),
        (200, Method::GET, "/sessions"),
        (204, Method::DELETE, "/sessions/none"),
        (204, Method::POST, "/logout"),
        (401, Method::GET, "/me"),
    ] {
        private.push((status, as_ada(method, path).await.expect("an answer")));
    }
    for (status, answer) in &private {
        assert_eq!(answer.status().as_u16(), *status, "{}", answer.url());
        marked(answer);
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn a_body_is_of_one_kind_and_comes_as_it_is() {
    let running = start().await;
    let json = json!({"username": "ada", "password": PASSWORD}).to_string();
    let form = "grant_type=client_credentials";
    let login = || running.request(Method::POST, "/login").body(json.clone());
    let plain = || login().header("content-type", "application/json");
    let coded = plain().header("content-encoding", "identity");
    let answer = coded.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    for (request, expected) in [
        (login(), "wrong_content_type"),
        (
            plain().header("content-type", "text/plain"),
            "wrong_content_type",
        ),
        (
            login().header("content-type", "application/vnd.api+json"),
            "wrong_content_type",
        ),
        (
            plain().header("content-encoding", "gzip"),
            "wrong_content_encoding",
        ),
        (
            plain()
                .header("content-encoding", "identity")
                .header("content-encoding", "br"),
            "wrong_content_encoding",
        ),
        (
            form_to(&running, "/oauth/token", form).header("content-encoding", "gzip"),
            "wrong_content_encoding",
        ),
    ] {
        let answer = request.send().await.expect("an answer");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        assert_eq!(refused(answer, status, "invalid_request").await, expected);
    }
}
