//! Tokens in a client's own name, and more than policy grants.

use super::*;

#[tokio::test]
async fn a_client_has_tokens_in_its_own_name() {
    let stage = Stage::new().await;
    let answer = stage.token(CREDENTIALS).await;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["scope"], "read write export");
    assert_eq!(answer["refresh_token"], Value::Null);
    let life = answer["expires_in"].as_u64().expect("a number");
    assert!((57..=60).contains(&life), "its own life, jittered: {life}");
    let claims = claims(&answer);
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("shop"), &json!("shop"))
    );
    assert_eq!(claims["aud"], "api");
    assert_eq!(claims["roles"], json!(["auditor"]));
    assert!(claims["sid"].is_string(), "by which it can be revoked");

    let asked = format!("{CREDENTIALS}&scope=export+read&resource=https%3A%2F%2Fshop.example");
    let narrow = stage.token(&asked).await;
    assert_eq!(narrow["scope"], "export read");
    let aud = self::claims(&narrow)["aud"].clone();
    assert_eq!(aud, "https://shop.example");
    let asked = format!("{CREDENTIALS}&audience=https%3A%2F%2Fshop.example&scope=");
    let by_audience = stage.token(&asked).await;
    assert_eq!(self::claims(&by_audience)["aud"], "https://shop.example");
}

#[tokio::test]
async fn more_than_policy_grants_is_refused() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    for scope in [
        "admin",
        "read+admin",
        "READ",
        "%22",
        "read%09write",
        "r%C3%A9ad",
    ] {
        let body = format!("{CREDENTIALS}&scope={scope}");
        let refusal = (400, "invalid_scope");
        stage.refused(TOKEN, &body, Some(&shop), refusal).await;
    }
    let other = "resource=https%3A%2F%2Fother.example";
    let both = "resource=api&resource=https%3A%2F%2Fshop.example";
    let differing = "resource=api&audience=https%3A%2F%2Fshop.example";
    for target in [other, both, differing, "audience=API"] {
        let body = format!("{CREDENTIALS}&{target}");
        let refusal = (400, "invalid_target");
        stage.refused(TOKEN, &body, Some(&shop), refusal).await;
    }
    for kind in [
        "password",
        "authorization_code",
        "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer",
        "CLIENT_CREDENTIALS",
    ] {
        let body = format!("grant_type={kind}");
        let refusal = (400, "unsupported_grant_type");
        stage.refused(TOKEN, &body, Some(&shop), refusal).await;
    }
    let unauthorized = (400, "unauthorized_client");
    let as_page = format!("{CREDENTIALS}&client_id=page");
    stage.refused(TOKEN, &as_page, None, unauthorized).await;
    // `orders` serves an audience, and was made for nothing else.
    let header = Some(stage.orders());
    let header = header.as_deref();
    stage
        .refused(TOKEN, CREDENTIALS, header, unauthorized)
        .await;
    let refresh = "grant_type=refresh_token&refresh_token=x";
    stage.refused(TOKEN, refresh, header, unauthorized).await;
}

#[tokio::test]
async fn a_client_may_have_an_algorithm_of_its_own() {
    let stage = Stage::new().await;
    let change = countersign_server::ClientChange {
        algorithm: Some(Some(Algorithm::EdDSA)),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    let keys = stage
        .running
        .request(Method::GET, "/.well-known/jwks.json")
        .send()
        .await;
    let keys: Value = keys.expect("an answer").json().await.expect("JSON");
    let keys = keys["keys"].as_array().expect("keys").clone();
    assert!(
        keys.iter().any(|key| key["alg"] == "EdDSA"),
        "published before it signs: {keys:?}"
    );
    let answer = stage.token(CREDENTIALS).await;
    let header = Unverified::parse(text(&answer, "access_token")).expect("a JWT");
    assert_eq!(
        header.algorithm_name(),
        "ES256",
        "until every guard may know the key"
    );
}

#[tokio::test]
async fn the_metadata_says_what_is_built() {
    let stage = Stage::new().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = stage.running.request(Method::GET, path).send().await;
        let said: Value = answer.expect("an answer").json().await.expect("JSON");
        let issuer = stage.running.server.issuer();
        for (name, path) in [
            ("token_endpoint", TOKEN),
            ("introspection_endpoint", INTROSPECT),
            ("revocation_endpoint", REVOKE),
        ] {
            assert_eq!(said[name], format!("{issuer}{path}"));
        }
        assert_eq!(
            said["grant_types_supported"],
            json!(["client_credentials", "refresh_token"])
        );
        assert_eq!(said["response_types_supported"], json!([]));
        let proofs = json!([
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt"
        ]);
        assert_eq!(
            said["introspection_endpoint_auth_methods_supported"],
            proofs
        );
        let algorithms = said["token_endpoint_auth_signing_alg_values_supported"].as_array();
        let algorithms = algorithms.expect("algorithms");
        assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("HS256")));
        assert_eq!(said["authorization_endpoint"], Value::Null, "not built");
    }
}
