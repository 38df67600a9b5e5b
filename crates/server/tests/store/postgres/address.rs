//! Passwords, and who may connect.

use countersign_server::store::postgres::PostgresStore;

use super::fixture;

/// Nobody listens there; the error goes to a log, and the password must not.
#[tokio::test]
async fn a_password_is_in_no_error_and_no_debug_output() {
    let nobody = "postgres://ada:hunter2@127.0.0.1:1/x";
    let error = PostgresStore::connect(nobody)
        .await
        .expect_err("nobody is there");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");

    let Some((_, url)) = fixture().await else {
        return;
    };
    let url = url.replace("countersign@", "countersign:hunter2@");
    let store = PostgresStore::connect(&url).await.expect("a store");
    assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
}

/// The server offers no TLS; whoever asks for it gets no connection instead of an open one.
#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let Some((_, url)) = fixture().await else {
        return;
    };
    let refused = PostgresStore::connect(&format!("{url}?sslmode=require")).await;
    assert!(refused.is_err());
    PostgresStore::connect(&format!("{url}?sslmode=prefer"))
        .await
        .expect("without, if need be");
}
