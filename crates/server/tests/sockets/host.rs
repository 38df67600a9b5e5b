//! RFC 9112 §3.2: which host a request is for is said once, or the request is not answered.

use countersign_server::config::Limits;

use super::{Running, said};

#[tokio::test]
async fn a_request_names_one_host() {
    let running = Running::start(Limits::default(), |config| config).await;
    let status = async |head: &str| {
        let request = format!("GET /healthz {head}connection: close\r\n\r\n");
        let answered = said(&mut running.connect().await, &request).await;
        let bad = answered.contains("\"reason\":\"bad_host\"");
        assert_eq!(bad, answered.contains(" 400 "), "{answered}");
        bad || !answered.contains(" 200 ")
    };
    for bad in [
        "HTTP/1.1\r\n",
        "HTTP/1.1\r\nhost: a\r\nhost: b\r\n",
        "HTTP/1.1\r\nhost: a\r\nhost: a\r\n",
        "HTTP/1.1\r\nhost: a b\r\n",
        "HTTP/1.1\r\nhost: ada@a\r\n",
        "HTTP/1.1\r\nhost: a/b\r\n",
        "HTTP/1.0\r\nhost: a\r\nhost: b\r\n",
    ] {
        assert!(status(bad).await, "{bad}");
    }
    for good in [
        "HTTP/1.1\r\nhost: id.example:7800\r\n",
        "HTTP/1.1\r\nhost: [::1]:7800\r\n",
        "HTTP/1.1\r\nhost:\r\n",
        "HTTP/1.0\r\n",
    ] {
        assert!(!status(good).await, "{good}");
    }
}
