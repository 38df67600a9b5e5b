//! Who a client is: proved in each way there is, and not proved.

use super::*;

#[tokio::test]
async fn a_client_proves_itself_in_each_way_there_is() {
    let stage = Stage::new().await;
    let posted = format!(
        "{CREDENTIALS}&client_id=shop&client_secret={}",
        stage.secret
    );
    stage.answer(TOKEN, &posted, None).await;
    // RFC 6749 §2.3.1: both halves may be encoded as in a form, and beside it the id may stand.
    let encoded = basic("%73hop", &stage.secret.replace('_', "%5F"));
    let asked = format!("{CREDENTIALS}&client_id=shop");
    stage.answer(TOKEN, &asked, Some(&encoded)).await;

    let endpoint = format!("{}{TOKEN}", stage.running.server.issuer());
    for audience in [stage.running.server.issuer().to_owned(), endpoint] {
        let assertion = stage.assertion(|claims| claims["aud"] = json!(audience));
        let answer = stage.answer(TOKEN, &with_assertion(&assertion), None).await;
        assert_eq!(claims(&answer)["sub"], "signer");
    }
}

#[tokio::test]
async fn an_assertion_is_good_once_and_only_as_rfc_7523_says() {
    let stage = Stage::new().await;
    let body = with_assertion(&stage.assertion(|_| {}));
    stage.answer(TOKEN, &body, None).await;
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let body = format!("{body}&token=x");
        let reason = stage.refused(path, &body, None, INVALID_CLIENT).await;
        assert_eq!(reason, "assertion_used", "{path}");
    }
    let now = UnixTime::now().as_secs();
    let cases: [(&str, Value, &str); 9] = [
        ("aud", json!("https://other.example"), "wrong_audience"),
        (
            "aud",
            json!([stage.running.server.issuer(), "https://other.example"]),
            "assertion_audiences",
        ),
        ("exp", json!(now - 60), "expired"),
        ("exp", json!(now + 7_200), "assertion_too_long"),
        ("nbf", json!(now + 600), "not_yet_valid"),
        ("iss", json!("shop"), "wrong_issuer"),
        ("jti", json!(""), "assertion_id"),
        ("sub", json!("shop"), "invalid_client"),
        ("sub", json!("nobody"), "invalid_client"),
    ];
    for (name, value, expected) in cases {
        let assertion = stage.assertion(|claims| claims[name] = value.clone());
        let body = with_assertion(&assertion);
        let reason = stage.refused(TOKEN, &body, None, INVALID_CLIENT).await;
        assert_eq!(reason, expected, "{name}: {value}");
    }
    let another = SigningKey::generate(Algorithm::ES256).expect("a key");
    let claims = json!({
        "iss": "signer", "sub": "signer", "aud": stage.running.server.issuer(), "jti": "1",
        "exp": now + 60,
    });
    let forged = with_assertion(&another.sign(&claims).expect("a JWT"));
    stage.refused(TOKEN, &forged, None, INVALID_CLIENT).await;
    let kid = stage.key.key_id().expect("an id").to_owned();
    let forged = another.with_key_id(kid).sign(&claims).expect("a JWT");
    let reason = stage
        .refused(TOKEN, &with_assertion(&forged), None, INVALID_CLIENT)
        .await;
    assert_eq!(reason, "bad_signature");
    let shared = Jwk::from_json(
        r#"{"kty":"oct","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}"#,
    );
    let shared = SigningKey::from_jwk(&shared.expect("a JWK")).expect("a key");
    let confused = with_assertion(&shared.sign(&claims).expect("a JWT"));
    stage.refused(TOKEN, &confused, None, INVALID_CLIENT).await;

    let unknown_kind = body.replace("jwt-bearer", "saml2-bearer");
    stage
        .refused(TOKEN, &unknown_kind, None, INVALID_CLIENT)
        .await;
    let (without_kind, _) = body.split_once("&client_assertion_type").expect("the kind");
    let assertion = stage.assertion(|_| {});
    let without_kind = format!("{without_kind}&client_assertion={assertion}");
    let reason = stage
        .refused(TOKEN, &without_kind, None, INVALID_REQUEST)
        .await;
    assert_eq!(reason, "missing_parameter");
    let (without_assertion, _) = body.rsplit_once('&').expect("the assertion");
    let reason = stage
        .refused(TOKEN, without_assertion, None, INVALID_REQUEST)
        .await;
    assert_eq!(reason, "missing_parameter");
    let of_another = format!(
        "{}&client_id=shop",
        with_assertion(&stage.assertion(|_| {}))
    );
    stage
        .refused(TOKEN, &of_another, None, INVALID_CLIENT)
        .await;
}

#[tokio::test]
async fn whoever_does_not_prove_it_is_no_client() {
    let stage = Stage::new().await;
    let wrong = [
        basic("shop", "csc_wrong"),
        basic("shop", ""),
        basic("nobody", &stage.secret),
        basic("signer", &stage.secret),
        basic("page", ""),
        basic("first-party", ""),
        "Basic !!!".to_owned(),
        "Basic".to_owned(),
        format!("Bearer {}", stage.secret),
    ];
    for path in [TOKEN, INTROSPECT, REVOKE] {
        let body = format!("{CREDENTIALS}&token=x");
        for authorization in &wrong {
            let header = Some(authorization.as_str());
            stage.refused(path, &body, header, INVALID_CLIENT).await;
        }
        for nobody in [
            "",
            "&client_id=shop",
            "&client_id=signer",
            "&client_id=nobody",
        ] {
            let body = format!("{body}{nobody}");
            stage.refused(path, &body, None, INVALID_CLIENT).await;
        }
        let posted = format!("{body}&client_id=shop&client_secret=csc_wrong");
        stage.refused(path, &posted, None, INVALID_CLIENT).await;
    }
}
