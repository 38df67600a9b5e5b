//! What the server publishes about itself, and what it does not have.

use super::*;

#[tokio::test]
async fn the_metadata_is_true_and_the_keys_are_there() {
    let running = start().await;
    let get = |path: &'static str| running.request(Method::GET, path).send();
    let metadata: Value = get("/.well-known/openid-configuration")
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(metadata["issuer"], running.server.issuer());
    for (name, url) in metadata.as_object().expect("an object") {
        if let Some(url) = url.as_str().filter(|_| name.ends_with("_endpoint")) {
            let path = url
                .strip_prefix(running.server.issuer())
                .expect("below the issuer");
            let status = running
                .request(Method::GET, path)
                .send()
                .await
                .expect("an answer")
                .status();
            assert_ne!(status, StatusCode::NOT_FOUND, "{name}");
        }
    }
    let keys = get("/.well-known/jwks.json").await.expect("an answer");
    let etag = keys.headers()["etag"].clone();
    assert!(
        keys.headers()["cache-control"]
            .to_str()
            .is_ok_and(|v| v.starts_with("public, max-age="))
    );
    let set: Value = keys.json().await.expect("JSON");
    assert_eq!(
        set["keys"].as_array().map(Vec::len),
        Some(2),
        "one signs, one is pending: {set}"
    );
    assert!(
        set["keys"]
            .as_array()
            .is_some_and(|keys| keys.iter().all(|key| key.get("d").is_none()))
    );
    let etag = etag.to_str().expect("text");
    for (tags, expected) in [
        (etag.to_owned(), StatusCode::NOT_MODIFIED),
        (format!("\"other\", {etag}"), StatusCode::NOT_MODIFIED),
        // What a proxy that compresses makes of it.
        (format!("W/{etag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let request = running.request(Method::GET, "/.well-known/jwks.json");
        let answer = request.header("if-none-match", &tags).send().await;
        assert_eq!(answer.expect("an answer").status(), expected, "{tags}");
    }
}

/// RFC 8414 §3.1: an issuer with a path is found with the well-known name in front of that path.
#[tokio::test]
async fn an_issuer_with_a_path_is_found_where_the_rfc_looks() {
    let running = start_with(|config| Config {
        issuer: Some("https://id.example/shop".into()),
        plain_http: countersign_server::PlainHttp::BehindProxy,
        ..config
    })
    .await;
    let at = |path: &str| {
        let url = format!("http://{}{path}", running.server.address());
        running.client.get(url).send()
    };
    for path in [
        "/.well-known/oauth-authorization-server/shop",
        "/.well-known/openid-configuration/shop",
        // For whoever strips `/shop` from what it forwards.
        "/.well-known/openid-configuration",
    ] {
        let answer = at(path).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let metadata: Value = answer.json().await.expect("JSON");
        assert_eq!(metadata["issuer"], "https://id.example/shop");
        let token = &metadata["token_endpoint"];
        assert_eq!(token, "https://id.example/shop/oauth/token");
    }
    let other = at("/.well-known/oauth-authorization-server/other").await;
    assert_eq!(other.expect("an answer").status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_is_at_other_paths_and_methods_are_named() {
    let running = start().await;
    let nowhere = running
        .request(Method::GET, "/nowhere")
        .send()
        .await
        .expect("an answer");
    refused(nowhere, StatusCode::NOT_FOUND, "not_found").await;
    let pair = running.signed_in().await;
    let odd = running
        .request(Method::DELETE, "/sessions/%FF")
        .bearer_auth(&pair.access)
        .send()
        .await
        .expect("an answer");
    let reason = refused(odd, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "bad_path");
    let wrong = running
        .request(Method::GET, "/login")
        .send()
        .await
        .expect("an answer");
    assert_eq!(wrong.headers()["allow"], "POST");
    refused(wrong, StatusCode::METHOD_NOT_ALLOWED, "invalid_request").await;
}
