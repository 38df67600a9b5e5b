//! What is no request, whoever sends it.

use super::*;

#[tokio::test]
async fn what_is_no_request_is_refused_before_anything_else() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let secret = format!("client_secret={}", stage.secret);
    let assertion = stage.assertion(|_| {});
    let cases = [
        (String::new(), "missing_parameter"),
        ("grant_type=".to_owned(), "missing_parameter"),
        (
            format!("{CREDENTIALS}&grant_type=refresh_token"),
            "repeated_parameter",
        ),
        (
            format!("{CREDENTIALS}&scope=a&scope=a"),
            "repeated_parameter",
        ),
        (format!("{CREDENTIALS}&x=1&x=1"), "repeated_parameter"),
        (format!("{CREDENTIALS}&%zz=1"), "bad_form"),
        (format!("{CREDENTIALS}&scope=%ff"), "bad_form"),
        ("grant_type=refresh_token".to_owned(), "missing_parameter"),
        (
            format!("{CREDENTIALS}&client_id=shop&{secret}"),
            "several_proofs",
        ),
        (format!("{CREDENTIALS}&client_id=orders"), "several_proofs"),
        (with_assertion(&assertion), "several_proofs"),
    ];
    for (body, expected) in cases {
        let reason = stage
            .refused(TOKEN, &body, Some(&shop), INVALID_REQUEST)
            .await;
        assert_eq!(reason, expected, "{body}");
    }
    let nameless = format!("{CREDENTIALS}&{secret}");
    let reason = stage.refused(TOKEN, &nameless, None, INVALID_REQUEST).await;
    assert_eq!(reason, "missing_parameter");
    let twice = form_to(&stage.running, TOKEN, CREDENTIALS)
        .header("authorization", &shop)
        .header("authorization", &shop);
    let answer = twice.send().await.expect("an answer");
    let reason = oauth_refused(answer, StatusCode::BAD_REQUEST, "invalid_request", "twice").await;
    assert_eq!(reason, "several_proofs");
    for path in [INTROSPECT, REVOKE] {
        let cases = [
            ("token=x&token=x".to_owned(), "repeated_parameter"),
            ("token=x&%zz=1".to_owned(), "bad_form"),
            (format!("token=x&client_id=shop&{secret}"), "several_proofs"),
        ];
        for (body, expected) in cases {
            let reason = stage
                .refused(path, &body, Some(&shop), INVALID_REQUEST)
                .await;
            assert_eq!(reason, expected, "{path}: {body}");
        }
        for body in ["", "token=", "token_type_hint=access_token"] {
            let reason = stage
                .refused(path, body, Some(&shop), INVALID_REQUEST)
                .await;
            assert_eq!(reason, "missing_parameter", "{path}");
        }
    }
}

#[tokio::test]
async fn another_method_another_type_and_parameters_in_the_url_are_refused() {
    let stage = Stage::new().await;
    for path in [TOKEN, INTROSPECT, REVOKE] {
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = stage.running.request(method.clone(), path);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.headers()["allow"], "POST", "{method}");
            refused(answer, StatusCode::METHOD_NOT_ALLOWED, "invalid_request").await;
        }
        let url = format!("{path}?{CREDENTIALS}");
        let reason = stage
            .refused(&url, CREDENTIALS, Some(&stage.shop()), INVALID_REQUEST)
            .await;
        assert_eq!(reason, "parameters_in_url");
        for kind in ["application/json", "text/plain", "multipart/form-data", ""] {
            let request = stage.running.request(Method::POST, path);
            let request = request.header("content-type", kind).body(CREDENTIALS);
            let request = request.header("authorization", stage.shop());
            let answer = request.send().await.expect("an answer");
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let reason = oauth_refused(answer, status, "invalid_request", kind).await;
            assert_eq!(reason, "wrong_content_type");
        }
        let long = format!("{CREDENTIALS}&token={}", "a".repeat(20_000));
        let answer = stage.post(path, &long, Some(&stage.shop())).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

/// Whatever comes is the sender's fault, and is said to be.
#[tokio::test]
async fn nothing_that_is_sent_is_taken_for_our_failure() {
    let stage = Stage::new().await;
    let odd: [&[u8]; 8] = [
        b"",
        b"&&&&",
        b"=",
        b"grant_type",
        b"grant_type=client_credentials%00&token=%00",
        b"\xff\xfe\x00&\x80=\x81",
        b"grant_type=refresh_token&refresh_token=%F0%9F%98%80&token=csr_%00",
        b"grant_type=client_credentials&token=a.b.c&client_assertion=a.b.c&client_assertion_type=x",
    ];
    let (shop, nul) = (stage.shop(), basic("sh\0op", "a\0b"));
    for path in [TOKEN, INTROSPECT, REVOKE] {
        for body in odd {
            for authorization in [None, Some(&shop), Some(&nul)] {
                let request = form_to(&stage.running, path, "").body(body);
                let request = match authorization {
                    Some(value) => request.header("authorization", value),
                    None => request,
                };
                let answer = request.send().await.expect("an answer");
                let status = answer.status();
                let introspected = path != TOKEN && status == StatusCode::OK;
                assert!(status.is_client_error() || introspected, "{path} {status}");
            }
        }
    }
}
