use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use countersign_server::TlsFiles;
use countersign_server::config::Limits;
use reqwest::{Certificate, Client, ClientBuilder, StatusCode, Version};

use super::{AT_MOST, Running};

/// Each signed by itself, for 127.0.0.1, good for a hundred years.
pub(crate) const FIRST: [&str; 2] = [
    include_str!("tls/first.pem"),
    include_str!("tls/first-key.pem"),
];
const SECOND: [&str; 2] = [
    include_str!("tls/second.pem"),
    include_str!("tls/second-key.pem"),
];

pub(crate) async fn start(files: &Path, limits: Limits) -> Running {
    start_with(files, limits, None).await
}

/// The same, with its numbers on a listener of their own.
pub(crate) async fn start_beside(files: &Path, limits: Limits) -> Running {
    start_with(files, limits, Some(([127, 0, 0, 1], 0).into())).await
}

async fn start_with(files: &Path, limits: Limits, numbers: Option<SocketAddr>) -> Running {
    put(files, FIRST);
    let tls = TlsFiles {
        certificate: files.join("cert.pem"),
        key: files.join("key.pem"),
        strict_transport: Some(Duration::from_secs(86_400)),
    };
    Running::start(limits, |config| countersign_server::Config {
        tls: Some(tls),
        metrics_listen: numbers,
        ..config
    })
    .await
}

fn put(files: &Path, [certificate, key]: [&str; 2]) {
    fs::write(files.join("cert.pem"), certificate).expect("a file");
    fs::write(files.join("key.pem"), key).expect("a file");
}

/// A client that believes this certificate and no other.
fn trusting([certificate, _]: [&str; 2]) -> ClientBuilder {
    let certificate = Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
    Client::builder().tls_certs_only([certificate])
}

async fn healthz(running: &Running, client: ClientBuilder) -> reqwest::Result<Version> {
    let url = format!("https://{}/healthz", running.server.address());
    let answer = client.build()?.get(url).send().await?;
    assert_eq!(answer.status(), StatusCode::OK);
    let strict = &answer.headers()["strict-transport-security"];
    assert_eq!(strict, "max-age=86400");
    Ok(answer.version())
}

#[tokio::test]
async fn plain_http_to_a_port_of_tls_is_told_so() {
    let files = tempfile::tempdir().expect("a folder");
    let running = start(files.path(), Limits::default()).await;
    let client = Client::builder().tls_certs_only(None::<Certificate>);
    let client = client.build().expect("a client");
    let address = running.server.address();
    let login = client
        .post(format!("http://{address}/login"))
        .body("x".repeat(10_000));
    let answer = login.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body = answer.text().await.expect("a body");
    for part in ["\"invalid_request\"", "\"https_only\"", "https://"] {
        assert!(body.contains(part), "{body}");
    }
    // The port goes on.
    healthz(&running, trusting(FIRST)).await.expect("an answer");
}

#[tokio::test]
async fn over_tls_a_client_chooses_its_http() {
    let files = tempfile::tempdir().expect("a folder");
    let running = start(files.path(), Limits::default()).await;
    let newest = healthz(&running, trusting(FIRST)).await;
    assert_eq!(newest.expect("an answer"), Version::HTTP_2);
    let older = healthz(&running, trusting(FIRST).http1_only()).await;
    assert_eq!(older.expect("an answer"), Version::HTTP_11);
    // Many at once over one connection.
    let client = trusting(FIRST).build().expect("a client");
    let url = format!("https://{}/.well-known/jwks.json", running.server.address());
    let asked = (0..200).map(|_| client.get(&url).send());
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    }
    // The bound on headers is the same.
    let many = (0..120).fold(client.get(&url), |request, number| {
        request.header(format!("x-{number}"), "y")
    });
    let refused = many.send().await.expect("an answer");
    assert_eq!(
        refused.status(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
    running.server.stop().await;
    assert!(running.folder.path().exists());
}

#[tokio::test]
async fn without_tls_there_is_no_http_2() {
    let running = Running::start(Limits::default(), |config| config).await;
    let client = Client::builder().http2_prior_knowledge().build();
    let url = format!("http://{}/healthz", running.server.address());
    let refused = client.expect("a client").get(url).send().await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_a_damaged_one_is_not() {
    let files = tempfile::tempdir().expect("a folder");
    let running = start(files.path(), Limits::default()).await;
    let first = || healthz(&running, trusting(FIRST));
    let second = || healthz(&running, trusting(SECOND));
    assert!(first().await.is_ok() && second().await.is_err());

    // Half renewed: what is there does not belong together, and the certificate before goes on.
    fs::write(files.path().join("cert.pem"), SECOND[0]).expect("a file");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(first().await.is_ok() && second().await.is_err());

    put(files.path(), SECOND);
    let renewed = Instant::now();
    while second().await.is_err() {
        assert!(renewed.elapsed() < AT_MOST, "it is never served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(first().await.is_err());
}
