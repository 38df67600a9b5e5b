//! What the server writes into its log while it is used in every way: names of requests, and never a
//! password, a token or a key, however much is logged. The same is looked for in the logs of all
//! tests together by the last step of `cargo xtask test`; here is what each kind of it must go through.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use countersign_conformance::request::answer;
use countersign_conformance::{Answer, Http, Server};
use countersign_wire::paths;
use reqwest::{Method, RequestBuilder, Version};
use serde_json::{Value, json};

const PASSWORD: &str = "correct-horse-battery-staple";
const NEW_PASSWORD: &str = "another-horse-battery-staple";
const WRONG: &str = "guessed-horse-battery-staple";
const MASTER: &str = "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";
const APP: &str = "https://app.example";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_programs_names_requests_and_keeps_secrets() {
    assert_keeps_secrets(Server::with(arguments("json")), "json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_over_tls_and_http_2() {
    assert_keeps_secrets(Server::over_tls(arguments("text")), "text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_for_people_keeps_secrets_too() {
    assert_keeps_secrets(Server::with(arguments("text")), "text").await;
}

fn arguments(format: &str) -> [&str; 6] {
    let origin = ["--browser-origin", APP];
    let [name, app] = origin;
    ["--log", "trace", "--log-format", format, name, app]
}

async fn assert_keeps_secrets(mut server: Server, format: &str) {
    server.add_user("ada", PASSWORD);
    let grants = ["--grant", "client_credentials", "--grant", "refresh_token"];
    let add = ["client", "add", "service", "--scope", "read"];
    let secret = server.command(add).and(grants).succeed().trim().to_owned();
    server.start().await;
    let http = server.http();
    let mut used = use_it(&http).await;
    use_it_as_a_page(&http, &mut used).await;
    use_it_as_a_service(&http, &mut used, &secret).await;
    assert!(used.secrets.len() >= 15 && used.names.len() > 28);
    let version = http.request(Method::GET, paths::HEALTHZ).send().await;
    let is_http_2 = version.is_ok_and(|answer| answer.version() == Version::HTTP_2);
    assert_eq!(is_http_2, server.url().starts_with("https"));

    let key = std::fs::read_to_string(server.folder().join("countersign.key"));
    let key = key.expect("a master key").trim().to_owned();
    server.terminate();
    let (status, words) = server.ended_with_words().await;
    assert!(status.success(), "{status}");
    for secret in used.secrets.iter().chain([&key]) {
        let told = words.iter().find(|line| line.contains(secret.as_str()));
        assert!(told.is_none(), "the log holds {secret}: {told:?}");
    }
    for name in &used.names {
        let told = words.iter().any(|line| line.contains(name));
        assert!(told, "the log does not know the request {name}");
    }
    if format == "json" {
        let lines = words.iter().filter(|line| line.starts_with('{'));
        assert!(lines.count() > used.names.len(), "{words:?}");
        for line in &words {
            let json = serde_json::from_str::<Value>(line);
            assert!(json.is_ok(), "{line}");
        }
    }
}

/// What was used, and must not be told.
#[derive(Default)]
struct Used {
    secrets: Vec<String>,
    /// What the answers said the requests are called.
    names: Vec<String>,
}

impl Used {
    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = answer(request).await.expect("an answer");
        let name = answer.headers.get("x-request-id").expect("a name");
        self.names.push(name.to_str().expect("text").to_owned());
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text").split(';').next();
            let value = cookie
                .and_then(|pair| pair.split_once('='))
                .expect("a value")
                .1;
            if value.len() > 40 {
                self.secrets.push(value[value.len() - 40..].to_owned());
            }
        }
        if let Ok(body) = serde_json::from_str::<Value>(&answer.text) {
            for field in ["access_token", "refresh_token", "device_token"] {
                if let Some(token) = body[field].as_str() {
                    // A part of it would be too much.
                    self.secrets.push(token[token.len() - 40..].to_owned());
                }
            }
        }
        answer
    }
}

async fn use_it(http: &Http) -> Used {
    let mut used = Used::default();
    for secret in [PASSWORD, NEW_PASSWORD, WRONG, MASTER] {
        used.secrets.push(secret.to_owned());
    }
    let post = |path: &str, body: Value| http.request(Method::POST, path).json(&body);
    let login = |password: &str| json!({"username": "ada", "password": password});

    used.send(post(paths::LOGIN, login(WRONG))).await;
    used.send(post(
        paths::LOGIN,
        json!({"username": PASSWORD, "password": "x"}),
    ))
    .await;
    let first = used.send(post(paths::LOGIN, login(PASSWORD))).await;
    let (access, refresh) = (first.field("access_token"), first.field("refresh_token"));
    let device = first.field("device_token");
    let known = json!({"username": "ada", "password": WRONG, "device_token": device});
    used.send(post(paths::LOGIN, known)).await;
    let renewed = used
        .send(post(paths::REFRESH, json!({"refresh_token": refresh})))
        .await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    used.send(post(paths::REFRESH, json!({"refresh_token": refresh})))
        .await;
    used.send(post(
        paths::REFRESH,
        json!({"refresh_token": format!("{refresh}x")}),
    ))
    .await;

    let get = |path: &str, token: &str| http.request(Method::GET, path).bearer_auth(token);
    for path in [
        paths::ME,
        paths::SESSIONS,
        paths::VERIFY,
        paths::ADMIN_USERS,
    ] {
        used.send(get(path, &access)).await;
    }
    used.send(get(paths::ME, &format!("{access}x"))).await;
    // What people do by mistake.
    used.send(get(
        &format!("{}?access_token={access}", paths::ME),
        &access,
    ))
    .await;
    used.send(get(
        &format!("/{PASSWORD}?refresh_token={refresh}"),
        &access,
    ))
    .await;
    let broken = format!("{{\"username\":\"ada\",\"password\":\"{PASSWORD}");
    let broken = http.request(Method::POST, paths::LOGIN).body(broken);
    used.send(broken.header("content-type", "application/json"))
        .await;
    used.send(post(
        paths::LOGIN,
        json!({"username": 1, "password": PASSWORD}),
    ))
    .await;

    let change = json!({"current": PASSWORD, "new": NEW_PASSWORD});
    let changed = post(paths::PASSWORD, change).bearer_auth(renewed.field("access_token"));
    assert_eq!(used.send(changed).await.status, 204);
    let form = format!("grant_type=client_credentials&client_id=x&client_secret={WRONG}");
    let form = http.request(Method::POST, paths::OAUTH_TOKEN).body(form);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    used.send(form.header(kind.0, kind.1)).await;
    let last = json!({"refresh_token": renewed.field("refresh_token")});
    used.send(post(paths::LOGOUT, last)).await;

    // A stranger names no request.
    let forged = http
        .request(Method::GET, paths::HEALTHZ)
        .header("x-request-id", "forged");
    used.send(forged).await;
    // One that a limit turns away before it comes to a route.
    let large = http.request(Method::GET, paths::HEALTHZ);
    let large = large.header("x-large", PASSWORD.repeat(1_300));
    assert_eq!(used.send(large).await.status, 431);
    assert_ne!(used.names.last().map(String::as_str), Some("forged"));
    used
}

/// A page signs in, renews and signs out with cookies alone.
async fn use_it_as_a_page(http: &Http, used: &mut Used) {
    let post = |path: &str| http.request(Method::POST, path).header("origin", APP);
    let login = json!({"username": "ada", "password": NEW_PASSWORD, "cookie": true});
    let answer = used.send(post(paths::LOGIN).json(&login)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut cookies = cookies_of(&answer);
    assert!(
        cookies.contains("__Host-countersign-refresh=csr_"),
        "{cookies}"
    );
    let answer = used
        .send(post(paths::REFRESH).header("cookie", &cookies))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Of another page, for which they do not count.
    let other = http
        .request(Method::POST, paths::REFRESH)
        .header("origin", "https://evil.example");
    used.send(other.header("cookie", &cookies)).await;
    cookies = cookies_of(&answer);
    let answer = used
        .send(post(paths::LOGOUT).header("cookie", &cookies))
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn cookies_of(answer: &Answer) -> String {
    let lines = answer.headers.get_all("set-cookie").into_iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}

/// A service has tokens by its secret in either place, asks about one and takes it back.
async fn use_it_as_a_service(http: &Http, used: &mut Used, secret: &str) {
    used.secrets.push(secret.to_owned());
    let form = |path: &str, body: String| {
        let request = http.request(Method::POST, path).body(body);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let own = "grant_type=client_credentials&scope=read";
    let posted = format!("{own}&client_id=service&client_secret={secret}");
    let answer = used.send(form(paths::OAUTH_TOKEN, posted)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.field("access_token");
    for path in [
        paths::OAUTH_INTROSPECT,
        paths::OAUTH_REVOKE,
        paths::OAUTH_INTROSPECT,
    ] {
        let asked = form(path, format!("token={token}")).basic_auth("service", Some(secret));
        assert_eq!(used.send(asked).await.status, 200);
    }
    // Refused, each for another reason, with something secret in it.
    let refresh = form(
        paths::OAUTH_TOKEN,
        format!("grant_type=refresh_token&refresh_token={token}"),
    );
    used.send(refresh.basic_auth("service", Some(secret))).await;
    let twice = format!("{own}&client_secret={secret}&client_secret={secret}&client_id=service");
    used.send(form(paths::OAUTH_TOKEN, twice)).await;
    let wrong = form(paths::OAUTH_TOKEN, own.to_owned());
    used.send(wrong.basic_auth("service", Some(WRONG))).await;
    let signed = format!(
        "{own}&client_assertion={token}c&client_assertion_type=\
        urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    used.send(form(paths::OAUTH_TOKEN, signed)).await;
}
