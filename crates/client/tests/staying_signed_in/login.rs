//! Signing in and out.

use std::time::Duration;

use countersign_client::{Client, ClientError};

use crate::fake::{Fake, PASSWORD};

#[tokio::test]
async fn a_login_opens_the_protected_route() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let answer = client
        .get(&fake.at("/protected"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.expect("a text"), "Hello, ada");
    assert_eq!((fake.logins(), fake.refreshes()), (1, 0));
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal() {
    let fake = Fake::start().await;
    let error = Client::login(&fake.url, "ada", "wr0ng")
        .await
        .expect_err("the password is wrong");
    assert!(matches!(error, ClientError::InvalidCredentials));
    assert!(error.is_refused() && !error.is_temporary());
    assert_eq!(error.code(), "invalid_credentials");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn too_many_attempts_say_how_long_to_wait() {
    let fake = Fake::start().await;
    let error = Client::login(&fake.url, "hasty", PASSWORD)
        .await
        .expect_err("too many");
    assert!(!error.is_refused() && error.is_temporary());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.to_string(), "Too many attempts; try again in 7 s");
    // The word of the server, so that a program looks for one only.
    assert_eq!(error.code(), "too_many_attempts");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let error = Client::login(&url, "ada", PASSWORD)
        .await
        .expect_err("nobody");
    assert_eq!(error.to_string(), format!("{url} could not be reached"));
    assert!(!error.is_refused() && error.is_temporary());
}

#[tokio::test]
async fn an_answer_that_is_no_token_answer_is_not_believed() {
    let fake = Fake::start().await;
    let error = Client::login(&fake.at("/protected"), "ada", PASSWORD)
        .await
        .expect_err("no such route");
    assert!(
        matches!(error, ClientError::UnexpectedAnswer { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn the_password_follows_no_redirect() {
    let (fake, thief) = (Fake::start().await, Fake::start().await);
    fake.lock().redirect_to = thief.at("/login");
    let error = Client::login(&fake.at("/bounced"), "ada", PASSWORD)
        .await
        .expect_err("a redirect is no answer");
    assert!(
        matches!(error, ClientError::UnexpectedAnswer { .. }),
        "{error}"
    );
    assert_eq!(thief.logins(), 0);
}

#[tokio::test]
async fn after_signing_out_there_is_no_token_and_nothing_is_asked() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let clone = client.clone();
    client.logout().await.expect("signed out");
    clone.logout().await.expect("twice is fine");
    let error = clone.token().await.expect_err("signed out");
    assert!(matches!(error, ClientError::SignedOut));
    assert!(error.is_refused());
    assert!(client.refresh_token().is_none());
    assert_eq!((fake.logouts(), fake.refreshes()), (1, 0));
}

#[tokio::test]
async fn a_session_is_resumed_with_its_refresh_token() {
    let fake = Fake::start().await;
    let kept = fake.client().await.refresh_token().expect("signed in");
    let client = Client::resume(&fake.url, kept).expect("an address");
    assert_eq!(fake.refreshes(), 0);
    let answer = client
        .get(&fake.at("/protected"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!((fake.logins(), fake.refreshes()), (1, 1));
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let request = client.get(&fake.at("/protected"));
    let pair = (client.token().await, client.refresh_token());
    let printed = format!("{client:?} {request:?} {pair:?}");
    assert!(printed.contains("127.0.0.1"));
    for secret in ["access-", "refresh-", PASSWORD] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
