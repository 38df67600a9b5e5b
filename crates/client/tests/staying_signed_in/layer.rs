//! The token for another HTTP stack: the layer around a service of the test's own.

use axum::body::Bytes;
use countersign_client::{Client, ClientError, Request, TokenError, TokenLayer};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use crate::fake::Fake;

type Body = Full<Bytes>;

/// Sends with a plain reqwest client, as any stack would.
async fn plain(request: http::Request<Body>) -> Result<http::Response<Bytes>, reqwest::Error> {
    let request = request.map(reqwest::Body::wrap);
    let request = Request::try_from(request)?;
    let answer: http::Response<reqwest::Body> =
        reqwest::Client::new().execute(request).await?.into();
    Ok(answer.map(|_| Bytes::new()))
}

fn post(url: &str) -> http::Request<Body> {
    http::Request::post(url)
        .body(Full::from("the same words"))
        .expect("a request")
}

async fn client(fake: &Fake) -> Client {
    let client = fake.client().await;
    fake.forget_access_tokens();
    client
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_request_sent_again() {
    let fake = Fake::start().await;
    let layer = TokenLayer::resending(&client(&fake).await);
    let service = layer.layer(service_fn(plain));
    let answer = service.oneshot(post(&fake.at("/protected"))).await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!(fake.lock().bodies, ["the same words", "the same words"]);
    assert_eq!(fake.refreshes(), 1);
}

#[tokio::test]
async fn without_a_copy_of_the_body_the_401_is_the_answer() {
    let fake = Fake::start().await;
    let layer = TokenLayer::new(&client(&fake).await);
    let service = layer.layer(service_fn(plain));
    let answer = service.clone().oneshot(post(&fake.at("/protected"))).await;
    assert_eq!(answer.expect("an answer").status(), 401);
    let answer = service.oneshot(post(&fake.at("/protected"))).await;
    assert_eq!(answer.expect("an answer").status(), 200, "a new token");
    assert_eq!((fake.calls(), fake.refreshes()), (2, 1));
}

#[tokio::test]
async fn a_stranger_gets_nothing() {
    let (fake, stranger) = (Fake::start().await, Fake::start().await);
    let layer = TokenLayer::resending(&client(&fake).await);
    for url in [stranger.at("/protected"), "/protected".to_owned()] {
        let answer = layer.layer(service_fn(plain)).oneshot(post(&url)).await;
        let error = answer.expect_err("not allowed");
        assert!(
            matches!(
                error,
                TokenError::Client(ClientError::OriginNotAllowed { .. })
            ),
            "{error}"
        );
    }
    assert_eq!(stranger.calls(), 0);
}
