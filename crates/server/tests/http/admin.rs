//! `/admin`: who may, and what it does.

use super::*;

pub(super) async fn send(
    running: &Running,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Response {
    let pair = running.signed_in().await;
    let request = running.request(method, path).bearer_auth(&pair.access);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.expect("an answer")
}

pub(super) async fn get(running: &Running, path: &str) -> Value {
    let response = send(running, Method::GET, path, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.expect("JSON")
}

#[tokio::test]
async fn only_the_role_admin_opens_it() {
    let running = start().await;
    let bob = Password::new(PASSWORD).expect("a password");
    let directory = running.server.directory();
    directory
        .add("bob", bob, vec!["reader".into()])
        .await
        .expect("a user");
    let bob = pair(running.login("bob", PASSWORD).await).await;
    for path in [
        "/admin/users",
        "/admin/clients",
        "/admin/sessions",
        "/admin/keys",
        "/admin/audit",
    ] {
        let nobody = running
            .request(Method::GET, path)
            .send()
            .await
            .expect("an answer");
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED, "{path}");
        let refusal = running.get_as(path, &bob).await;
        let reason = refused(refusal, StatusCode::FORBIDDEN, "insufficient_scope").await;
        assert_eq!(reason, "missing_role", "{path}");
        get(&running, path).await;
    }
}

/// A token that was sent to some API opens nothing here, and the other way round.
#[tokio::test]
async fn an_audience_of_its_own_keeps_other_tokens_out() {
    let running = start_with(|config| Config {
        admin_audience: Some("admin".to_owned()),
        ..config
    })
    .await;
    let not_for_it = async |path: &str, pair: &Pair| {
        let refusal = running.get_as(path, pair).await;
        let challenge = refusal.headers()["www-authenticate"]
            .to_str()
            .expect("text");
        assert!(
            challenge.starts_with("Bearer realm=") && challenge.contains("error=\"invalid_token\""),
            "{path}: {challenge}"
        );
        let reason = refused(refusal, StatusCode::UNAUTHORIZED, "invalid_token").await;
        assert_eq!(reason, "wrong_audience", "{path}");
    };
    let usual = running.signed_in().await;
    for path in ["users", "clients", "sessions", "keys", "audit"] {
        not_for_it(&format!("/admin/{path}"), &usual).await;
    }
    let bob = Password::new(PASSWORD).expect("a password");
    let directory = running.server.directory();
    let added = directory.add("bob", bob, Vec::<String>::new()).await;
    added.expect("a user");
    let sign_in = async |username: &str| {
        let body = json!({"username": username, "password": PASSWORD, "audience": "admin"});
        pair(running.post("/login", &body).await).await
    };
    let bob = sign_in("bob").await;
    let refusal = running.get_as("/admin/users", &bob).await;
    let reason = refused(refusal, StatusCode::FORBIDDEN, "insufficient_scope").await;
    assert_eq!(reason, "missing_role");

    let ada = sign_in("ada").await;
    let opened = running.get_as("/admin/users", &ada).await;
    assert_eq!(opened.status(), StatusCode::OK);
    let ada = pair(running.refresh(&ada.refresh).await).await;
    let opened = running.get_as("/admin/users", &ada).await;
    assert_eq!(opened.status(), StatusCode::OK);
    for path in ["/me", "/sessions", "/verify"] {
        not_for_it(path, &ada).await;
        assert_eq!(running.get_as(path, &usual).await.status(), StatusCode::OK);
    }

    // What both guards decide is on one page.
    let answer = running.request(Method::GET, "/metrics").send().await;
    let page = answer.expect("an answer").text().await.expect("a page");
    let refused_for = |reason: &str| format!("refused_total{{reason=\"{reason}\"}}");
    for (name, count) in [
        (refused_for("wrong_audience"), 8),
        (refused_for("missing_role"), 1),
        ("accepted_total".to_owned(), 6),
    ] {
        let line = format!("countersign_guard_{name} {count}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
    let body = json!({"refresh_token": ada.refresh});
    running.post("/logout", &body).await;
    let refusal = running.get_as("/admin/users", &ada).await;
    let reason = refused(refusal, StatusCode::UNAUTHORIZED, "invalid_token").await;
    assert_eq!(reason, "revoked");
}

#[tokio::test]
async fn a_user_is_added_changed_and_deleted() {
    let running = start().await;
    let new = json!({"username": "Bob", "password": PASSWORD, "roles": ["reader"]});
    let added = send(&running, Method::POST, "/admin/users", Some(new.clone())).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    let again = send(&running, Method::POST, "/admin/users", Some(new)).await;
    assert_eq!(
        refused(again, StatusCode::CONFLICT, "invalid_request").await,
        "name_taken"
    );
    let session = pair(running.login("bob", PASSWORD).await).await;

    let change = json!({"roles": ["writer"], "disabled": true});
    let changed = send(&running, Method::PATCH, "/admin/users/bob", Some(change)).await;
    let changed: Value = changed.json().await.expect("JSON");
    assert_eq!(
        (&changed["roles"], &changed["disabled"]),
        (&json!(["writer"]), &json!(true))
    );
    assert_eq!(
        running.get_as("/me", &session).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        running.login("bob", PASSWORD).await.status(),
        StatusCode::UNAUTHORIZED
    );

    let back = json!({"disabled": false});
    send(&running, Method::PATCH, "/admin/users/bob", Some(back)).await;
    let other = json!({"password": "quite another one"});
    let set = send(
        &running,
        Method::PUT,
        "/admin/users/bob/password",
        Some(other),
    )
    .await;
    assert_eq!(set.status(), StatusCode::NO_CONTENT);
    let session = pair(running.login("bob", "quite another one").await).await;
    let deleted = send(&running, Method::DELETE, "/admin/users/bob", None).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &session).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let gone = send(&running, Method::GET, "/admin/users/bob", None).await;
    assert_eq!(
        refused(gone, StatusCode::NOT_FOUND, "not_found").await,
        "unknown_user"
    );
}

#[tokio::test]
async fn who_is_no_administrator_any_more_is_none_at_once() {
    let running = start().await;
    let bob = json!({"username": "bob", "password": PASSWORD, "roles": ["admin"]});
    send(&running, Method::POST, "/admin/users", Some(bob)).await;
    let bob = pair(running.login("bob", PASSWORD).await).await;
    let more = json!({"roles": ["admin", "reader"]});
    send(&running, Method::PATCH, "/admin/users/bob", Some(more)).await;
    let still = running.get_as("/admin/users", &bob).await;
    assert_eq!(still.status(), StatusCode::OK, "nothing was taken away");

    let less = json!({"roles": ["reader"]});
    send(&running, Method::PATCH, "/admin/users/bob", Some(less)).await;
    let back = running
        .request(Method::PATCH, "/admin/users/bob")
        .bearer_auth(&bob.access)
        .json(&json!({"roles": ["admin"]}))
        .send()
        .await
        .expect("an answer");
    let reason = refused(back, StatusCode::UNAUTHORIZED, "invalid_token").await;
    assert_eq!(reason, "revoked");
    let refresh = running.refresh(&bob.refresh).await;
    let reason = refused(refresh, StatusCode::BAD_REQUEST, "invalid_grant").await;
    assert_eq!(reason, "session_ended");
    let bob = pair(running.login("bob", PASSWORD).await).await;
    let refusal = running.get_as("/admin/users", &bob).await;
    assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
}

/// What is wrong with one half keeps the other from being done.
#[tokio::test]
async fn a_change_is_made_as_a_whole_or_not_at_all() {
    let running = start().await;
    let bob = json!({"username": "bob", "password": PASSWORD, "roles": ["reader"]});
    send(&running, Method::POST, "/admin/users", Some(bob)).await;
    let bad = json!({"roles": ["two words"], "disabled": true});
    let refusal = send(&running, Method::PATCH, "/admin/users/bob", Some(bad)).await;
    assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    let bob = get(&running, "/admin/users/bob").await;
    assert_eq!(
        (&bob["roles"], &bob["disabled"]),
        (&json!(["reader"]), &json!(false))
    );
}

/// An administrator's passwords are hashed where everybody's are, and wait no longer than they do.
#[tokio::test]
async fn more_new_users_than_can_be_hashed_are_to_come_back() {
    let running = start_with(|config| Config {
        hash_lanes: 1,
        hash_queue: 1,
        ..config
    })
    .await;
    let admin = running.signed_in().await;
    let add = |number: u32| {
        let body = json!({"username": format!("user{number}"), "password": PASSWORD});
        running
            .request(Method::POST, "/admin/users")
            .bearer_auth(&admin.access)
            .json(&body)
            .send()
    };
    let answers = futures_util::future::join_all((0..64).map(add)).await;
    let (mut added, mut busy) = (0, 0);
    for answer in answers {
        let answer = answer.expect("an answer");
        if answer.status() == StatusCode::CREATED {
            added += 1;
            continue;
        }
        busy += 1;
        assert_eq!(answer.headers()["retry-after"], "1");
        let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable");
        assert_eq!(refused(answer, status, error).await, "hash_queue_full");
    }
    assert!(added > 0 && busy > 0, "{added} added, {busy} sent away");
}

#[tokio::test]
async fn bad_input_is_said_to_be_bad() {
    let running = start().await;
    let add = |body: Value| send(&running, Method::POST, "/admin/users", Some(body));
    let user = |name: &str, password: &str, role: &str| json!({"username": name, "password": password, "roles": [role]});
    for (body, reason) in [
        (user("with space", PASSWORD, "reader"), "bad_name"),
        (user("", PASSWORD, "reader"), "bad_name"),
        (user("bob", PASSWORD, "two words"), "bad_role"),
        (user("bob", "short", "reader"), "password_too_short"),
        (
            user("bob-the-builder", "Bob-The-Builder", "reader"),
            "password_is_name",
        ),
    ] {
        let refusal = add(body).await;
        assert_eq!(
            refused(refusal, StatusCode::BAD_REQUEST, "invalid_request").await,
            reason
        );
    }
    for (path, expected) in [
        ("/admin/users?limit=many", "bad_query"),
        ("/admin/users?limit=0", "bad_query"),
        ("/admin/users?limit=1001", "bad_query"),
        ("/admin/users?after=a&after=b", "bad_query"),
        ("/admin/audit?after=x", "bad_cursor"),
    ] {
        let refusal = send(&running, Method::GET, path, None).await;
        let reason = refused(refusal, StatusCode::BAD_REQUEST, "invalid_request").await;
        assert_eq!(reason, expected, "{path}");
    }
    for (method, path, taken) in [
        (Method::GET, "/admin/users?limit=1001", "from 1 to 1000"),
        (Method::DELETE, "/admin/sessions", "`user`, the name"),
        (Method::DELETE, "/admin/sessions?sid=x", "`user`, the name"),
    ] {
        let refusal = send(&running, method, path, None).await;
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST, "{path}");
        let refusal: Value = refusal.json().await.expect("JSON");
        let words = refusal["error_description"].as_str().expect("text");
        assert!(words.contains(taken), "{path} does not say so: {words}");
    }
}

#[tokio::test]
async fn users_come_in_pages() {
    let running = start().await;
    for name in ["bob", "cleo"] {
        let body = json!({"username": name, "password": PASSWORD});
        send(&running, Method::POST, "/admin/users", Some(body)).await;
    }
    let names = |page: &Value| -> Vec<String> {
        let users = page["users"].as_array().expect("users");
        users
            .iter()
            .filter_map(|user| user["username"].as_str())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        names(&get(&running, "/admin/users?limit=2").await),
        ["ada", "bob"]
    );
    assert_eq!(
        names(&get(&running, "/admin/users?limit=2&after=bob").await),
        ["cleo"]
    );
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let running = start().await;
    let victim = running.signed_in().await;
    let me: Value = running
        .get_as("/me", &victim)
        .await
        .json()
        .await
        .expect("JSON");
    let sid = me["sid"].as_str().expect("a sid");
    let list = get(&running, "/admin/sessions").await;
    let rows = list["sessions"].as_array().expect("sessions");
    assert!(
        rows.iter()
            .any(|row| row["sid"] == sid && row["username"] == "ada"),
        "{list}"
    );
    let path = format!("/admin/sessions/{sid}");
    let ended = send(&running, Method::DELETE, &path, None).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        running.get_as("/me", &victim).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let all = send(&running, Method::DELETE, "/admin/sessions?user=ada", None).await;
    let all: Value = all.json().await.expect("JSON");
    assert!(
        all["ended"].as_u64().is_some_and(|ended| ended >= 1),
        "{all}"
    );
    let mistyped = "/admin/sessions?user=adaa";
    let nobody = send(&running, Method::DELETE, mistyped, None).await;
    assert_eq!(
        refused(nobody, StatusCode::NOT_FOUND, "not_found").await,
        "unknown_user"
    );
}

#[tokio::test]
async fn a_leaked_key_is_withdrawn_and_what_it_signed_is_refused() {
    let running = start().await;
    let victim = running.signed_in().await;
    let early = send(&running, Method::POST, "/admin/keys/rotate", None).await;
    assert_eq!(
        refused(early, StatusCode::CONFLICT, "invalid_request").await,
        "too_early"
    );
    let unknown = send(&running, Method::DELETE, "/admin/keys/nobodys", None).await;
    assert_eq!(
        refused(unknown, StatusCode::NOT_FOUND, "not_found").await,
        "unknown_key"
    );

    let keys = get(&running, "/admin/keys").await;
    let keys = keys["keys"].as_array().expect("keys");
    let signing = keys
        .iter()
        .find(|key| key["state"] == "signing")
        .expect("one signs");
    let kid = signing["kid"].as_str().expect("a kid");
    let path = format!("/admin/keys/{kid}");
    let withdrawn = send(&running, Method::DELETE, &path, None).await;
    assert_eq!(withdrawn.status(), StatusCode::NO_CONTENT);

    let me = running.get_as("/me", &victim).await;
    assert_eq!(me.status(), StatusCode::UNAUTHORIZED);
    let set = running
        .request(Method::GET, "/.well-known/jwks.json")
        .send()
        .await;
    let set = set.expect("an answer").text().await.expect("text");
    assert!(!set.contains(kid), "{set}");
    let snapshot = running.request(Method::GET, "/revocations").send().await;
    let snapshot: Value = snapshot.expect("an answer").json().await.expect("JSON");
    let token = snapshot["snapshot"].as_str().expect("a token");
    let bulletin = Unverified::parse(token).expect("a token");
    assert_ne!(
        bulletin.key_id(),
        Some(kid),
        "the news is signed by another key"
    );
    assert!(bulletin.claims_json()["events"].to_string().contains(kid));
    // The session lives on: only what the key signed is refused.
    assert_eq!(
        running.refresh(&victim.refresh).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_audit_log_says_who_did_what() {
    let running = start().await;
    let body = json!({"username": "bob", "password": PASSWORD});
    send(&running, Method::POST, "/admin/users", Some(body)).await;
    running.login("bob", "wrong password").await;
    // The password in the field of the name, and a guess at the password with a stolen token.
    running.login("hunter2-hunter2", "").await;
    let stolen = pair(running.login("bob", PASSWORD).await).await;
    let guess = json!({"current": "a thief's guess", "new": "quite another one"});
    let refusal = running
        .request(Method::POST, "/password")
        .bearer_auth(&stolen.access)
        .json(&guess)
        .send()
        .await
        .expect("an answer");
    assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED);
    let log = get(&running, "/admin/audit?limit=1000").await;
    let lines = log["lines"].as_array().expect("lines");
    let find = |event: &str, name: &str| {
        let line = |line: &&Value| line["event"] == event && line["username"] == name;
        lines
            .iter()
            .find(line)
            .unwrap_or_else(|| panic!("{event} {name}: {log}"))
    };
    assert!(find("user_created", "bob")["actor"].is_string());
    assert_eq!(find("sign_in_refused", "bob")["network"], "127.0.0.1");
    assert!(!log.to_string().contains(PASSWORD));
    assert!(!log.to_string().contains("hunter2"), "{log}");
    let refusals = lines
        .iter()
        .filter(|line| line["event"] == "sign_in_refused");
    let refusals: Vec<_> = refusals.collect();
    assert_eq!(refusals.len(), 3, "{log}");
    assert!(refusals[1]["username"].is_null() && refusals[1]["network"] == "127.0.0.1");
    assert_eq!(refusals[2]["detail"], "password change");
    assert_eq!(refusals[2]["username"], "bob");
    assert!(refusals[2]["sid"].is_string());
    let last = lines
        .last()
        .and_then(|line| line["number"].as_u64())
        .expect("a number");
    let rest = get(&running, &format!("/admin/audit?after={last}")).await;
    let rest = rest["lines"].as_array().expect("lines");
    assert!(
        rest.iter().all(|line| line["event"] == "signed_in"),
        "{rest:?}"
    );
}
