//! Users sign in through clients, and clients refresh.

use countersign_server::ClientChange;

use super::*;
use crate::sign_in::slow;

#[tokio::test]
async fn a_user_signs_in_through_a_client_and_the_client_refreshes() {
    let stage = Stage::new().await;
    let first = stage.ada_at_the_shop().await;
    assert_eq!(first["scope"], "read write", "what both may have");
    assert_eq!(
        first["refresh_expires_in"], 120,
        "the client's own idle life"
    );
    let claims = claims(&first);
    assert_eq!(claims["client_id"], "shop");
    assert_eq!(claims["roles"], Value::Null, "no role but those of both");

    let refresh = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    let second = stage.token(&refresh(text(&first, "refresh_token"))).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(self::claims(&second)["sid"], claims["sid"]);
    let life = second["expires_in"].as_u64().expect("a number");
    assert!((57..=60).contains(&life), "{life}");
    let again = stage.token(&refresh(text(&first, "refresh_token"))).await;
    assert_eq!(
        again["refresh_token"], second["refresh_token"],
        "one successor"
    );

    // Nobody else can use it, and the session lives on.
    let current = refresh(text(&second, "refresh_token"));
    let grant = (400, "invalid_grant");
    let as_page = format!("{current}&client_id=page");
    let reason = stage.refused(TOKEN, &as_page, None, grant).await;
    assert_eq!(reason, "wrong_client");
    let first_party = stage.running.refresh(text(&second, "refresh_token")).await;
    let reason = refused(first_party, StatusCode::BAD_REQUEST, "invalid_grant").await;
    assert_eq!(reason, "wrong_client");
    let own = stage.running.signed_in().await;
    let shop = stage.shop();
    let reason = stage
        .refused(TOKEN, &refresh(&own.refresh), Some(&shop), grant)
        .await;
    assert_eq!(reason, "wrong_client");
    for junk in ["x", "csr_AAAA", "csc_x"] {
        let reason = stage
            .refused(TOKEN, &refresh(junk), Some(&shop), grant)
            .await;
        assert_eq!(reason, "unknown_refresh_token");
    }
    stage.token(&current).await;
}

/// RFC 6749 §5.2, `invalid_grant`: whatever is the matter with the refresh token.
#[tokio::test]
async fn what_is_no_good_grant_any_more_is_refused_by_its_reason() {
    let stage = Stage::with(|config| Config {
        sessions: SessionPolicy {
            grace: Duration::from_secs(1),
            ..config.sessions
        },
        ..config
    })
    .await;
    let shop = stage.shop();
    let refresh = |pair: &Value| {
        let token = text(pair, "refresh_token");
        format!("grant_type=refresh_token&refresh_token={token}")
    };
    let reason = async |pair: &Value| {
        let refusal = (400, "invalid_grant");
        let body = refresh(pair);
        stage.refused(TOKEN, &body, Some(&shop), refusal).await
    };
    let stolen = stage.ada_at_the_shop().await;
    let next = stage.token(&refresh(&stolen)).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(reason(&stolen).await, "refresh_reused");
    assert_eq!(reason(&next).await, "session_ended", "with all its tokens");

    let over = stage.ada_at_the_shop().await;
    let directory = stage.running.server.directory();
    directory.disable("ada").await.expect("ada");
    assert_eq!(reason(&over).await, "session_ended");
    directory.enable("ada").await.expect("ada");

    let change = ClientChange {
        session_idle: Some(Some(Duration::from_secs(1))),
        ..Default::default()
    };
    stage.registry.change("shop", &change).await.expect("shop");
    let forgotten = stage.ada_at_the_shop().await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(reason(&forgotten).await, "session_expired");
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_asking_for_more_costs_nothing() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    let first = stage.ada_at_the_shop().await;
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&first, "refresh_token")
    );
    let too_much = format!("{refresh}&scope=read+export");
    let reason = stage
        .refused(TOKEN, &too_much, Some(&shop), (400, "invalid_scope"))
        .await;
    assert_eq!(reason, "wrong_scope");
    let elsewhere = format!("{refresh}&resource=https%3A%2F%2Fshop.example");
    stage
        .refused(TOKEN, &elsewhere, Some(&shop), (400, "invalid_target"))
        .await;
    let less = stage
        .token(&format!("{refresh}&scope=read&resource=api"))
        .await;
    assert_eq!(less["scope"], "read");
    assert_eq!(claims(&less)["scope"], "read");
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&less, "refresh_token")
    );
    let all = stage.token(&refresh).await;
    assert_eq!(
        all["scope"], "read write",
        "the session has what it was granted"
    );

    let shown = format!("token={}", text(&all, "refresh_token"));
    let shown = stage.answer(INTROSPECT, &shown, Some(&shop)).await;
    assert_eq!(shown["active"], true);
    let sid = text(&shown, "sid").to_owned();
    assert_eq!(
        claims(&first)["sid"],
        sid,
        "refused twice, it is the same session"
    );
}

#[tokio::test]
async fn a_sign_in_through_a_client_is_for_those_who_are_it() {
    let stage = Stage::new().await;
    let shop = stage.shop();
    for (client_id, header) in [
        ("shop", None),
        ("signer", None),
        ("nobody", None),
        ("shop", Some(basic("shop", "csc_wrong"))),
    ] {
        let answer = stage.sign_in(client_id, header.as_deref(), json!({})).await;
        assert_challenged(&answer, header.is_some());
        oauth_refused(
            answer,
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            client_id,
        )
        .await;
    }
    let answer = stage.sign_in("page", Some(&shop), json!({})).await;
    oauth_refused(
        answer,
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "two ids",
    )
    .await;
    // Programs that attach their last access token to everything say nothing of a client by it.
    for header in ["Bearer of.old.times", "bearer"] {
        let answer = stage.sign_in("page", Some(header), json!({})).await;
        assert_eq!(answer.status(), StatusCode::OK, "{header}");
    }
    let answer = stage.sign_in("page", Some("Basic"), json!({})).await;
    assert_challenged(&answer, true);
    let unauthorized = StatusCode::UNAUTHORIZED;
    oauth_refused(answer, unauthorized, "invalid_client", "half a header").await;
    let page = stage.sign_in("page", None, json!({})).await;
    assert_eq!(page.status(), StatusCode::OK);
    let page: Value = page.json().await.expect("JSON");
    let body = format!(
        "grant_type=refresh_token&client_id=page&refresh_token={}",
        text(&page, "refresh_token")
    );
    stage.answer(TOKEN, &body, None).await;

    for (more, error) in [
        (json!({"scope": "export"}), "invalid_scope"),
        (
            json!({"audience": "https://other.example"}),
            "invalid_target",
        ),
        (json!({"cookie": true}), "access_denied"),
    ] {
        let answer = stage.sign_in("shop", Some(&shop), more.clone()).await;
        assert!(answer.status().is_client_error(), "{more}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["error"], error, "{more}");
    }
    let some = json!({"scope": "write", "audience": "https://shop.example"});
    let answer = stage.sign_in("shop", Some(&shop), some).await;
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(claims(&answer)["scope"], "write");
    assert_eq!(claims(&answer)["aud"], "https://shop.example");
    let service = stage
        .sign_in("orders", Some(&stage.orders()), json!({}))
        .await;
    oauth_refused(
        service,
        StatusCode::BAD_REQUEST,
        "unauthorized_client",
        "orders",
    )
    .await;
}

#[tokio::test]
async fn the_servers_own_sign_in_grants_the_scope_a_user_has() {
    let stage = Stage::new().await;
    let own = stage.running.login("ada", PASSWORD).await;
    let own: Value = own.json().await.expect("JSON");
    assert_eq!(own["scope"], "read write");
    let asked = json!({"username": "ada", "password": PASSWORD, "scope": "write"});
    let some = stage.running.post("/login", &asked).await;
    let some: Value = some.json().await.expect("JSON");
    assert_eq!(
        (&some["scope"], &claims(&some)["scope"]),
        (&json!("write"), &json!("write"))
    );
    let asked = json!({"username": "ada", "password": "wrong", "scope": "admin"});
    let wrong = stage.running.post("/login", &asked).await;
    refused(wrong, StatusCode::UNAUTHORIZED, "invalid_credentials").await;

    let bob = Rights {
        scope: "read".to_owned(),
        ..Rights::default()
    };
    let password = Password::new(PASSWORD).expect("a password");
    let directory = stage.running.server.directory();
    directory.add("bob", password, bob).await.expect("bob");
    let asked = json!({"username": "bob", "password": PASSWORD, "scope": "write"});
    let more = stage.running.post("/login", &asked).await;
    refused(more, StatusCode::BAD_REQUEST, "invalid_scope").await;
}

#[tokio::test]
async fn the_account_is_its_owners_and_no_clients() {
    let stage = Stage::new().await;
    let service = stage.token(CREDENTIALS).await;
    let through_the_shop = stage.ada_at_the_shop().await;
    let own = stage.running.signed_in().await;
    for pair in [&service, &through_the_shop] {
        let ask = async |method: Method, path: &str| {
            let change = json!({"current": PASSWORD, "new": "another long password"});
            let request = stage.running.request(method, path).json(&change);
            let request = request.bearer_auth(text(pair, "access_token"));
            request.send().await.expect("an answer")
        };
        let me: Value = ask(Method::GET, "/me").await.json().await.expect("JSON");
        assert_eq!(me["sub"], claims(pair)["sub"]);
        let of_a_user = pair["refresh_token"].is_string();
        assert_eq!(me["sid"].is_string(), of_a_user, "a service has no session");
        for (method, path) in [
            (Method::GET, "/sessions"),
            (Method::DELETE, "/sessions"),
            (Method::DELETE, "/sessions/some"),
            (Method::POST, "/password"),
            (Method::GET, "/admin/users"),
        ] {
            let answer = ask(method, path).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        }
    }
    let alive = stage.running.get_as("/me", &own).await;
    assert_eq!(alive.status(), StatusCode::OK);
    let logout = stage.running.request(Method::POST, "/logout");
    let logout = logout.bearer_auth(text(&service, "access_token")).send();
    let answer = logout.await.expect("an answer");
    let reason = refused(answer, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "nothing_to_end");
}

#[tokio::test]
async fn the_audit_log_says_through_which_client_a_user_came() {
    let stage = Stage::new().await;
    let ada = stage.ada_at_the_shop().await;
    let sid = claims(&ada)["sid"].clone();
    let oversight = stage.running.server.oversight();
    let lines = oversight.audit_log(0, 100).await.expect("the audit log");
    let hers = lines
        .iter()
        .find(|(_, line)| line.sid.as_deref() == sid.as_str());
    let (_, hers) = hers.expect("her sign-in");
    assert_eq!(hers.kind.as_str(), "signed_in");
    assert_eq!(hers.detail.as_deref(), Some("shop"));
}

/// Hashing takes its time, and the client may be another one after it.
#[tokio::test]
async fn a_client_changed_while_the_hash_runs_is_taken_as_it_is_then() {
    let stage = Stage::with(slow).await;
    let shop = stage.shop();
    let during = async |client_id: &str, proof: Option<&str>, change: ClientChange| {
        let changed = async {
            stage.running.hash_runs().await;
            let changed = stage.registry.change(client_id, &change).await;
            changed.expect("a client");
        };
        let (answer, ()) = tokio::join!(stage.sign_in(client_id, proof, json!({})), changed);
        answer
    };
    let less = ClientChange {
        scope: Some("write".to_owned()),
        ..ClientChange::default()
    };
    let answer = during("shop", Some(&shop), less).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let pair: Value = answer.json().await.expect("JSON");
    assert_eq!(pair["scope"], "write");
    // Revoked, if the session was opened before the change: then nothing was shown.
    let body = format!("token={}", text(&pair, "access_token"));
    assert_eq!(
        stage.answer(INTROSPECT, &body, Some(&shop)).await["active"],
        true
    );
    let elsewhere = ClientChange {
        audiences: Some(vec!["https://shop.example".to_owned()]),
        ..ClientChange::default()
    };
    let answer = during("shop", Some(&shop), elsewhere).await;
    let pair: Value = answer.json().await.expect("JSON");
    assert_eq!(claims(&pair)["aud"], "https://shop.example");
    let no_users = ClientChange {
        grant_types: Some(vec![GrantType::ClientCredentials]),
        ..ClientChange::default()
    };
    let answer = during("shop", Some(&shop), no_users).await;
    let (bad, refused) = (StatusCode::BAD_REQUEST, "unauthorized_client");
    oauth_refused(answer, bad, refused, "no users any more").await;
    let shut_out = ClientChange {
        disabled: Some(true),
        ..ClientChange::default()
    };
    let answer = during("page", None, shut_out).await;
    let (status, error) = (StatusCode::UNAUTHORIZED, "invalid_client");
    oauth_refused(answer, status, error, "a public client").await;
    assert_eq!(refused_clients(stage).await, ["page client_disabled"]);
}

/// As programs do that set a server up: they delete a client, and add it as it is to be.
#[tokio::test]
async fn a_client_added_anew_while_the_hash_runs_is_another_one() {
    let stage = Stage::with(slow).await;
    let anew = async {
        stage.running.hash_runs().await;
        let was = stage.registry.client("page").await.expect("a client");
        stage.registry.delete("page").await.expect("a client");
        let less = NewClient {
            client_id: was.client_id,
            name: was.name,
            proof: Proof::None,
            grant_types: None,
            scope: "write".to_owned(),
            audiences: was.audiences,
            serves: was.serves,
            roles: was.roles,
            terms: was.terms,
        };
        stage.registry.add(less).await.expect("a client");
    };
    let (answer, ()) = tokio::join!(stage.sign_in("page", None, json!({})), anew);
    assert_eq!(answer.status(), StatusCode::OK);
    let pair: Value = answer.json().await.expect("JSON");
    assert_eq!(pair["scope"], "write");
}

/// The secret that was shown goes on for a while, or has leaked.
#[tokio::test]
async fn a_secret_replaced_while_the_hash_runs_is_good_as_long_as_it_is_kept() {
    let stage = Stage::with(slow).await;
    let mut shop = stage.shop();
    for (keep, expected) in [(60, StatusCode::OK), (0, StatusCode::UNAUTHORIZED)] {
        let rotated = async {
            stage.running.hash_runs().await;
            let keep = Duration::from_secs(keep);
            let rotated = stage.registry.rotate_secret("shop", keep).await;
            rotated.expect("shop").1.expose().to_owned()
        };
        let (answer, secret) = tokio::join!(stage.sign_in("shop", Some(&shop), json!({})), rotated);
        note(Kind::ClientSecret, &secret);
        assert_eq!(answer.status(), expected, "kept for {keep} s");
        if expected != StatusCode::OK {
            assert_challenged(&answer, true);
            oauth_refused(answer, expected, "invalid_client", "it leaked").await;
        }
        shop = basic("shop", &secret);
    }
    assert_eq!(refused_clients(stage).await, ["shop invalid_client"]);
}

/// What the audit log says of clients that were refused, once the server has ended.
async fn refused_clients(stage: Stage) -> Vec<String> {
    let Stage { running, .. } = stage;
    running.server.stop().await;
    let database = rusqlite::Connection::open(running.folder.path().join("test.db"));
    let database = database.expect("the database");
    let sql = "SELECT detail FROM audit WHERE event = 'client_refused' ORDER BY id";
    let mut lines = database.prepare(sql).expect("a statement");
    let lines = lines.query_map([], |row| row.get(0));
    lines.expect("rows").map(|it| it.expect("text")).collect()
}
