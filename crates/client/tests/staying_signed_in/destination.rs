//! Where the token goes, and where it does not.

use countersign_client::{Client, ClientError};

use crate::fake::Fake;

#[tokio::test]
async fn a_stranger_gets_no_request_at_all() {
    let (fake, stranger) = (Fake::start().await, Fake::start().await);
    let client = fake.client().await;
    let error = client
        .get(&stranger.at("/protected"))
        .send()
        .await
        .expect_err("not allowed");
    assert!(matches!(&error, ClientError::OriginNotAllowed { origin } if *origin == stranger.url));
    assert!(stranger.lock().seen.is_empty());
}

#[tokio::test]
async fn a_named_origin_gets_the_token() {
    let (fake, api) = (Fake::start().await, Fake::start().await);
    let client = fake.client().await;
    let for_api = client.for_origin(&api.at("/any/path")).expect("an address");
    api.lock().good.insert("Bearer access-0-0".to_owned());
    let answer = for_api
        .get(&api.at("/protected"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);

    // The client it was made from does not change.
    client
        .get(&api.at("/protected"))
        .send()
        .await
        .expect_err("still not allowed");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_followed_without_the_token() {
    let (fake, elsewhere) = (Fake::start().await, Fake::start().await);
    let client = fake.client().await;
    fake.lock().redirect_to = elsewhere.at("/protected");
    let answer = client
        .get(&fake.at("/moved"))
        .send()
        .await
        .expect("an answer");
    // The other host's `invalid_token` is about no token of ours, so nothing is renewed.
    assert_eq!(answer.status(), 401);
    assert_eq!(elsewhere.lock().seen, [""]);
    assert_eq!(fake.refreshes(), 0);
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_the_token() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.lock().redirect_to = fake.at("/protected");
    let answer = client
        .get(&fake.at("/moved"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(fake.lock().seen, ["Bearer access-0-0"]);
}

#[tokio::test]
async fn the_error_of_a_failed_request_holds_no_query_and_no_token() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let fake = Fake::start().await;
    let client = fake.client().await.for_origin(&nobody).expect("an address");
    let error = client
        .get(&format!("{nobody}/x?key=s3cret"))
        .send()
        .await
        .expect_err("nobody listens");
    let printed = format!("{error} {error:?}");
    assert!(printed.contains(&nobody));
    assert!(
        !printed.contains("s3cret") && !printed.contains("access-"),
        "{printed}"
    );

    let error = client
        .get("no address")
        .send()
        .await
        .expect_err("not a URL");
    assert_eq!(error.code(), "request_failed");
}

#[tokio::test]
async fn nothing_secret_crosses_the_network_in_the_clear() {
    let error = Client::login("http://auth.example", "ada", "pw")
        .await
        .expect_err("not without being told to");
    assert_eq!(error.code(), "bad_address");
    let error = Client::resume("http://auth.example", "csr_x").expect_err("nor this");
    assert_eq!(error.code(), "bad_address");

    let fake = Fake::start().await;
    let client = fake.client().await;
    client
        .for_origin("http://api.example")
        .expect_err("nor this");
    client.for_origin("https://api.example").expect("encrypted");
}
