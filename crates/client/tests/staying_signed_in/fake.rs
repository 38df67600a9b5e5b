//! An auth server and a protected API in one, small enough to see through.
//!
//! Tokens are numbered: `access-3` and `refresh-3` are the pair of the third rotation. The refresh token
//! before the current one is answered again, as the real server does within its grace; any other is
//! `invalid_grant`.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use countersign_client::Client;
use countersign_wire::problem::Problem;
use countersign_wire::token::{LoginRequest, LogoutRequest, RefreshRequest, TokenAnswer};
use countersign_witness::{Kind, note};

pub(crate) const PASSWORD: &str = "correct horse";

/// What happens to the next refresh.
pub(crate) enum Trouble {
    /// It is done, and the connection breaks before the answer.
    LostAnswer,
    /// It is not done; the status is answered.
    Status(StatusCode),
    /// It is not done, and there is no answer.
    Silence,
    /// It is done, and the answer takes its time.
    Slow(Duration),
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) expires_in: u64,
    pub(crate) number: u64,
    pub(crate) good: HashSet<String>,
    pub(crate) ended: bool,
    /// The API refuses every token.
    pub(crate) never_content: bool,
    pub(crate) trouble: VecDeque<Trouble>,
    pub(crate) presented: Vec<String>,
    pub(crate) logins: u32,
    pub(crate) logouts: u32,
    /// The `Authorization` header of each request to the API, empty if there was none.
    pub(crate) seen: Vec<String>,
    pub(crate) bodies: Vec<String>,
    pub(crate) redirect_to: String,
    /// What the OAuth endpoints were sent: the `Authorization` header, and the form.
    pub(crate) forms: Vec<(String, String)>,
    /// What its metadata say.
    pub(crate) metadata: serde_json::Value,
    pub(crate) challenge: Option<&'static str>,
}

#[derive(Clone)]
pub(crate) struct Fake {
    inner: Arc<Mutex<Inner>>,
    pub(crate) url: String,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        countersign_witness::listen();
        note(Kind::Password, PASSWORD);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let fake = Self {
            inner: Arc::new(Mutex::new(Inner {
                expires_in: 600,
                ..Inner::default()
            })),
            url,
        };
        let router = Router::new()
            .route("/login", post(log_in))
            .route("/refresh", post(refresh))
            .route("/logout", post(log_out))
            .route("/protected", any(protected))
            .route("/token", post(oauth::token))
            .route("/revoke", post(oauth::revoke))
            .route(
                "/.well-known/oauth-authorization-server",
                get(oauth::metadata),
            )
            .route("/moved", get(moved))
            .route("/bounced/login", post(moved))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(crate) async fn client(&self) -> Client {
        Client::login(&self.url, "ada", PASSWORD)
            .await
            .expect("a login")
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics with the lock")
    }

    pub(crate) fn trouble(&self, trouble: impl IntoIterator<Item = Trouble>) {
        self.lock().trouble.extend(trouble);
    }

    /// No access token made so far is accepted any more.
    pub(crate) fn forget_access_tokens(&self) {
        self.lock().good.clear();
    }

    pub(crate) fn logins(&self) -> u32 {
        self.lock().logins
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.lock().presented.len()
    }

    pub(crate) fn logouts(&self) -> u32 {
        self.lock().logouts
    }

    /// How many requests the API has had.
    pub(crate) fn calls(&self) -> usize {
        self.lock().seen.len()
    }
}

impl Inner {
    fn pair(&mut self) -> Response {
        let access_token = format!("access-{}-{}", self.number, self.presented.len());
        self.good.insert(format!("Bearer {access_token}"));
        let refresh_token = format!("refresh-{}", self.number);
        note(Kind::AccessToken, &access_token);
        note(Kind::RefreshToken, &refresh_token);
        Json(TokenAnswer {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: self.expires_in,
            refresh_token,
            refresh_expires_in: 3600,
            scope: String::new(),
            device_token: None,
        })
        .into_response()
    }
}

async fn log_in(State(fake): State<Fake>, Json(login): Json<LoginRequest>) -> Response {
    let mut inner = fake.lock();
    inner.logins += 1;
    match (login.username.as_str(), login.password.as_str()) {
        ("ada", PASSWORD) => inner.pair(),
        ("hasty", _) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(RETRY_AFTER, "7")],
            Json(Problem::new("too_many_attempts", "Wait")),
        )
            .into_response(),
        _ => (
            StatusCode::UNAUTHORIZED,
            Json(Problem::new("invalid_credentials", "No")),
        )
            .into_response(),
    }
}

async fn refresh(State(fake): State<Fake>, Json(request): Json<RefreshRequest>) -> Response {
    let trouble = {
        let mut inner = fake.lock();
        inner.presented.push(request.refresh_token.clone());
        inner.trouble.pop_front()
    };
    match trouble {
        Some(Trouble::Status(status)) => {
            return (
                status,
                Json(Problem::new("temporarily_unavailable", "Later")),
            )
                .into_response();
        }
        Some(Trouble::Silence) => std::future::pending().await,
        _ => {}
    }
    let answer = {
        let mut inner = fake.lock();
        let current = format!("refresh-{}", inner.number);
        let previous = format!("refresh-{}", inner.number.wrapping_sub(1));
        if inner.ended || ![&current, &previous].contains(&&request.refresh_token) {
            return (
                StatusCode::BAD_REQUEST,
                Json(Problem::new("invalid_grant", "The session has ended")),
            )
                .into_response();
        }
        if request.refresh_token == current {
            inner.number += 1;
        }
        inner.pair()
    };
    match trouble {
        // Unwinding takes the connection with it, without a panic message.
        Some(Trouble::LostAnswer) => std::panic::resume_unwind(Box::new("the answer is lost")),
        Some(Trouble::Slow(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    answer
}

async fn log_out(State(fake): State<Fake>, Json(request): Json<LogoutRequest>) -> StatusCode {
    let mut inner = fake.lock();
    inner.logouts += 1;
    assert!(request.refresh_token.is_some());
    inner.ended = true;
    inner.good.clear();
    StatusCode::NO_CONTENT
}

async fn protected(State(fake): State<Fake>, request: Request) -> Response {
    let header = authorization(request.headers());
    let body = to_bytes(request.into_body(), 1024).await.expect("a body");
    let mut inner = fake.lock();
    inner.seen.push(header.clone());
    inner
        .bodies
        .push(String::from_utf8_lossy(&body).into_owned());
    if inner.good.contains(&header) && !inner.never_content {
        return "Hello, ada".into_response();
    }
    let challenge = inner
        .challenge
        .unwrap_or(r#"Bearer realm="fake", error="invalid_token""#);
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
}

async fn moved(State(fake): State<Fake>) -> Response {
    let to = fake.lock().redirect_to.clone();
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(LOCATION, to)],
        Body::empty(),
    )
        .into_response()
}

mod oauth {
    //! An OAuth 2 server of another make: a token endpoint, revocation, metadata.

    use super::*;

    pub(super) async fn token(
        State(fake): State<Fake>,
        headers: HeaderMap,
        form: String,
    ) -> Response {
        let mut inner = fake.lock();
        inner.forms.push((authorization(&headers), form.clone()));
        let has = |pair: &str| form.split('&').any(|it| it == pair);
        let current = format!("refresh_token=refresh-{}", inner.number);
        if has("client_secret=wr0ng") {
            return problem(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        if has("grant_type=refresh_token") && (inner.ended || !has(&current)) {
            return problem(StatusCode::BAD_REQUEST, "invalid_grant");
        }
        let access_token = format!("oauth-{}", inner.forms.len());
        inner.good.insert(format!("Bearer {access_token}"));
        // Not every member is there, and the number is a string, as some servers have it.
        Json(serde_json::json!({
            "access_token": access_token, "token_type": "bearer",
            "expires_in": inner.expires_in.to_string(),
        }))
        .into_response()
    }

    pub(super) async fn revoke(
        State(fake): State<Fake>,
        headers: HeaderMap,
        form: String,
    ) -> StatusCode {
        fake.lock().forms.push((authorization(&headers), form));
        StatusCode::OK
    }

    pub(super) async fn metadata(State(fake): State<Fake>) -> Json<serde_json::Value> {
        Json(fake.lock().metadata.clone())
    }

    fn problem(status: StatusCode, code: &'static str) -> Response {
        (status, Json(Problem::new(code, "No"))).into_response()
    }
}

fn authorization(headers: &HeaderMap) -> String {
    headers
        .get(AUTHORIZATION)
        .map_or_else(String::new, |value| {
            value.to_str().expect("plain text").to_owned()
        })
}
