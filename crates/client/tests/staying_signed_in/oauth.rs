//! OAuth 2 servers of any make: client credentials, refresh, revocation, discovery.

use countersign_client::{Client, ClientError};
use serde_json::json;

use crate::fake::Fake;

#[tokio::test]
async fn a_service_signs_in_with_its_name_and_secret() {
    let fake = Fake::start().await;
    let client = Client::at_token_endpoint(&fake.at("/token"))
        .expect("an address")
        .scope("orders:read orders:write")
        .client_secret("billing", "a:b c")
        .client_credentials()
        .expect("a client");
    assert!(fake.lock().forms.is_empty(), "nothing before it is needed");
    for _ in 0..2 {
        let answer = client.get(&fake.at("/protected")).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    // RFC 6749 §2.3.1: both are form-encoded before they are put together: `billing:a%3Ab+c`.
    assert_eq!(
        fake.lock().forms,
        [(
            "Basic YmlsbGluZzphJTNBYitj".to_owned(),
            "grant_type=client_credentials&scope=orders%3Aread+orders%3Awrite".to_owned()
        )]
    );
    assert!(client.refresh_token().is_none());
    assert!(!format!("{client:?}").contains("a:b c"));
}

#[tokio::test]
async fn a_secret_goes_into_the_body_where_that_is_wanted() {
    let fake = Fake::start().await;
    let client = Client::at_token_endpoint(&fake.at("/token"))
        .expect("an address")
        .audience("api")
        .client_secret_in_body("billing", "s")
        .client_credentials()
        .expect("a client");
    client.token().await.expect("a token");
    assert_eq!(
        fake.lock().forms,
        [(
            String::new(),
            "grant_type=client_credentials&audience=api&client_id=billing&client_secret=s"
                .to_owned()
        )]
    );
}

#[tokio::test]
async fn a_refused_secret_is_a_refusal_and_is_not_tried_at_once_again() {
    let fake = Fake::start().await;
    let client = Client::at_token_endpoint(&fake.at("/token"))
        .expect("an address")
        .client_secret_in_body("billing", "wr0ng")
        .client_credentials()
        .expect("a client");
    for _ in 0..3 {
        let error = client.token().await.expect_err("refused");
        assert!(matches!(error, ClientError::InvalidClient), "{error}");
        assert!(error.is_refused() && !format!("{error} {error:?}").contains("wr0ng"));
        assert_eq!(error.code(), "invalid_client");
    }
    assert_eq!(fake.lock().forms.len(), 1);
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_goes_on() {
    let fake = Fake::start().await;
    let client = Client::at_token_endpoint(&fake.at("/token"))
        .expect("an address")
        .client_id("app")
        .resume("refresh-0")
        .expect("a client");
    client.refresh_now().await.expect("a token");
    client.refresh_now().await.expect("another");
    let form = "grant_type=refresh_token&refresh_token=refresh-0&client_id=app";
    let sent: Vec<_> = fake
        .lock()
        .forms
        .iter()
        .map(|(_, form)| form.clone())
        .collect();
    assert_eq!(sent, [form, form]);

    fake.lock().ended = true;
    let error = client.refresh_now().await.expect_err("ended");
    assert!(matches!(error, ClientError::SessionEnded), "{error}");
}

#[tokio::test]
async fn an_issuer_says_where_it_does_what() {
    let fake = Fake::start().await;
    fake.lock().metadata = json!({
        "issuer": fake.url, "jwks_uri": fake.at("/jwks"),
        "token_endpoint": fake.at("/token"), "revocation_endpoint": fake.at("/revoke"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    let client = Client::discover(&fake.url)
        .await
        .expect("metadata")
        .client_secret("app", "s")
        .resume("refresh-0")
        .expect("a client");
    client.token().await.expect("a token");
    client.logout().await.expect("revoked");
    let sent: Vec<_> = fake
        .lock()
        .forms
        .iter()
        .map(|(_, form)| form.clone())
        .collect();
    assert_eq!(
        sent,
        [
            "grant_type=refresh_token&refresh_token=refresh-0&client_id=app&client_secret=s",
            "token=refresh-0&token_type_hint=refresh_token&client_id=app&client_secret=s",
        ]
    );

    // It is no Countersign server, so nobody signs in with a password.
    let error = Client::discover(&fake.url)
        .await
        .expect("metadata")
        .login("ada", "pw")
        .await
        .expect_err("not offered");
    assert!(matches!(error, ClientError::NotOffered { .. }), "{error}");
}

#[tokio::test]
async fn an_issuer_that_speaks_for_another_is_not_believed() {
    let fake = Fake::start().await;
    fake.lock().metadata = json!({
        "issuer": "https://id.example", "jwks_uri": "https://id.example/jwks",
        "token_endpoint": fake.at("/token"),
    });
    let error = Client::discover(&fake.url).await.expect_err("another");
    assert_eq!(error.code(), "other_issuer");
    let error = Client::discover("http://id.example")
        .await
        .expect_err("in the clear");
    assert_eq!(error.code(), "bad_address");
}
