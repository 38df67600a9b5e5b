//! Signing out, whichever way it is asked for, and connections that come to nothing.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn a_bearer_signs_out_too() {
    let running = start().await;
    let pair = running.signed_in().await;
    let out = running
        .request(Method::POST, "/logout")
        .bearer_auth(&pair.access)
        .send()
        .await;
    assert_eq!(out.expect("an answer").status(), StatusCode::NO_CONTENT);
    let me = running.get_as("/me", &pair).await;
    assert_eq!(
        refused(me, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
    let again = running
        .request(Method::POST, "/logout")
        .bearer_auth(&pair.access)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        again.status(),
        StatusCode::NO_CONTENT,
        "it was over already"
    );
    let nobody = running
        .request(Method::POST, "/logout")
        .send()
        .await
        .expect("an answer");
    refused(nobody, StatusCode::BAD_REQUEST, "invalid_request").await;
}

#[tokio::test]
async fn an_old_access_token_beside_the_refresh_token_does_no_harm() {
    let running = start().await;
    let pair = running.signed_in().await;
    let out = running
        .request(Method::POST, "/logout")
        .bearer_auth("not.a.token")
        .json(&json!({"refresh_token": pair.refresh}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &pair).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn whoever_hangs_up_is_signed_out_all_the_same() {
    let running = start().await;
    for _ in 0..20 {
        let pair = running.signed_in().await;
        let body = format!("{{\"refresh_token\":\"{}\"}}", pair.refresh);
        let mut socket = TcpStream::connect(running.server.address())
            .await
            .expect("a connection");
        let request = format!(
            "POST /logout HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket
            .write_all(request.as_bytes())
            .await
            .expect("a request sent");
        drop(socket);
        // The session is over in the database a moment later; then no guard may let it pass.
        while running.refresh(&pair.refresh).await.status() == StatusCode::OK {
            tokio::task::yield_now().await;
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while running.get_as("/me", &pair).await.status() == StatusCode::OK {
            assert!(
                std::time::Instant::now() < deadline,
                "its guard was never told"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn who_connects_and_says_too_little_is_not_waited_for() {
    let running = start().await;
    let half = "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    let silent = ["", "PR", "GET /me HT", half].map(|said| {
        let address = running.server.address();
        async move {
            let mut socket = TcpStream::connect(address).await.expect("a connection");
            socket.write_all(said.as_bytes()).await.expect("sent");
            let mut answer = Vec::new();
            // Bounded far above the server's own patience: what is tested is that it ends.
            let ended =
                tokio::time::timeout(Duration::from_secs(60), socket.read_to_end(&mut answer));
            assert!(ended.await.is_ok(), "still open after {said:?}");
        }
    });
    futures_util::future::join_all(silent).await;
}
