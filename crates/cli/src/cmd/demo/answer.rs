//! An answer to a request that was sent by hand.

use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::failure::Failure;

/// An answer that was read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) challenge: String,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn text(&self, name: &str) -> &str {
        self.body
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A refusal in one line: its code, the finer reason, the sentence.
    pub(super) fn refusal(&self) -> String {
        let (error, reason) = (self.text("error"), self.text("reason"));
        let reason = if reason.is_empty() || reason == error {
            String::new()
        } else {
            format!(", reason {reason}")
        };
        format!("{error}{reason}: {}", self.text("error_description"))
    }

    pub(super) fn is_refused(&self, status: StatusCode, reason: &str) -> bool {
        self.status == status && self.text("reason") == reason
    }
}

pub(super) async fn answer(request: RequestBuilder) -> Result<Answer, Failure> {
    read(request.send().await.map_err(Failure::failed)?).await
}

pub(super) async fn read(got: Response) -> Result<Answer, Failure> {
    let status = got.status();
    let challenge = got
        .headers()
        .get(WWW_AUTHENTICATE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = got.bytes().await.map_err(Failure::failed)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer {
        status,
        challenge,
        body,
    })
}
