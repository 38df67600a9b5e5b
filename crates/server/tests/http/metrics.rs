//! `/metrics`: every outcome is counted as what it is, the page is what scrapers read, and nothing that
//! somebody sends is on it.

use std::collections::BTreeSet;

use countersign_guard::Guard;
use countersign_issuer::PasswordParameters;
use countersign_server::metrics::family::{Kind, Values};
use countersign_server::metrics::{Page, guarded, server_families};
use rusqlite::Connection;

use super::exposition::Exposition;
use super::*;
use oauth::Stage;

const HERE: &str = "/metrics";

impl Running {
    pub(super) async fn numbers(&self) -> Exposition {
        Exposition::read(&self.page().await)
    }

    async fn page(&self) -> String {
        let request = self.request(Method::GET, HERE);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let kind = answer.headers()["content-type"].to_str().expect("text");
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.text().await.expect("a page")
    }

    /// That by `provoked` this number, and none of its family beside it, grows by one.
    pub(super) async fn moves(
        &self,
        name: &str,
        provoked: impl Future<Output = Response>,
    ) -> Response {
        let before = self.numbers().await;
        let answer = provoked.await;
        let after = self.numbers().await;
        let family = name.split('{').next().unwrap_or(name);
        let moved = after.names().filter(|other| {
            let of_family = other.split('{').next() == Some(family);
            of_family && (!before.has(other) || after.count(other) != before.count(other))
        });
        let moved: Vec<&str> = moved.collect();
        assert_eq!(moved, [name], "answered {}", answer.status());
        let earlier = if before.has(name) {
            before.count(name)
        } else {
            0
        };
        assert_eq!(after.count(name), earlier + 1, "{name}");
        answer
    }

    fn database(&self) -> Connection {
        Connection::open(self.folder.path().join("test.db")).expect("the database")
    }
}

fn login_as(result: &str) -> String {
    format!("countersign_logins_total{{result=\"{result}\"}}")
}

fn refresh_as(outcome: &str) -> String {
    format!("countersign_refreshes_total{{outcome=\"{outcome}\"}}")
}

pub(super) fn oauth_as(endpoint: &str, outcome: &str) -> String {
    format!("countersign_oauth_requests_total{{endpoint=\"{endpoint}\",outcome=\"{outcome}\"}}")
}

/// Where it is that each counter of the page is moved, value by value.
const MOVED: &[(&str, &str, &str)] = &[
    (
        "countersign_logins_total",
        "every_end_of_a_sign_in_is_counted a_full_hash_queue_is_counted_and_seen \
         a_database_that_does_not_answer_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_logins_total",
        "a_sign_in_that_the_server_cannot_do_is_counted",
        OUTCOME,
    ),
    (
        "countersign_refreshes_total",
        "every_end_of_a_refresh_is_counted a_database_that_does_not_answer_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_oauth_requests_total",
        "every_end_of_a_request_to_the_oauth_endpoints_is_counted \
         a_database_that_does_not_answer_is_counted a_server_that_fails_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_oauth_requests_total",
        "each_token_taken_back_has_its_line_and_past_the_bound_they_are_left_to_expire",
        include_str!("oauth/taken_back.rs"),
    ),
    (
        "countersign_hash_refused_total",
        "a_full_hash_queue_is_counted_and_seen",
        HERE_TESTED,
    ),
    (
        "countersign_store_failed_total",
        "a_database_that_does_not_answer_is_counted a_server_that_fails_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_store_failed_total",
        "who_finds_no_free_connection_is_counted",
        include_str!("../store/postgres/servers.rs"),
    ),
    (
        "countersign_http_requests_total",
        "requests_followers_and_connections_are_counted \
         a_database_that_does_not_answer_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_http_refused_total",
        "what_is_wrong_with_a_request_is_counted who_finds_no_place_is_counted \
         a_network_with_too_many_connections_is_counted",
        LIMITS,
    ),
    (
        "countersign_connections_accepted_total",
        "who_finds_no_place_is_counted",
        LIMITS,
    ),
    (
        "countersign_connections_full_total",
        "who_finds_no_place_is_counted",
        LIMITS,
    ),
    (
        "countersign_connections_failed_total",
        "a_network_with_too_many_connections_is_counted \
         a_handshake_that_comes_to_nothing_is_counted",
        LIMITS,
    ),
    (
        "countersign_connections_failed_total",
        "connections_for_which_there_is_no_file_are_counted",
        include_str!("../../../cli/tests/command/open_files.rs"),
    ),
    (
        "countersign_guard_accepted_total",
        "what_the_servers_own_guard_decides_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_guard_accepted_legacy_total",
        "a_token_of_the_old_kind_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_guard_refused_total",
        "what_the_servers_own_guard_decides_is_counted",
        HERE_TESTED,
    ),
    (
        "countersign_guard_cache_lookups_total",
        "what_the_servers_own_guard_decides_is_counted",
        HERE_TESTED,
    ),
    (
        "process_cpu_seconds_total",
        "what_the_process_takes_is_counted",
        HERE_TESTED,
    ),
];
const HERE_TESTED: &str = include_str!("metrics.rs");
const LIMITS: &str = include_str!("../sockets/counters.rs");
const OUTCOME: &str = include_str!("../../src/http/outcome.rs");

/// A counter that no test moves, or one value of its labels, fails here.
#[test]
fn every_counter_is_moved_by_a_test() {
    for family in server_families().filter(|family| family.kind == Kind::Counter) {
        let own = MOVED.iter().filter(|(name, ..)| *name == family.name);
        let mut bodies = String::new();
        for (_, tests, source) in own {
            for test in tests.split_whitespace() {
                let (before, body) = source
                    .split_once(&format!("fn {test}("))
                    .unwrap_or_else(|| panic!("there is no test {test}"));
                let indent = before.rsplit('\n').next().unwrap_or_default();
                let indent = &indent[..indent.len() - indent.trim_start().len()];
                let end = format!("\n{indent}}}\n");
                bodies += body.split(&end).next().unwrap_or(body);
            }
        }
        assert!(!bodies.is_empty(), "no test moves {}", family.name);
        for label in family.labels {
            let Values::Listed(values) = label.values else {
                continue;
            };
            for value in values {
                // As a value of its own, or within a spelled-out name.
                let quoted = [format!("\"{value}\""), format!("\\\"{value}\\\"")];
                let is_named = quoted.iter().any(|quoted| bodies.contains(quoted));
                assert!(is_named, "no test moves {}: {value}", family.name);
            }
        }
    }
}

/// The server's own guard takes none, and the sidecar neither: it is the number of an application's guard,
/// which writes its page by the same means.
#[test]
fn a_token_of_the_old_kind_is_counted() {
    let (key, now) = (
        SigningKey::generate(Algorithm::ES256).expect("a key"),
        UnixTime::now(),
    );
    let secret = "the secret of the system before this one";
    let guard = Guard::builder("https://id.example", "api")
        .key(key.verifying_key())
        .legacy_secret(secret, now.saturating_add(Duration::from_secs(3_600)))
        .claims::<Value>()
        .build()
        .expect("a guard");
    let old = SigningKey::from_secret(Algorithm::HS256, secret.as_bytes()).expect("a key");
    let old = old.sign(&json!({ "user": "ada", "exp": now.as_secs() + 60 }));
    let page = || {
        let mut page = Page::default();
        guarded::write(&mut page, &guard.counts());
        Exposition::read(&page.finish())
    };
    let (all, legacy) = (
        "countersign_guard_accepted_total",
        "countersign_guard_accepted_legacy_total",
    );
    assert_eq!((page().count(all), page().count(legacy)), (0, 0));
    let let_in = guard.check_token(&old.expect("a token"), now);
    assert_eq!(let_in.expect("the old kind").claims()["user"], "ada");
    assert_eq!((page().count(all), page().count(legacy)), (1, 1));
}

#[tokio::test]
async fn what_the_process_takes_is_counted() {
    let running = start().await;
    let name = "process_cpu_seconds_total";
    let before = running.numbers().await.number(name);
    // Each sign-in is a password hash.
    while running.numbers().await.number(name) <= before {
        running.signed_in().await;
    }
}

/// The page and its definitions say the same, in the same order.
#[tokio::test]
async fn the_page_is_what_its_definitions_say() {
    let running = start().await;
    let pair = running.signed_in().await;
    running.get_as("/me", &pair).await;
    running
        .get_as(
            "/me",
            &Pair {
                access: "x".into(),
                ..pair
            },
        )
        .await;
    let page = running.numbers().await;
    let told: Vec<&str> = page.families.iter().map(|family| &*family.name).collect();
    let defined: Vec<&str> = server_families().map(|family| family.name).collect();
    assert_eq!(told, defined);
    for (told, defined) in page.families.iter().zip(server_families()) {
        assert_eq!(told.kind, defined.kind.name(), "{}", told.name);
        assert_eq!(told.help, format!("{}.", defined.means), "{}", told.name);
        let names: BTreeSet<&str> = told.labels.iter().map(|(name, _)| &**name).collect();
        let expected: BTreeSet<&str> = defined.labels.iter().map(|label| label.name).collect();
        assert_eq!(names, expected, "{}", told.name);
        for label in defined.labels {
            let values = told.labels.iter().filter(|(name, _)| name == label.name);
            let values: BTreeSet<&str> = values.map(|(_, value)| &**value).collect();
            match label.values {
                // All of them from the start; keys are there as they are.
                Values::Listed(listed) if defined.kind != Kind::Gauge => {
                    assert_eq!(values, listed.iter().copied().collect(), "{}", told.name);
                }
                Values::Listed(listed) => {
                    assert!(
                        values.iter().all(|value| listed.contains(value)),
                        "{values:?}"
                    );
                }
                Values::Told(_) => assert!(!values.is_empty(), "{}", told.name),
            }
        }
    }
    for always in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "process_cpu_seconds_total",
        "countersign_hash_lanes",
        "countersign_refresh_key_age_seconds",
        "countersign_signing_keys{algorithm=\"ES256\",state=\"pending\"}",
        "countersign_signing_key_age_seconds{algorithm=\"ES256\",state=\"signing\"}",
        "countersign_signing_key_next_change_timestamp_seconds",
    ] {
        assert!(page.has(always), "{always}");
    }
    assert!(page.number("process_resident_memory_bytes") > 1e6);
    assert!(page.count("process_open_fds") > 3);
    let now = UnixTime::now().as_secs();
    let change = page.count("countersign_signing_key_next_change_timestamp_seconds");
    assert!(change > now, "{change}");
}

#[tokio::test]
async fn every_end_of_a_sign_in_is_counted() {
    let stage = Stage::new().await;
    let running = &stage.running;
    let wrong = ("ada", "wrong");
    for (result, body) in [
        (
            "signed_in",
            json!({"username": "ada", "password": PASSWORD}),
        ),
        (
            "invalid_credentials",
            json!({"username": wrong.0, "password": wrong.1}),
        ),
        (
            "invalid_credentials",
            json!({"username": "nobody", "password": PASSWORD}),
        ),
        (
            "invalid_client",
            json!({"username": "ada", "password": PASSWORD, "client_id": "x"}),
        ),
        (
            "invalid_scope",
            json!({"username": "ada", "password": PASSWORD, "scope": "root"}),
        ),
        (
            "invalid_target",
            json!({"username": "ada", "password": PASSWORD, "audience": "x"}),
        ),
        (
            "invalid_request",
            json!({"username": "ada", "password": "x".repeat(300)}),
        ),
        ("invalid_request", json!({"username": 7})),
        (
            "invalid_request",
            json!({"username": "ada", "password": PASSWORD, "cookie": true}),
        ),
    ] {
        running
            .moves(&login_as(result), running.post("/login", &body))
            .await;
    }
    let orders = stage.orders();
    let unauthorized = stage.sign_in("orders", Some(&orders), json!({}));
    running
        .moves(&login_as("unauthorized_client"), unauthorized)
        .await;
    let not_json = running.request(Method::POST, "/login").body("x").send();
    let not_json = async { not_json.await.expect("an answer") };
    running.moves(&login_as("invalid_request"), not_json).await;
    for _ in 0..5 {
        running.login("eve", "wrong").await;
    }
    sign_in::waiting(running, "eve").await;
    let counted = running.numbers().await;
    assert_eq!(counted.count(&login_as("too_many_attempts")), 1);
}

#[tokio::test]
async fn a_full_hash_queue_is_counted_and_seen() {
    let costly = PasswordParameters::new(19_456, 20, 1).expect("allowed");
    let running = start_with(|config| Config {
        hash_lanes: 1,
        hash_queue: 1,
        passwords: costly,
        ..config
    })
    .await;
    let before = running.numbers().await;
    assert_eq!(before.count("countersign_hash_queue_size"), 1);
    assert_eq!(before.count("countersign_hash_lanes"), 1);
    // One is hashed, one waits, and the rest of them are sent away.
    let answers = futures_util::future::join_all((0..8).map(|_| running.login("ada", PASSWORD)));
    let (answers, during) = tokio::join!(answers, running.numbers());
    let refused = answers
        .iter()
        .filter(|answer| answer.status() == 503)
        .count();
    let after = running.numbers().await;
    let refused = u64::try_from(refused).expect("a few");
    assert!(refused >= 1);
    assert_eq!(after.count(&login_as("hash_queue_full")), refused);
    assert_eq!(after.count("countersign_hash_refused_total"), refused);
    assert!(during.count("countersign_hash_lanes_busy") <= 1);
    assert_eq!(after.count("countersign_hash_waiting"), 0);
    // Ada's own hash, when she was added, is one of them.
    assert_eq!(after.count("countersign_hash_seconds_count"), 9 - refused);
    assert!(after.number("countersign_hash_seconds_sum") > 0.0);
}

#[tokio::test]
async fn every_end_of_a_refresh_is_counted() {
    let stage = Stage::with(|config| Config {
        sessions: SessionPolicy {
            grace: Duration::from_secs(1),
            ..config.sessions
        },
        ..config
    })
    .await;
    let running = &stage.running;
    let first = running.signed_in().await.refresh;
    let rotated = running
        .moves(&refresh_as("rotated"), running.refresh(&first))
        .await;
    let second = pair(rotated).await.refresh;
    running
        .moves(&refresh_as("grace"), running.refresh(&first))
        .await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    running
        .moves(&refresh_as("refresh_reused"), running.refresh(&first))
        .await;
    running
        .moves(&refresh_as("session_ended"), running.refresh(&second))
        .await;
    running
        .moves(
            &refresh_as("unknown_refresh_token"),
            running.refresh("csr_x"),
        )
        .await;

    let token = running.signed_in().await.refresh;
    let next = pair(running.refresh(&token).await).await.refresh;
    // A backup of before the refresh is put in place of the database.
    running
        .database()
        .execute(
            "UPDATE sessions SET generation = 0 WHERE ended_at IS NULL",
            [],
        )
        .expect("a row");
    running
        .moves(&refresh_as("rollback_or_forgery"), running.refresh(&next))
        .await;

    let token = running.signed_in().await.refresh;
    running
        .database()
        .execute(
            "UPDATE sessions SET idle_expires_at = 1 WHERE ended_at IS NULL",
            [],
        )
        .expect("a row");
    running
        .moves(&refresh_as("session_expired"), running.refresh(&token))
        .await;
    running
        .database()
        .execute("DELETE FROM sessions", [])
        .expect("rows");
    running
        .moves(&refresh_as("unknown_session"), running.refresh(&token))
        .await;

    // What another client, or more than was granted, is asked for by.
    let first_party = running.signed_in().await.refresh;
    let at_the_shop = stage.ada_at_the_shop().await;
    let at_the_shop = at_the_shop["refresh_token"].as_str().expect("a token");
    let exchange =
        |token: &str, more: &str| format!("grant_type=refresh_token&refresh_token={token}{more}");
    for (outcome, body, client) in [
        ("wrong_client", exchange(&first_party, ""), stage.shop()),
        (
            "unauthorized_client",
            exchange(at_the_shop, ""),
            stage.orders(),
        ),
        (
            "invalid_scope",
            exchange(at_the_shop, "&scope=root"),
            stage.shop(),
        ),
        (
            "invalid_target",
            exchange(at_the_shop, "&audience=x"),
            stage.shop(),
        ),
        ("rotated", exchange(at_the_shop, ""), stage.shop()),
    ] {
        let asked = stage.post("/oauth/token", &body, Some(&client));
        running.moves(&refresh_as(outcome), asked).await;
    }

    // Inside the grace the next token is made again, with a key that is not there any more.
    let token = running.signed_in().await.refresh;
    pair(running.refresh(&token).await).await;
    running
        .database()
        .execute(
            "UPDATE sessions SET mac_key_id = 99 WHERE ended_at IS NULL",
            [],
        )
        .expect("a row");
    running
        .moves(&refresh_as("failed"), running.refresh(&token))
        .await;
}

#[tokio::test]
async fn every_end_of_a_request_to_the_oauth_endpoints_is_counted() {
    let stage = Stage::new().await;
    let running = &stage.running;
    let (shop, orders) = (stage.shop(), stage.orders());
    let own = "grant_type=client_credentials";
    let at_the_shop = stage.ada_at_the_shop().await;
    let [refresh, device] =
        ["refresh_token", "device_token"].map(|name| at_the_shop[name].as_str().expect("a token"));
    let exchange = format!("grant_type=refresh_token&refresh_token={refresh}");
    let look = format!("token={refresh}");
    let wrong = oauth::basic("shop", "wrong");
    let requests: [(&str, &str, String, &str); 18] = [
        ("token", "ok", own.into(), &shop),
        ("token", "ok", exchange.clone(), &shop),
        ("token", "invalid_request", "scope=read".into(), &shop),
        ("token", "invalid_request", format!("{own}&{own}"), &shop),
        ("token", "invalid_client", own.into(), &wrong),
        (
            "token",
            "invalid_grant",
            "grant_type=refresh_token&refresh_token=x".into(),
            &shop,
        ),
        ("token", "unauthorized_client", exchange, &orders),
        (
            "token",
            "unsupported_grant_type",
            "grant_type=password".into(),
            &shop,
        ),
        ("token", "invalid_scope", format!("{own}&scope=root"), &shop),
        (
            "token",
            "invalid_target",
            format!("{own}&audience=x"),
            &shop,
        ),
        ("introspect", "ok", look.clone(), &shop),
        ("introspect", "invalid_request", "x=y".into(), &shop),
        ("introspect", "invalid_client", look.clone(), &wrong),
        ("revoke", "invalid_request", "x=y".into(), &shop),
        ("revoke", "invalid_client", look.clone(), &wrong),
        ("revoke", "invalid_grant", look.clone(), &orders),
        (
            "revoke",
            "unsupported_token_type",
            format!("token={device}"),
            &shop,
        ),
        ("revoke", "ok", look, &shop),
    ];
    for (endpoint, outcome, body, client) in requests {
        let path = format!("/oauth/{endpoint}");
        let asked = stage.post(&path, &body, Some(client));
        running.moves(&oauth_as(endpoint, outcome), asked).await;
    }
}

/// What is in the database is nothing that this program writes.
#[tokio::test]
async fn a_server_that_fails_is_counted() {
    let stage = Stage::new().await;
    let running = &stage.running;
    let at_the_shop = stage.ada_at_the_shop().await;
    let at_the_shop = at_the_shop["refresh_token"].as_str().expect("a token");
    let exchange = format!("grant_type=refresh_token&refresh_token={at_the_shop}");
    let shop = stage.shop();
    let rotated = stage.post("/oauth/token", &exchange, Some(&shop)).await;
    assert_eq!(rotated.status(), StatusCode::OK);
    let database = running.database();
    let change = |sql: &str| database.execute(sql, []).expect("rows");
    // Inside the grace the next token is made again, with a key that is not there any more.
    change("UPDATE sessions SET mac_key_id = 99 WHERE ended_at IS NULL");
    let again = stage.post("/oauth/token", &exchange, Some(&shop));
    let answer = running.moves(&oauth_as("token", "failed"), again).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let corrupt = "countersign_store_failed_total{error=\"corrupt\"}";
    change("UPDATE audit SET event = 'unheard_of'");
    let read = admin::send(running, Method::GET, "/admin/audit", None);
    running.moves(corrupt, read).await;
}

/// Another program writes, and does not come to an end.
#[tokio::test]
async fn a_database_that_does_not_answer_is_counted() {
    let stage = Stage::new().await;
    let running = &stage.running;
    let token = running.signed_in().await.refresh;
    let at_the_shop = stage.ada_at_the_shop().await;
    let at_the_shop = at_the_shop["refresh_token"].as_str().expect("a token");
    let database = running.database();
    database
        .execute_batch("BEGIN IMMEDIATE")
        .expect("the only writer");
    let exchange = format!("grant_type=refresh_token&refresh_token={at_the_shop}");
    let shop = stage.shop();
    let (login, refresh, oauth) = tokio::join!(
        running.login("ada", PASSWORD),
        running.refresh(&token),
        stage.post("/oauth/token", &exchange, Some(&shop)),
    );
    for answer in [login, refresh, oauth] {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    database.execute_batch("ROLLBACK").expect("an end");
    let numbers = running.numbers().await;
    assert_eq!(numbers.count(&login_as("unavailable")), 1);
    assert_eq!(numbers.count(&refresh_as("unavailable")), 2);
    assert_eq!(numbers.count(&oauth_as("token", "unavailable")), 1);
    // The server's own looks at the database fail as well meanwhile.
    let failed = "countersign_store_failed_total{error=\"unavailable\"}";
    assert!(numbers.count(failed) >= 3);
    assert_eq!(
        numbers.count("countersign_http_requests_total{route=\"/login\",status=\"5xx\"}"),
        1
    );
}

#[tokio::test]
async fn reads_writes_and_their_groups_are_measured() {
    let running = start().await;
    let before = running.numbers().await;
    running.signed_in().await;
    let after = running.numbers().await;
    for name in [
        "countersign_store_seconds_count{kind=\"read\"}",
        "countersign_store_seconds_count{kind=\"write\"}",
        "countersign_store_commit_seconds_count",
        "countersign_store_group_size_count",
    ] {
        assert!(after.count(name) > before.count(name), "{name}");
    }
    // No group is empty, and every write is in one.
    assert!(after.number("countersign_store_group_size_bucket{le=\"1\"}") >= 1.0);
    let (writes, in_groups) = (
        after.number("countersign_store_seconds_count{kind=\"write\"}"),
        after.number("countersign_store_group_size_sum"),
    );
    assert!(
        writes <= in_groups,
        "{writes} writes, {in_groups} in groups"
    );
}

#[tokio::test]
async fn what_the_servers_own_guard_decides_is_counted() {
    let running = start().await;
    let pair = running.signed_in().await;
    running
        .moves(
            "countersign_guard_accepted_total",
            running.get_as("/me", &pair),
        )
        .await;
    let refused = |reason: &str| format!("countersign_guard_refused_total{{reason=\"{reason}\"}}");
    let none = async {
        running
            .request(Method::GET, "/me")
            .send()
            .await
            .expect("an answer")
    };
    running.moves(&refused("missing_token"), none).await;
    running
        .post("/logout", &json!({"refresh_token": pair.refresh}))
        .await;
    running
        .moves(&refused("revoked"), running.get_as("/me", &pair))
        .await;
    let lookup =
        |result: &str| format!("countersign_guard_cache_lookups_total{{result=\"{result}\"}}");
    let again = running.get_as("/me", &pair);
    running.moves(&lookup("hit"), again).await;
    let next = running.signed_in().await;
    let first = running.get_as("/me", &next);
    running.moves(&lookup("miss"), first).await;
    assert_eq!(
        running
            .numbers()
            .await
            .count("countersign_revocations_live"),
        1
    );
}

#[tokio::test]
async fn requests_followers_and_connections_are_counted() {
    let running = start().await;
    let of = |route: &str, status: &str| {
        format!("countersign_http_requests_total{{route=\"{route}\",status=\"{status}\"}}")
    };
    let before = running.numbers().await;
    running.login("ada", PASSWORD).await;
    running
        .request(Method::GET, "/login")
        .send()
        .await
        .expect("an answer");
    running
        .request(Method::DELETE, "/sessions/some-id")
        .send()
        .await
        .expect("an answer");
    running
        .request(Method::GET, "/nowhere/to/be/found")
        .send()
        .await
        .expect("an answer");
    let keys = running.request(Method::GET, "/.well-known/jwks.json");
    let keys = keys.send().await.expect("keys");
    let known = running.request(Method::GET, "/.well-known/jwks.json");
    let known = known.header("if-none-match", &keys.headers()["etag"]);
    known.send().await.expect("an answer");
    let after = running.numbers().await;
    for (name, grown) in [
        (of("/.well-known/jwks.json", "3xx"), 1),
        (of("/login", "2xx"), 1),
        (of("/login", "4xx"), 1),
        (of("/sessions/{sid}", "4xx"), 1),
        (of("none", "4xx"), 1),
        (of("/metrics", "2xx"), 1),
        (
            "countersign_http_request_seconds_count{route=\"/login\"}".into(),
            2,
        ),
    ] {
        assert_eq!(after.count(&name) - before.count(&name), grown, "{name}");
    }
    assert!(after.count("countersign_connections_open") >= 1);
    assert!(after.count("countersign_connections_accepted_total") >= 1);
    // The scrape itself.
    assert_eq!(after.count("countersign_http_in_flight"), 1);

    assert_eq!(after.count("countersign_feed_followers"), 0);
    let stream = running
        .request(Method::GET, "/revocations")
        .header("accept", "text/event-stream")
        .send();
    let _stream = stream.await.expect("a stream");
    assert_eq!(
        running.numbers().await.count("countersign_feed_followers"),
        1
    );
}

/// Whatever is asked for, however often: the same lines.
#[tokio::test]
async fn what_is_sent_adds_no_line_and_is_on_none() {
    let running = start().await;
    let pair = running.signed_in().await;
    running.get_as("/me", &pair).await;
    running
        .request(Method::GET, "/me")
        .send()
        .await
        .expect("an answer");
    let before = running.numbers().await;
    let mark = "zebra7";
    for number in 0..200 {
        let method = format!("{}{number}", mark.to_uppercase());
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        for path in [
            format!("/{mark}/{number}"),
            format!("/admin/users/{mark}{number}"),
            format!("/sessions/{mark}%22{number}?{mark}={number}"),
            format!("/login/{mark}"),
            "/me".to_owned(),
        ] {
            let request = running.request(method.clone(), &path).header(mark, mark);
            request.send().await.expect("an answer");
        }
    }
    for number in 0..3 {
        let name = format!("{mark}{number}");
        running.login(&name, &name).await;
        running.refresh(&name).await;
        let form = format!("grant_type={name}&client_id={name}&client_secret={name}");
        let request = oauth::form_to(&running, "/oauth/token", &form);
        request.send().await.expect("an answer");
    }
    let page = running.page().await;
    let after = Exposition::read(&page);
    assert_eq!(
        before.names().collect::<Vec<_>>(),
        after.names().collect::<Vec<_>>()
    );
    let lower = page.to_lowercase();
    for secret in [mark, "\"ada", PASSWORD, &pair.access, &pair.refresh] {
        assert!(
            !lower.contains(&secret.to_lowercase()),
            "{secret} is on the page"
        );
    }
}

#[tokio::test]
async fn whoever_may_not_read_finds_no_such_route() {
    let running = start().await;
    assert_eq!(
        running
            .numbers()
            .await
            .count("countersign_build_info{version=\"0.1.0\"}"),
        1
    );
    let elsewhere = running
        .request(Method::GET, "/metric")
        .send()
        .await
        .expect("an answer");
    let (status, expected) = (elsewhere.status(), elsewhere.text().await.expect("a body"));
    for method in [Method::GET, Method::POST, Method::OPTIONS] {
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "127.0.0.1"),
            ("host", "id.example"),
        ] {
            let request = running.request(method.clone(), HERE).header(name, value);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), status, "{method} {name}");
            assert!(!answer.headers().contains_key("allow"), "{method} {name}");
            assert_eq!(
                answer.text().await.expect("a body"),
                expected,
                "{method} {name}"
            );
        }
    }
    let post = running
        .request(Method::POST, HERE)
        .send()
        .await
        .expect("an answer");
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post.headers()["allow"], "GET,HEAD");
}

/// A proxy on this machine that adds no header must have nothing to pass on.
#[tokio::test]
async fn a_server_with_a_name_of_its_own_shows_them_only_where_it_is_told_to() {
    for hidden in [
        |config: Config| Config {
            issuer: Some("https://id.example".into()),
            ..config
        },
        |config: Config| Config {
            trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            ..config
        },
        |config: Config| Config {
            plain_http: countersign_server::PlainHttp::BehindProxy,
            issuer: Some("http://127.0.0.1:1".into()),
            ..config
        },
    ] {
        let running = start_with(hidden).await;
        let url = format!("http://{}{HERE}", running.server.address());
        let answer = running.client.get(url).send().await.expect("an answer");
        assert_eq!(
            refused(answer, StatusCode::NOT_FOUND, "not_found").await,
            "no_such_route"
        );
        assert_eq!(running.server.metrics_address(), None);
    }
}

#[tokio::test]
async fn a_listener_of_their_own_is_the_only_place() {
    let running = start_with(|config| Config {
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
        ..config
    })
    .await;
    running.signed_in().await;
    let beside = running
        .request(Method::GET, HERE)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        refused(beside, StatusCode::NOT_FOUND, "not_found").await,
        "no_such_route"
    );
    let address = running.server.metrics_address().expect("a listener");
    let get = |path: &str| running.client.get(format!("http://{address}{path}"));
    let answer = get(HERE)
        .header("via", "1.1 proxy")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let page = Exposition::read(&answer.text().await.expect("a page"));
    assert_eq!(page.count(&login_as("signed_in")), 1);
    for other in ["/", "/login", "/healthz", "/me"] {
        let answer = get(other).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{other}");
    }
    running.server.stop().await;
    assert!(get(HERE).send().await.is_err());
}
