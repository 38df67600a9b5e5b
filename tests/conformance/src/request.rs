//! Requests as a client would send them, answers as the tests look at them.

use std::time::Duration;

use countersign_wire::paths;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Certificate, Client, ClientBuilder, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::noted;

/// How long a client waits for an answer before it takes it for lost: far longer than any takes,
/// and shorter than the grace in which the same refresh token may be sent again.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a caller who asks for seconds of computing on a machine that has other work as well.
const LONG: Duration = Duration::from_secs(120);

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    base: String,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

/// No answer came: the server is gone, or went while it was answering.
pub type Lost = reqwest::Error;

impl Http {
    /// A client of the server at `base`, a URL without a path.
    ///
    /// # Panics
    /// If this machine cannot make an HTTP client.
    pub fn new(base: impl Into<String>) -> Self {
        Self::built(Client::builder(), base.into())
    }

    /// The same, but it waits for long: a sign-in that is refused costs a hash of every kind that is
    /// stored, and hashing gives way to whatever else the machine does.
    ///
    /// # Panics
    /// If this machine cannot make an HTTP client.
    pub fn patient(base: impl Into<String>) -> Self {
        let client = Client::builder().timeout(LONG).build();
        Self {
            client: client.expect("an HTTP client"),
            base: base.into(),
        }
    }

    /// The same over TLS, for a server whose certificate is this one (PEM).
    ///
    /// # Panics
    /// If this machine cannot make an HTTP client, or that is no certificate.
    pub fn trusting(certificate: &str, base: impl Into<String>) -> Self {
        let certificate = Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
        let client = Client::builder().tls_certs_only([certificate]);
        Self::built(client, base.into())
    }

    fn built(client: ClientBuilder, base: String) -> Self {
        let client = client.timeout(PATIENCE).build().expect("an HTTP client");
        Self { client, base }
    }

    /// A request with nothing in it yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// `GET` without credentials.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn get(&self, path: &str) -> Result<Answer, Lost> {
        answer(self.request(Method::GET, path)).await
    }

    /// `POST /login`.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn login(&self, username: &str, password: &str) -> Result<Answer, Lost> {
        let body = json!({"username": username, "password": password});
        answer(self.request(Method::POST, paths::LOGIN).json(&body)).await
    }

    /// `POST /refresh`.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<Answer, Lost> {
        let body = json!({"refresh_token": refresh_token});
        answer(self.request(Method::POST, paths::REFRESH).json(&body)).await
    }

    /// `POST /logout` with a refresh token.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn logout(&self, refresh_token: &str) -> Result<Answer, Lost> {
        let body = json!({"refresh_token": refresh_token});
        answer(self.request(Method::POST, paths::LOGOUT).json(&body)).await
    }

    /// `GET /me`.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn me(&self, access_token: &str) -> Result<Answer, Lost> {
        let request = self.request(Method::GET, paths::ME);
        answer(request.header(AUTHORIZATION, format!("Bearer {access_token}"))).await
    }
}

/// Sends a request and takes in the whole answer.
///
/// # Errors
/// [`Lost`].
pub async fn answer(request: RequestBuilder) -> Result<Answer, Lost> {
    let (client, request) = request.build_split();
    let request = request?;
    noted::request(&request);
    let response = client.execute(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    noted::answer(&headers, &text);
    Ok(Answer {
        status,
        headers,
        text,
    })
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in the body of {self:?}"))
    }

    /// A text of the body, by name; empty if there is none.
    ///
    /// # Panics
    /// If the body is not JSON.
    pub fn field(&self, name: &str) -> String {
        self.json()
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}
