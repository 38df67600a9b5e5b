//! Single-page apps: cookies that count only for our own pages, and answers that only they may read.

use countersign_server::Config;
use reqwest::header::{HeaderMap, ORIGIN};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::{PASSWORD, Running, refused, start_with};

const APP: &str = "https://app.example.com";
const REFRESH: &str = "__Host-countersign-refresh";
const DEVICE: &str = "__Host-countersign-device";

async fn start() -> Running {
    let with_app = |config| Config {
        browser_origins: vec![APP.to_owned()],
        ..config
    };
    start_with(with_app).await
}

/// A browser with a page of the app in it: it says so, and keeps cookies as it is told.
struct Page<'a> {
    running: &'a Running,
    cookies: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    fn new(running: &'a Running) -> Self {
        let cookies = Vec::new();
        Self { running, cookies }
    }

    /// The request as the browser sends it, from `origin`.
    fn from(&self, origin: &str, path: &str) -> RequestBuilder {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.running
            .request(Method::POST, path)
            .header(ORIGIN, origin)
            .header("cookie", cookies.join("; "))
    }

    async fn post(&mut self, path: &str, body: Option<&Value>) -> Response {
        let request = self.from(APP, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        self.keep(response.headers());
        response
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (pair, attributes) = line.split_once("; ").expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            for kept in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
                let mut all = attributes.split("; ");
                assert!(all.any(|attribute| attribute == kept), "{line}");
            }
            assert!(!attributes.contains("Domain"), "{line}");
            self.cookies.retain(|(kept, _)| kept != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let mut kept = self.cookies.iter();
        kept.find(|(kept, _)| kept == name)
            .map(|(_, value)| value.as_str())
    }

    async fn sign_in(&mut self) -> Value {
        let asked = json!({"username": "ada", "password": PASSWORD, "cookie": true});
        let response = self.post("/login", Some(&asked)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["cache-control"], "no-store");
        response.json().await.expect("JSON")
    }
}

#[tokio::test]
async fn the_refresh_token_is_in_the_cookie_and_nowhere_else() {
    let running = start().await;
    let mut page = Page::new(&running);
    let answer = page.sign_in().await;
    assert_eq!(answer["token_type"], "Bearer");
    assert!(answer["access_token"].is_string());
    let first = page.cookie(REFRESH).expect("a refresh token").to_owned();
    assert!(first.starts_with("csr_"));
    let device = page.cookie(DEVICE).expect("a device token");
    let text = answer.to_string();
    assert!(!text.contains("csr_") && !text.contains(device), "{text}");

    let response = page.post("/refresh", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    let next: Value = response.json().await.expect("JSON");
    assert_ne!(next["access_token"], answer["access_token"]);
    assert!(!next.to_string().contains("csr_"));
    assert_ne!(page.cookie(REFRESH), Some(first.as_str()));

    let response = page.post("/logout", None).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(page.cookie(REFRESH), None);
    assert!(page.cookie(DEVICE).is_some(), "the device is still known");
    let dead = running.refresh(&first).await;
    refused(dead, StatusCode::BAD_REQUEST, "invalid_grant").await;
}

#[tokio::test]
async fn two_tabs_at_once_get_the_same_successor() {
    let running = start().await;
    let mut page = Page::new(&running);
    page.sign_in().await;
    let tabs = [(); 2].map(|()| page.from(APP, "/refresh").send());
    let [one, two] = tabs;
    let (one, two) = tokio::join!(one, two);
    let mut kept = Vec::new();
    for tab in [one, two] {
        let tab = tab.expect("an answer");
        assert_eq!(tab.status(), StatusCode::OK);
        page.keep(tab.headers());
        kept.push(page.cookie(REFRESH).map(str::to_owned));
    }
    assert_eq!(kept[0], kept[1]);
}

#[tokio::test]
async fn a_cookie_does_not_count_where_another_page_sends_it() {
    let running = start().await;
    let mut page = Page::new(&running);
    page.sign_in().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://app.example.com.evil.example",
    ] {
        for path in ["/refresh", "/logout"] {
            let forged = page.from(origin, path).send().await.expect("an answer");
            assert!(!forged.headers().contains_key("set-cookie"));
            let reason = refused(forged, StatusCode::FORBIDDEN, "access_denied").await;
            assert_eq!(reason, "cross_site");
        }
        let planted = json!({"username": "ada", "password": PASSWORD, "cookie": true});
        let planted = page.from(origin, "/login").json(&planted).send().await;
        let planted = planted.expect("an answer");
        assert!(!planted.headers().contains_key("set-cookie"));
        refused(planted, StatusCode::FORBIDDEN, "access_denied").await;
    }
    // No word of where it comes from: no page of ours.
    let bare = running.request(Method::POST, "/refresh");
    let token = page.cookie(REFRESH).expect("a refresh token");
    let bare = bare.header("cookie", format!("{REFRESH}={token}"));
    let bare = bare.send().await.expect("an answer");
    refused(bare, StatusCode::FORBIDDEN, "access_denied").await;

    let alive = page.post("/refresh", None).await;
    assert_eq!(alive.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_servers_own_pages_need_not_be_listed() {
    let running = start().await;
    let mut page = Page::new(&running);
    page.sign_in().await;
    let own = running.server.issuer().to_owned();
    let response = page.from(&own, "/refresh").send().await;
    assert_eq!(response.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_over_is_forgotten() {
    let running = start().await;
    let mut page = Page::new(&running);
    page.sign_in().await;
    let token = page.cookie(REFRESH).expect("a refresh token").to_owned();
    let token = json!({"refresh_token": token});
    let ended = running.post("/logout", &token).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);

    let over = page.post("/refresh", None).await;
    refused(over, StatusCode::BAD_REQUEST, "invalid_grant").await;
    assert_eq!(page.cookie(REFRESH), None);
    let nothing = page.post("/refresh", None).await;
    let reason = refused(nothing, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "nothing_to_refresh");
}

#[tokio::test]
async fn two_cookies_of_the_name_are_none() {
    let running = start().await;
    let mut page = Page::new(&running);
    page.sign_in().await;
    let token = page.cookie(REFRESH).expect("a refresh token").to_owned();
    page.cookies.push((REFRESH.to_owned(), token));
    let response = page.from(APP, "/refresh").send().await;
    let response = response.expect("an answer");
    let reason = refused(response, StatusCode::BAD_REQUEST, "invalid_request").await;
    assert_eq!(reason, "nothing_to_refresh");
}

#[tokio::test]
async fn a_listed_page_may_ask_and_read() {
    let running = start().await;
    let asked = running
        .request(Method::OPTIONS, "/sessions")
        .header(ORIGIN, APP)
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "authorization")
        .send()
        .await
        .expect("an answer");
    assert!(asked.status().is_success());
    let allowed = |name: &str| asked.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(allowed("access-control-allow-origin"), APP);
    assert_eq!(allowed("access-control-allow-credentials"), "true");
    assert!(allowed("access-control-allow-methods").contains("DELETE"));
    assert!(allowed("access-control-allow-headers").contains("authorization"));
    assert!(allowed("vary").to_lowercase().contains("origin"));

    let wrong = json!({"username": "ada", "password": "no"});
    let request = running.request(Method::POST, "/login").json(&wrong);
    let answer = request.header(ORIGIN, APP).send().await.expect("an answer");
    assert_eq!(answer.headers()["access-control-allow-origin"], APP);
    refused(answer, StatusCode::UNAUTHORIZED, "invalid_credentials").await;
}

#[tokio::test]
async fn other_pages_may_not() {
    let listed = start().await;
    let none = super::start().await;
    for running in [&listed, &none] {
        for path in ["/login", "/refresh", "/me"] {
            let asked = running
                .request(Method::OPTIONS, path)
                .header(ORIGIN, "https://evil.example")
                .header("access-control-request-method", "POST")
                .send()
                .await
                .expect("an answer");
            let headers = asked.headers();
            assert!(
                !headers.contains_key("access-control-allow-origin"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn keys_and_metadata_are_for_every_page() {
    let running = super::start().await;
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
    ] {
        let request = running.request(Method::GET, path);
        let answer = request.header(ORIGIN, "https://any.example").send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert!(
            !answer
                .headers()
                .contains_key("access-control-allow-credentials")
        );
    }
}
