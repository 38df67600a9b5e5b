//! The auth server as the client sees it: sign in, next pair, sign out.
//!
//! These requests carry a password or a refresh token; their answers are bounded before they are read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_wire::problem::{self, Problem};
use countersign_wire::token::{BEARER, LoginRequest, LogoutRequest, RefreshRequest, TokenAnswer};
use countersign_wire::{bearer, paths};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Serialize;
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::error::ClientError;
use crate::lease::Lease;
use crate::secret::{AccessToken, RefreshToken};
use crate::transport;

/// A token answer is far smaller than this.
const MAX_ANSWER: usize = 64 * 1024;

/// A pair as the server gave it.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) lease: Lease,
    pub(crate) refresh: RefreshToken,
}

/// An auth server at its base address.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    base: Url,
    http: reqwest::Client,
}

impl Server {
    pub(crate) fn at(base: Url) -> Result<Self, ClientError> {
        let http = transport::to_the_auth_server()?;
        Ok(Self { base, http })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<Pair, ClientError> {
        let mut request = LoginRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            scope: None,
            audience: None,
            device_token: None,
            cookie: false,
        };
        let body = json(&request);
        request.password.zeroize();
        self.pair(paths::LOGIN, body).await
    }

    pub(crate) async fn next_pair(&self, refresh: &RefreshToken) -> Result<Pair, ClientError> {
        let mut request = RefreshRequest {
            refresh_token: refresh.expose().to_owned(),
        };
        let body = json(&request);
        request.refresh_token.zeroize();
        self.pair(paths::REFRESH, body).await
    }

    pub(crate) async fn sign_out(&self, refresh: &RefreshToken) -> Result<(), ClientError> {
        let request = LogoutRequest {
            refresh_token: Some(refresh.expose().to_owned()),
        };
        let answer = self.post(paths::LOGOUT, json(&request)).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        match self.refusal(answer).await {
            // The session is over already, which is what was asked for.
            ClientError::SessionEnded => Ok(()),
            error => Err(error),
        }
    }

    async fn pair(&self, path: &str, body: Zeroizing<Vec<u8>>) -> Result<Pair, ClientError> {
        let requested_at = Instant::now();
        let answer = self.post(path, body).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(self.refusal(answer).await);
        }
        let body = self.read(answer).await?;
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_| self.unexpected(status, None))?;
        let header = Zeroizing::new(format!("{BEARER} {}", answer.access_token));
        let is_token = bearer::token([header.as_bytes()]).is_ok();
        if !is_token || !answer.token_type.eq_ignore_ascii_case(BEARER) {
            return Err(self.unexpected(status, None));
        }
        let life = Duration::from_secs(answer.expires_in);
        let token = AccessToken::new(answer.access_token);
        Ok(Pair {
            lease: Lease::new(token, requested_at, life, jitter()),
            refresh: RefreshToken::new(answer.refresh_token),
        })
    }

    async fn post(&self, path: &str, body: Zeroizing<Vec<u8>>) -> Result<Response, ClientError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        self.http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_vec())
            .send()
            .await
            .map_err(|error| self.network(error))
    }

    /// What a status that is not a success means. The RFC's code decides where there is one.
    async fn refusal(&self, answer: Response) -> ClientError {
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let body = match self.read(answer).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        let error = serde_json::from_slice::<Problem>(&body)
            .ok()
            .map(|problem| problem.error.into_owned())
            .filter(|code| is_code(code));
        match error.as_deref() {
            Some(problem::INVALID_CREDENTIALS) => return ClientError::InvalidCredentials,
            Some(problem::INVALID_GRANT) => return ClientError::SessionEnded,
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

    async fn read(&self, mut answer: Response) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let status = answer.status();
        // With room from the start the buffer does not move and leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.network(error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.unexpected(status, None));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
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

/// `Retry-After` in seconds (RFC 9110 §10.2.3); the form with a date is not used by our server.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Only what looks like an error code is repeated to the user.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Not for secrets: the standard library's hasher is seeded from the system.
fn jitter() -> u8 {
    use std::hash::{BuildHasher, RandomState};
    let [byte, ..] = RandomState::new().hash_one(0_u8).to_le_bytes();
    byte
}
