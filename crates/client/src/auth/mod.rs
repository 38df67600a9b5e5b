//! The auth server as the client sees it: sign in, next token, sign out.
//!
//! These requests carry passwords, refresh tokens and client secrets. They follow no redirect, and
//! their answers are bounded before they are read. Two dialects are spoken: a Countersign server's own
//! JSON, and the form of an OAuth 2 token endpoint (RFC 6749 §3.2); [`Endpoints`] says which.

mod answer;
mod credentials;
mod endpoints;

use std::sync::Arc;
use std::time::Instant;

use countersign_wire::problem::{self, Problem};
use countersign_wire::token::{LoginRequest, LogoutRequest, RefreshRequest};
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Serialize;
use url::Url;
use zeroize::{Zeroize, Zeroizing};

pub(crate) use answer::{Issued, is_token};
pub(crate) use credentials::{ClientCredentials, SecretPlace};
pub(crate) use endpoints::Endpoints;

use crate::error::ClientError;
use crate::origin::PlainHttp;
use crate::secret::RefreshToken;
use crate::transport::{self, Authorities, Http};
use answer::Answered;
use credentials::Form;

/// Why a server that speaks HTTPS refuses plain HTTP.
const HTTPS_ONLY: &str = "https_only";

/// An auth server, who asks it, and for what.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    endpoints: Endpoints,
    credentials: ClientCredentials,
    scope: Option<String>,
    audience: Option<String>,
    http: Http,
}

impl Authority {
    pub(crate) fn new(endpoints: Endpoints) -> Self {
        Self {
            http: Http::to_the_auth_server(endpoints.base(), Authorities::default()),
            endpoints,
            credentials: ClientCredentials::None,
            scope: None,
            audience: None,
        }
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn credentials(&self) -> &ClientCredentials {
        &self.credentials
    }

    pub(crate) fn base(&self) -> &Url {
        self.endpoints.base()
    }

    pub(crate) fn origin(&self) -> String {
        self.base().origin().ascii_serialization()
    }

    pub(crate) fn ask_for_scope(&mut self, scope: String) {
        self.scope = Some(scope);
    }

    pub(crate) fn ask_for_audience(&mut self, audience: String) {
        self.audience = Some(audience);
    }

    /// Believes these authorities as well when the server shows its certificate.
    pub(crate) fn trust(&mut self, authorities: Authorities) {
        self.http = Http::to_the_auth_server(self.base(), authorities);
    }

    pub(crate) fn trusted(&self) -> &Authorities {
        self.http.authorities()
    }

    pub(crate) fn identify_as(&mut self, credentials: ClientCredentials) {
        self.credentials = credentials;
    }

    /// Replaces the endpoints by those the server names itself (RFC 8414).
    pub(crate) async fn discover(&mut self, plain_http: PlainHttp) -> Result<(), ClientError> {
        let base = self.base().clone();
        let mut answer = None;
        for place in endpoints::metadata_urls(&base) {
            let got = self.send(self.http.client()?.get(place)).await?;
            let found = got.status() != StatusCode::NOT_FOUND;
            answer = Some(got);
            if found {
                break;
            }
        }
        let Some(answer) = answer else {
            return Err(self.unexpected(StatusCode::NOT_FOUND, None));
        };
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(self.refusal(answer).await);
        }
        let body = self.read(answer).await?;
        let metadata = serde_json::from_slice(&body).map_err(|_| self.unexpected(status, None))?;
        self.endpoints = Endpoints::of_metadata(base, &metadata, plain_http)?;
        Ok(())
    }

    /// A first-party login (`POST /login`), which OAuth servers do not have: RFC 9700 §2.4 forbids it.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<Issued, ClientError> {
        let url = self.endpoints.login()?;
        let mut request = LoginRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            scope: self.scope.clone(),
            audience: self.audience.clone(),
            device_token: None,
            cookie: false,
            client_id: None,
        };
        let body = json(&request);
        request.password.zeroize();
        self.issued(self.json_request(url, &body)?).await
    }

    pub(crate) async fn next_pair(&self, refresh: &RefreshToken) -> Result<Issued, ClientError> {
        if let Some(url) = self.endpoints.refresh() {
            let mut request = RefreshRequest {
                refresh_token: refresh.expose().to_owned(),
            };
            let body = json(&request);
            request.refresh_token.zeroize();
            return self.issued(self.json_request(url, &body)?).await;
        }
        let mut form = Form::grant("refresh_token");
        form.add("refresh_token", refresh.expose());
        self.issued(self.form_request(self.endpoints.token()?, form)?)
            .await
    }

    /// A token for the client itself (RFC 6749 §4.4).
    pub(crate) async fn service_token(&self) -> Result<Issued, ClientError> {
        let mut form = Form::grant("client_credentials");
        if let Some(scope) = &self.scope {
            form.add("scope", scope);
        }
        if let Some(audience) = &self.audience {
            form.add("audience", audience);
        }
        self.issued(self.form_request(self.endpoints.token()?, form)?)
            .await
    }

    /// Ends the session; a server that offers no way is not asked.
    pub(crate) async fn sign_out(&self, refresh: &RefreshToken) -> Result<(), ClientError> {
        let request = if let Some(url) = self.endpoints.logout() {
            let mut request = LogoutRequest {
                refresh_token: Some(refresh.expose().to_owned()),
            };
            let body = json(&request);
            request.refresh_token.zeroize();
            self.json_request(url, &body)?
        } else if let Some(url) = self.endpoints.revoke() {
            let mut form = Form::new();
            form.add("token", refresh.expose());
            form.add("token_type_hint", "refresh_token");
            self.form_request(url, form)?
        } else {
            return Ok(());
        };
        let answer = self.send(request).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        match self.refusal(answer).await {
            // The session is over already, which is what was asked for.
            ClientError::SessionEnded => Ok(()),
            error => Err(error),
        }
    }

    fn json_request(&self, url: &Url, body: &[u8]) -> Result<RequestBuilder, ClientError> {
        Ok(self
            .http
            .client()?
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_vec()))
    }

    fn form_request(&self, url: &Url, form: Form) -> Result<RequestBuilder, ClientError> {
        let request = self.http.client()?.post(url.clone());
        Ok(self.credentials.sign(request, form))
    }

    async fn issued(&self, request: RequestBuilder) -> Result<Issued, ClientError> {
        let requested_at = Instant::now();
        let answer = self.send(request).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(self.refusal(answer).await);
        }
        let body = self.read(answer).await?;
        Answered::read(&body)
            .and_then(|answered| answered.issued(requested_at))
            .ok_or_else(|| self.unexpected(status, None))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| self.network(error))
    }

    /// What a status that is not a success means. The RFC's code decides where there is one.
    async fn refusal(&self, answer: Response) -> ClientError {
        let status = answer.status();
        let retry_after = transport::retry_after(&answer);
        let body = match self.read(answer).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        let problem = serde_json::from_slice::<Problem>(&body).ok();
        if problem.as_ref().and_then(|it| it.reason.as_deref()) == Some(HTTPS_ONLY) {
            return ClientError::BadAddress {
                reason: "that port speaks HTTPS, so it begins with https://",
            };
        }
        let error = problem
            .map(|problem| problem.error.into_owned())
            .filter(|code| is_code(code));
        match error.as_deref() {
            Some(problem::INVALID_CREDENTIALS) => return ClientError::InvalidCredentials,
            Some(problem::INVALID_GRANT) => return ClientError::SessionEnded,
            Some(problem::INVALID_CLIENT) => return ClientError::InvalidClient,
            _ => {}
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return ClientError::TooManyAttempts { retry_after };
        }
        if status.is_server_error() {
            return ClientError::Unavailable {
                origin: self.origin(),
                status,
                retry_after,
            };
        }
        self.unexpected(status, error)
    }

    async fn read(&self, answer: Response) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let status = answer.status();
        match transport::bounded(answer).await {
            Ok(Some(body)) => Ok(body),
            Ok(None) => Err(self.unexpected(status, None)),
            Err(error) => Err(self.network(error)),
        }
    }

    fn network(&self, error: reqwest::Error) -> ClientError {
        ClientError::Network {
            origin: self.origin(),
            source: Arc::new(error.without_url()),
        }
    }

    fn unexpected(&self, status: StatusCode, error: Option<String>) -> ClientError {
        ClientError::UnexpectedAnswer {
            origin: self.origin(),
            status,
            error,
        }
    }
}

fn json(message: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Structs of strings always have a JSON form; an empty body would be refused by the server.
    Zeroizing::new(serde_json::to_vec(message).unwrap_or_default())
}

/// Only what looks like an error code is repeated to the user.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
