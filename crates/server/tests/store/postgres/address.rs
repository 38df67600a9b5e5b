//! Who may connect, and how: passwords, TLS, certificates.

use std::net::TcpListener;

use countersign_server::store::postgres::PostgresStore;
use countersign_server::store::{Store, StoreError};

use super::fixture;
use crate::cluster::{Cluster, connect};

/// An authority of the tests' own and a certificate of it for `localhost`, good for a hundred years.
const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/store/postgres/tls/ca.pem"
);
const CERTIFICATE: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server-key.pem");

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
    let required = format!("{url}?sslmode=require&sslrootcert={AUTHORITY}");
    assert!(PostgresStore::connect(&required).await.is_err());
    let preferred = format!("{url}?sslmode=prefer&sslrootcert={AUTHORITY}");
    PostgresStore::connect(&preferred)
        .await
        .expect("without, if need be");
}

#[tokio::test]
async fn over_the_network_the_server_proves_who_it_is_before_it_sees_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = port.expect("a free port").port();
    let Some(cluster) = Cluster::start_with_tls(port, CERTIFICATE, KEY) else {
        return;
    };
    let admin = connect(&cluster.url("postgres")).await;
    let password = "ALTER ROLE countersign PASSWORD 'p@ss hunter2'";
    admin.batch_execute(password).await.expect("a password");
    let at = |host: &str, rest: &str| {
        format!("postgres://countersign:p%40ss%20hunter2@{host}:{port}/postgres?{rest}")
    };
    let refused = async |url: String, why: &str| {
        let Err(StoreError::Unavailable(detail)) = PostgresStore::connect(&url).await else {
            panic!("{why} is refused")
        };
        assert!(!detail.contains("hunter2"), "{detail}");
    };

    let trusted = format!("sslmode=verify-full&sslrootcert={AUTHORITY}");
    let store = PostgresStore::connect(&at("localhost", &trusted))
        .await
        .expect("a store");
    store.ping().await.expect("works");
    let sql = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE ssl AND application_name = 'countersign'";
    let encrypted = admin.query_one(sql, &[]).await.expect("an answer");
    assert!(encrypted.get::<_, i64>(0) > 0);

    refused(at("127.0.0.1", &trusted), "a certificate of another name").await;
    refused(
        at("localhost", "sslmode=require"),
        "an authority nobody has named",
    )
    .await;
    refused(
        at("localhost", "sslmode=prefer"),
        "the same, though it could do without",
    )
    .await;
    refused(
        at("localhost", "sslmode=disable"),
        "a password in the open, by this server,",
    )
    .await;
    let wrong = at("localhost", &trusted).replace("ss%20hun", "ss%20Hun");
    refused(wrong, "a wrong password").await;
}
