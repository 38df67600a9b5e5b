//! What a token is worth (RFC 7662).

use super::*;

#[tokio::test]
async fn what_a_token_is_worth_is_said_to_those_it_concerns() {
    let stage = Stage::new().await;
    let (shop, orders) = (stage.shop(), stage.orders());
    let ada = stage.ada_at_the_shop().await;
    let ask = async |token: &str, who: &str| {
        let body = format!("token={token}&token_type_hint=nonsense");
        stage.answer(INTROSPECT, &body, Some(who)).await
    };
    let access = text(&ada, "access_token");
    for who in [&shop, &orders] {
        let told = ask(access, who).await;
        assert_eq!(told["active"], true);
        assert_eq!(
            (&told["username"], &told["client_id"]),
            (&json!("ada"), &json!("shop"))
        );
        assert_eq!(
            (&told["scope"], &told["aud"]),
            (&json!("read write"), &json!(["api"]))
        );
        assert_eq!(
            (&told["token_type"], &told["token_use"]),
            (&json!("Bearer"), &json!("access_token"))
        );
        for name in ["sub", "iss", "exp", "iat", "nbf", "jti", "sid"] {
            assert_eq!(told[name], claims(&ada)[name], "{name}");
        }
    }
    let refresh = text(&ada, "refresh_token");
    let told = ask(refresh, &shop).await;
    assert_eq!(
        (&told["active"], &told["token_use"]),
        (&json!(true), &json!("refresh_token"))
    );
    assert_eq!(told["token_type"], Value::Null, "it is sent to no API");

    let nothing = json!({"active": false});
    assert_eq!(ask(refresh, &orders).await, nothing, "another's");
    let elsewhere = format!("{CREDENTIALS}&resource=https%3A%2F%2Fshop.example");
    let elsewhere = stage.token(&elsewhere).await;
    let elsewhere = text(&elsewhere, "access_token");
    assert_eq!(ask(elsewhere, &orders).await, nothing, "for another API");
    assert_eq!(ask(elsewhere, &shop).await["active"], true);
    let altered = format!("{access}A");
    for junk in ["x", "a.b.c", "csr_AAAA", &altered, &stage.secret] {
        assert_eq!(ask(junk, &shop).await, nothing, "{junk}");
    }
    let own = stage.running.signed_in().await;
    assert_eq!(ask(&own.refresh, &shop).await, nothing, "the server's own");

    stage
        .running
        .post("/logout", &json!({"refresh_token": refresh}))
        .await;
    for token in [access, refresh] {
        assert_eq!(ask(token, &shop).await, nothing, "over");
    }
    let as_page = format!("token={access}&client_id=page");
    stage
        .refused(INTROSPECT, &as_page, None, INVALID_CLIENT)
        .await;
}

#[tokio::test]
async fn looking_at_an_old_refresh_token_changes_nothing() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let first = stage.ada_at_the_shop().await;
    let refresh = |pair: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            text(pair, "refresh_token")
        )
    };
    let second = stage.token(&refresh(&first)).await;
    let old = format!("token={}", text(&first, "refresh_token"));
    let told = stage.answer(INTROSPECT, &old, Some(&shop)).await;
    assert_eq!(
        told["active"], true,
        "inside the grace it still fetches its successor"
    );
    stage.token(&refresh(&second)).await;
}
