//! What must hold behind every proxy.

use std::time::{Duration, Instant};

use countersign_conformance::Answer;

use crate::stage::{Stage, request, told};

const IDENTITY: [&str; 4] = [
    "x-auth-subject",
    "x-auth-username",
    "x-auth-roles",
    "x-auth-scope",
];
/// What a client that lies sends.
const FORGED: [(&str, &str); 5] = [
    ("X-Auth-Subject", "forged"),
    ("X-Auth-Username", "forged"),
    ("X-Auth-Roles", "admin"),
    ("X-Auth-Scope", "forged"),
    ("x-auth-roles", "admin"),
];
/// The same in spellings that some services take for one.
const DISGUISED: [(&str, &str); 6] = [
    ("X_Auth_Roles", "admin"),
    ("X_AUTH_USERNAME", "forged"),
    ("X-Auth_Roles", "admin"),
    ("X_Auth-Roles", "admin"),
    ("X-AUTH_subject", "forged"),
    ("X.Auth.Scope", "forged"),
];

fn challenge(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all("www-authenticate").iter();
    values.map(|value| value.to_str().expect("text")).collect()
}

/// The service is told who it is, by the guard alone.
pub(crate) async fn identity_is_the_guards_word(stage: &Stage) {
    let (token, _) = stage.sign_in("ada").await;
    let bearer = format!("Bearer {token}");
    let me = stage.server.http().me(&token).await.expect("an answer");
    let subject = me.field("sub");
    let expected = [&*subject, "ada", "clerk", ""];

    let own = [("Authorization", &*bearer)];
    let forged: Vec<_> = own.into_iter().chain(FORGED).collect();
    for headers in [&own[..], &forged] {
        let answer = stage.ask("GET", "/things?x=1", headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(request(&answer), "GET /things?x=1");
        for (name, value) in IDENTITY.into_iter().zip(expected) {
            let value: Vec<_> = Some(value)
                .filter(|value| !value.is_empty())
                .into_iter()
                .collect();
            assert_eq!(told(&answer, name), value, "{name} in {answer:?}");
        }
    }
    for lie in DISGUISED {
        for target in ["/things", "/public/logo.svg"] {
            let answer = stage.ask("GET", target, &[own[0], lie]).await;
            if answer.status == 403 {
                continue;
            }
            assert_eq!(answer.status, 200, "{lie:?} {answer:?}");
            let values = IDENTITY.map(|name| told(&answer, name));
            assert!(
                !values.concat().contains(&lie.1.to_owned()),
                "{lie:?} {answer:?}"
            );
        }
    }
    // Where no token is asked for, the service is told of nobody: neither by a token nor by a lie.
    for headers in [&forged[..], &FORGED] {
        let answer = stage.ask("GET", "/public/logo.svg", headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for name in IDENTITY {
            assert_eq!(told(&answer, name), [""; 0], "{name} in {answer:?}");
        }
    }
}

/// Who may not pass learns why, and the service hears nothing of it.
pub(crate) async fn refusals_reach_the_client(stage: &Stage) {
    let (clerk, _) = stage.sign_in("ada").await;
    let clerk = format!("Bearer {clerk}");
    for (target, authorization, status, said) in [
        ("/things", None, 401, r#"Bearer realm="api""#),
        (
            "/things",
            Some("Bearer a.b.c"),
            401,
            r#"error="invalid_token""#,
        ),
        (
            "/things",
            Some("Bearer a b"),
            400,
            r#"error="invalid_request""#,
        ),
        ("/things", Some("Basic YTpi"), 401, r#"Bearer realm="api""#),
        ("/admin", None, 401, r#"Bearer realm="api""#),
        (
            "/admin",
            Some(&*clerk),
            403,
            r#"error="insufficient_scope""#,
        ),
        (
            "/admin/users",
            Some(&*clerk),
            403,
            r#"error="insufficient_scope""#,
        ),
    ] {
        let headers: Vec<_> = authorization
            .map(|value| ("Authorization", value))
            .into_iter()
            .chain(FORGED)
            .collect();
        let answer = stage.ask("GET", target, &headers).await;
        assert_eq!(answer.status, status, "{target} {answer:?}");
        let challenge = challenge(&answer);
        assert_eq!(challenge.len(), 1, "{target} {answer:?}");
        assert!(challenge[0].contains(said), "{target} {answer:?}");
        let again = answer.headers.get("retry-after");
        assert_eq!(again, None, "it will not pass later: {target} {answer:?}");
    }
    assert_eq!(stage.service.asked().requests, [""; 0]);

    let (admin, _) = stage.sign_in("root").await;
    let admin = format!("Bearer {admin}");
    let answer = stage
        .ask("GET", "/admin", &[("Authorization", &admin)])
        .await;
    assert_eq!(
        (answer.status.as_u16(), told(&answer, "x-auth-roles")),
        (200, vec!["admin".to_owned()])
    );
    stage.service.asked().requests.clear();
}

/// No spelling of a path, and no header, takes a request to another rule than its own.
pub(crate) async fn no_trick_opens_a_path(stage: &Stage) {
    let (clerk, _) = stage.sign_in("ada").await;
    let clerk = format!("Bearer {clerk}");
    for target in [
        "/public/../admin",
        "/public/./../admin",
        "/public/%2e%2e/admin",
        "/public/.%2E/admin",
        "/public/..%2fadmin",
        "/public%2f..%2fadmin",
        "/public%2f%2e%2e%2fadmin",
        "/public/..%5cadmin",
        "/public/..\\admin",
        "/public/..;/admin",
        "/public/;/../admin",
        "/public/%252e%252e/admin",
        "/public//../admin",
        "//admin",
        "/./admin",
        "/admin//",
        "///admin",
        "/admin;x=y",
        "/admin%3bx",
        "/admin%2f",
        "/admin%00",
        "/admin.",
        "/admin%20",
        "/admin%23",
        "/admin%3f",
        "/ADMIN",
        "/Admin/users",
        "/%61dmin",
        "/%41dmin",
        "/admin/",
        "/admin?/public",
        "/admin/../admin",
        "/Public/../things",
    ] {
        for headers in [&[][..], &[("Authorization", &*clerk)]] {
            let answer = stage.ask("GET", target, headers).await;
            let status = answer.status.as_u16();
            assert!((400..500).contains(&status), "{target} {answer:?}");
        }
    }
    for (name, status) in [
        ("X-Original-URI", 401),
        // Some services would obey these: whoever they come from is sent away.
        ("X-Original-URL", 403),
        ("X-Rewrite-URL", 403),
        ("X-Forwarded-Uri", 401),
        ("X-Forwarded-Path", 401),
        ("X_Original_URI", 401),
        ("X_Forwarded_Uri", 401),
    ] {
        let headers = [
            (name, "/public"),
            ("X-Original-Method", "OPTIONS"),
            ("X-Forwarded-Method", "OPTIONS"),
        ];
        let answer = stage.ask("GET", "/admin", &headers).await;
        assert_eq!(answer.status, status, "{name} {answer:?}");
    }
    assert_eq!(stage.service.asked().requests, [""; 0]);

    let answer = stage.ask("GET", "/public?/../admin", &[]).await;
    assert_eq!(answer.status, 200, "a query is no path: {answer:?}");
    stage.service.asked().requests.clear();
}

/// A session that ended is refused, without anybody asking the issuer.
pub(crate) async fn what_is_taken_back_passes_no_more(stage: &Stage) {
    let (token, refresh) = stage.sign_in("ada").await;
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer)];
    assert_eq!(stage.ask("GET", "/things", &headers).await.status, 200);
    let out = stage.server.http().logout(&refresh).await;
    assert_eq!(out.expect("an answer").status, 204);
    let began = Instant::now();
    loop {
        let answer = stage.ask("GET", "/things", &headers).await;
        if answer.status == 401 {
            assert!(
                challenge(&answer)[0].contains("session has ended"),
                "{answer:?}"
            );
            break;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it is never refused"
        );
    }
    println!("refused {:?} after the session ended", began.elapsed());
}

/// One connection of the client serves many requests, and so do few to the service.
pub(crate) async fn connections_are_kept(stage: &Stage) {
    const REQUESTS: usize = 50;
    let (token, _) = stage.sign_in("ada").await;
    let bearer = format!("Bearer {token}");
    stage.service.asked().peers.clear();
    let mut connection = stage.connect().await;
    for n in 0..REQUESTS {
        let target = format!("/things/{n}");
        let answer = connection
            .ask("GET", &target, &[("Authorization", &*bearer)])
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(request(&answer), format!("GET {target}"));
        // A refusal in between does not end the connection either.
        let refused = connection.ask("GET", "/things", &[]).await;
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    let connections = stage.service.asked().peers.len();
    assert!(connections < REQUESTS / 5, "{connections} connections");
}

/// What is sent reaches the service as it was sent; only the guard does without it.
pub(crate) async fn a_body_passes_by_the_guard(stage: &Stage) {
    let (token, _) = stage.sign_in("ada").await;
    let body = "a body of its own ".repeat(1_000);
    let sent = reqwest::Client::new()
        .post(format!("http://{}/things", stage.proxy()))
        .bearer_auth(token)
        .body(body.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(sent.status(), 200);
    let told: serde_json::Value = sent.json().await.expect("JSON");
    assert_eq!(told["request"], "POST /things");
    assert_eq!(told["body"], body);
}

/// A WebSocket is asked about at its handshake. By any other protocol requests would reach the service
/// past the guard.
pub(crate) async fn no_other_protocol_passes(stage: &Stage) {
    let (token, _) = stage.sign_in("ada").await;
    let bearer = format!("Bearer {token}");
    for (asked, passes) in [
        ("websocket", true),
        ("WebSocket", true),
        ("h2c", false),
        ("websocket, h2c", false),
        ("TLS/1.3", false),
    ] {
        let upgrade = [("Connection", "Upgrade"), ("Upgrade", asked)];
        let refused = stage.ask("GET", "/socket", &upgrade).await;
        assert_eq!(refused.status, 401, "{asked} {refused:?}");
        let own = [("Authorization", &*bearer)];
        let headers: Vec<_> = own.into_iter().chain(upgrade).collect();
        let answer = stage.ask("GET", "/socket", &headers).await;
        assert_eq!(answer.status, 200, "{asked} {answer:?}");
        let told = told(&answer, "upgrade").concat().to_lowercase();
        assert_eq!(told, if passes { "websocket" } else { "" }, "{asked}");
    }
}

/// Without a guard nobody passes, not even to where no token is asked for.
pub(crate) async fn without_a_guard_nobody_passes(mut stage: Stage) {
    let (token, _) = stage.sign_in("ada").await;
    let bearer = format!("Bearer {token}");
    stage.stop_guard();
    stage.service.asked().requests.clear();
    for target in ["/things", "/public"] {
        let headers = [("Authorization", &*bearer)];
        let answer = stage.ask("GET", target, &headers).await;
        let status = answer.status.as_u16();
        assert!((500..600).contains(&status), "{target} {answer:?}");
    }
    assert_eq!(stage.service.asked().requests, [""; 0]);
}
