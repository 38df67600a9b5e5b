//! One look at an issuer sees what a guard that follows it would go by.

use std::time::SystemTime;

use countersign::{Algorithm, SigningKey};
use countersign_guard::Kind;
use countersign_guard::remote::{Look, News};
use tokio::net::TcpListener;

use crate::remote_issuer::{Answer, RemoteIssuer};

#[tokio::test]
async fn keys_news_and_clock_are_seen() {
    let remote = RemoteIssuer::start().await;
    remote.revoke(Kind::Sid, "s-1");
    remote.behaviour().metadata.countersign_max_token_lifetime = Some(600);
    let look = Look::at(&remote.issuer.name).await.expect("an issuer");
    assert_eq!(look.keys.len(), 1);
    assert_eq!(look.metadata.countersign_max_token_lifetime, Some(600));
    let News::Snapshot(bulletin) = look.news else {
        panic!("there are revocations")
    };
    assert_eq!(bulletin.events[0].value, "s-1");
    let clock = look.clock.expect("a date");
    assert!(clock.date.ends_with("GMT"), "{}", clock.date);
    assert!(clock.asked <= clock.answered && clock.answered <= SystemTime::now());
}

#[tokio::test]
async fn a_forged_snapshot_is_no_news() {
    let remote = RemoteIssuer::start().await;
    remote.revoke(Kind::Sid, "s-1");
    remote.behaviour().feed_key = SigningKey::generate(Algorithm::ES256).expect("a key");
    let look = Look::at(&remote.issuer.name).await.expect("an issuer");
    let News::Unavailable(error) = look.news else {
        panic!("nobody signed that")
    };
    assert_eq!(error.code(), "unreadable_answer");
    assert!(error.to_string().contains("not the issuer's"), "{error}");
}

#[tokio::test]
async fn an_issuer_without_a_feed_is_looked_at_all_the_same() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().metadata.countersign_revocations_endpoint = None;
    let look = Look::at(&remote.issuer.name).await.expect("an issuer");
    assert!(matches!(look.news, News::NotOffered));
}

#[tokio::test]
async fn what_no_guard_would_follow_is_not_looked_at() {
    let remote = RemoteIssuer::start().await;
    remote.behaviour().keys = Answer::Status(500);
    let error = Look::at(&remote.issuer.name).await.expect_err("no keys");
    assert_eq!(error.code(), "unexpected_status");
    for (address, code) in [
        (format!("{}/", remote.issuer.name), "other_issuer"),
        ("http://id.example".to_owned(), "plain_http"),
    ] {
        let error = Look::at(&address).await.expect_err("another issuer");
        assert_eq!(error.code(), code, "{address}");
    }
}

#[tokio::test]
async fn why_an_issuer_cannot_be_reached_is_said() {
    let said = async |issuer: &str| {
        let error = Look::at(issuer).await.expect_err("it cannot be reached");
        error.to_string()
    };
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let refused = said(&nobody).await;
    assert!(refused.contains("Connection refused"), "{refused}");
    assert!(refused.contains(&nobody), "{refused}");

    let plain = RemoteIssuer::start().await;
    let tls = said(&plain.issuer.name.replace("http:", "https:")).await;
    assert!(tls.contains("is it http:// that is meant?"), "{tls}");
}
