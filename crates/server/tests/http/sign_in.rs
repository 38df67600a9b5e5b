//! Signing in: one refusal for all, waits, devices, and what the first pair is for.

use countersign_issuer::{NewPassword, PasswordHasher, PasswordParameters, PasswordPolicy};

use super::*;

#[tokio::test]
async fn a_user_signs_in_is_known_and_signs_out() {
    let running = start().await;
    let pair = running.signed_in().await;
    let me: Value = running
        .get_as("/me", &pair)
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(
        (&me["username"], &me["roles"]),
        (&json!("ada"), &json!(["admin"]))
    );

    let out = running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    let me = running.get_as("/me", &pair).await;
    assert_eq!(
        refused(me, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
    let again = running.refresh(&pair.refresh).await;
    assert_eq!(
        refused(again, StatusCode::BAD_REQUEST, "invalid_grant").await,
        "session_ended"
    );
    let out = running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    assert_eq!(
        out.status(),
        StatusCode::NO_CONTENT,
        "also when it was over already"
    );
}

#[tokio::test]
async fn unknown_wrong_empty_and_disabled_are_one_refusal() {
    let running = start().await;
    let bob = Password::new(PASSWORD).expect("a password");
    running
        .server
        .directory()
        .add("bob", bob, vec![])
        .await
        .expect("a user");
    running
        .server
        .directory()
        .disable("bob")
        .await
        .expect("a user");
    let mut bodies = Vec::new();
    for (name, password) in [
        ("ada", "wrong password"),
        ("nobody", "wrong password"),
        ("ada", ""),
        ("bob", PASSWORD),
    ] {
        let response = running.login(name, password).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        bodies.push(response.text().await.expect("text"));
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:?}");
    assert!(bodies[0].contains("invalid_credentials"));
}

#[tokio::test]
async fn after_five_failures_one_has_to_wait() {
    let running = start().await;
    // An unknown name waits just the same.
    for name in ["ada", "nobody"] {
        for _ in 0..5 {
            let response = running.login(name, "wrong password").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        }
        let response = waiting(&running, name).await;
        let wait = response.headers()["retry-after"].to_str().expect("text");
        assert!(
            wait.parse::<u64>().is_ok_and(|seconds| seconds >= 1),
            "{wait}"
        );
        let reason = refused(response, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
        assert_eq!(reason, "too_many_attempts");
    }
}

/// Guesses on until one has to wait.
pub(super) async fn waiting(running: &Running, name: &str) -> Response {
    let guess = json!({"username": name, "password": "wrong password"});
    sent_until_it_waits(|| running.request(Method::POST, "/login").json(&guess)).await
}

/// The first waits are short: on a slow machine one may be over before the next guess, but each is
/// twice as long as the one before.
async fn sent_until_it_waits(guess: impl Fn() -> RequestBuilder) -> Response {
    for _ in 0..4 {
        let response = guess().send().await.expect("an answer");
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            return response;
        }
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    panic!("nobody was made to wait");
}

async fn device_of_ada(running: &Running) -> String {
    // A token of the very second in which the password was chosen does not count.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = running.login("ada", PASSWORD).await;
    let signed_in: Value = answer.json().await.expect("JSON");
    let device = signed_in["device_token"].as_str();
    device.expect("a device token").to_owned()
}

#[tokio::test]
async fn a_strangers_guesses_do_not_keep_the_owners_device_out() {
    let running = start().await;
    let device = device_of_ada(&running).await;
    for _ in 0..5 {
        running.login("ada", "a stranger's guess").await;
    }
    waiting(&running, "ada").await;
    let with = |name: &str, device: &str| json!({"username": name, "password": PASSWORD, "device_token": device});
    let owner = running.post("/login", &with("ada", &device)).await;
    assert_eq!(owner.status(), StatusCode::OK);
    // A made-up one counts with everybody else's: it has no five guesses of its own.
    let mut guess = with("ada", "csd_AAAA");
    guess["password"] = json!("wrong password");
    sent_until_it_waits(|| running.request(Method::POST, "/login").json(&guess)).await;
}

/// Whoever had the account before its password was reset has a device token too.
#[tokio::test]
async fn after_a_reset_the_old_devices_count_with_everybody_else() {
    let running = start().await;
    let device = device_of_ada(&running).await;
    let reset = Password::new("another good one").expect("a password");
    let directory = running.server.directory();
    directory.set_password("ada", reset).await.expect("reset");
    for _ in 0..5 {
        running.login("ada", "a stranger's guess").await;
    }
    waiting(&running, "ada").await;
    // Apart from everybody else it would have five guesses of its own.
    let guess = json!({"username": "ada", "password": PASSWORD, "device_token": device});
    sent_until_it_waits(|| running.request(Method::POST, "/login").json(&guess)).await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_patience() {
    let proxy = "127.0.0.0/8".parse().expect("a network");
    let running = start_with(|config| Config {
        trusted_proxies: vec![proxy],
        ..config
    })
    .await;
    let login = |from: &str, password: &str| {
        running
            .request(Method::POST, "/login")
            .header("x-forwarded-for", from)
            .json(&json!({"username": "ada", "password": password}))
    };
    for _ in 0..5 {
        login("198.51.100.7", "wrong")
            .send()
            .await
            .expect("an answer");
    }
    sent_until_it_waits(|| login("198.51.100.7", "wrong")).await;
    let other = login("203.0.113.9", PASSWORD)
        .send()
        .await
        .expect("an answer");
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn scopes_and_audiences_nobody_granted_are_refused() {
    let running = start().await;
    let asked = |name: &str, value: &str| {
        let mut body = json!({"username": "ada", "password": PASSWORD});
        body[name] = json!(value);
        body
    };
    let scope = running
        .post("/login", &asked("scope", "orders:delete"))
        .await;
    refused(scope, StatusCode::BAD_REQUEST, "invalid_scope").await;
    let audience = running
        .post("/login", &asked("audience", "another-api"))
        .await;
    refused(audience, StatusCode::BAD_REQUEST, "invalid_target").await;
}

#[tokio::test]
async fn an_old_audience_gets_the_algorithm_it_knows() {
    let running = start_with(|config| Config {
        other_audiences: [("legacy".to_owned(), Algorithm::RS256)].into(),
        ..config
    })
    .await;
    let header = async |audience: &str| {
        let body = json!({"username": "ada", "password": PASSWORD, "audience": audience});
        let token = pair(running.post("/login", &body).await).await.access;
        let unverified = Unverified::parse(&token).expect("a token");
        (
            unverified.header_json()["alg"].clone(),
            unverified.claims_json()["aud"].clone(),
        )
    };
    assert_eq!(header("legacy").await, (json!("RS256"), json!("legacy")));
    assert_eq!(header("api").await, (json!("ES256"), json!("api")));
}

/// Whoever takes a role away ends the sessions there are, and this one is opened after that.
#[tokio::test]
async fn a_role_taken_while_the_hash_runs_is_not_in_the_session() {
    let running = start_with(slow).await;
    let directory = running.server.directory();
    let taken = async {
        running.hash_runs().await;
        directory.set_roles("ada", vec![]).await.expect("a user");
    };
    let (answer, ()) = tokio::join!(running.login("ada", PASSWORD), taken);
    let me = running.get_as("/me", &pair(answer).await).await;
    // Revoked, if the session was opened before the role was taken: then nothing was shown.
    assert_eq!(me.status(), StatusCode::OK);
    let me: Value = me.json().await.expect("JSON");
    assert_eq!(me["roles"], json!([]));
}

#[tokio::test]
async fn a_user_disabled_while_the_hash_runs_is_refused() {
    let running = start_with(slow).await;
    let directory = running.server.directory();
    let disabled = async {
        running.hash_runs().await;
        directory.disable("ada").await.expect("a user");
    };
    let (answer, ()) = tokio::join!(running.login("ada", PASSWORD), disabled);
    refused(answer, StatusCode::UNAUTHORIZED, "invalid_credentials").await;
}

/// The first of them replaces the hash that all were checked against, and it is still the password.
#[tokio::test]
async fn sign_ins_at_once_that_bring_a_better_hash_all_succeed() {
    let running = start().await;
    let other = PasswordParameters::new(7_168, 5, 1).expect("allowed");
    let password = Password::new(PASSWORD).expect("a password");
    let password = NewPassword::choose(password, "ada", PasswordPolicy::default());
    let hash = PasswordHasher::new(other).hash(&password.expect("a good one"), [7; 16]);
    let hash = hash.expect("a hash");
    let database = rusqlite::Connection::open(running.folder.path().join("test.db"));
    let database = database.expect("the database");
    let changed = database.execute("UPDATE users SET password_hash = ?1", [hash.as_str()]);
    assert_eq!(changed.expect("written"), 1);
    let login = || running.login("ada", PASSWORD);
    let answers = tokio::join!(login(), login(), login(), login());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        pair(answer).await;
    }
    let sql = "SELECT password_hash FROM users";
    let stored = database.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_ne!(stored.expect("ada's"), hash.as_str(), "a better one");
}

/// A server on which a hash takes long enough for something else to come in between.
pub(super) fn slow(config: Config) -> Config {
    Config {
        hash_lanes: 1,
        passwords: PasswordParameters::new(19_456, 60, 1).expect("allowed"),
        ..config
    }
}

impl Running {
    /// Until somebody's password is being hashed.
    pub(super) async fn hash_runs(&self) {
        while self.numbers().await.count("countersign_hash_lanes_busy") == 0 {}
    }
}
