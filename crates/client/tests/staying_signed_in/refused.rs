//! A protected route says 401: renew once, resend once, if that is safe.

use axum::body::Bytes;
use countersign_client::Body;
use http_body_util::Full;

use crate::fake::Fake;

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_request_sent_again() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.forget_access_tokens();
    let answer = client
        .post(&fake.at("/protected"))
        .body("the same words")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(fake.refreshes(), 1);
    assert_eq!(fake.lock().bodies, ["the same words", "the same words"]);
    let seen = fake.lock().seen.clone();
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_body_that_flows_past_once_is_not_sent_again() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.forget_access_tokens();
    let answer = client
        .post(&fake.at("/protected"))
        .body(stream("once"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
    assert_eq!(fake.lock().bodies, ["once"]);

    // The refused token is not tried again: the next request comes with a new one.
    let answer = client
        .post(&fake.at("/protected"))
        .body(stream("twice"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(fake.refreshes(), 1);
    assert_eq!(fake.lock().bodies, ["once", "twice"]);
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_an_answer() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.lock().never_content = true;
    let answer = client
        .get(&fake.at("/protected"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
    assert_eq!((fake.refreshes(), fake.calls()), (1, 2));
}

#[tokio::test]
async fn a_401_about_something_else_is_left_to_the_caller() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    fake.forget_access_tokens();
    for challenge in [r#"Bearer realm="api""#, r#"Basic realm="api""#] {
        fake.lock().challenge = Some(challenge);
        let answer = client
            .get(&fake.at("/protected"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 401);
    }
    assert_eq!((fake.refreshes(), fake.calls()), (0, 2));
}

/// A body whose length reqwest does not know and which it cannot clone.
fn stream(text: &'static str) -> Body {
    Body::wrap(Full::<Bytes>::from(text))
}
