//! A token answer (RFC 6749 §5.1), of our server or of any other.

use std::time::{Duration, Instant};

use countersign_wire::bearer;
use countersign_wire::token::BEARER;
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use crate::lease::Lease;
use crate::secret::{AccessToken, RefreshToken};

/// What a server issued, and when it was asked to.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access: AccessToken,
    pub(crate) requested_at: Instant,
    /// None if the server did not say; then the token is used until it is refused.
    pub(crate) expires_in: Option<Duration>,
    /// None if the one that was presented goes on, or there never is one.
    pub(crate) refresh: Option<RefreshToken>,
    pub(crate) refresh_expires_in: Option<Duration>,
}

impl Issued {
    pub(crate) fn lease(&self) -> Lease {
        Lease::new(self.access.clone(), self.requested_at, self.expires_in)
    }
}

/// The members of the answer that matter here; all others are ignored.
#[derive(Deserialize)]
pub(super) struct Answered {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    refresh_expires_in: Option<Seconds>,
}

/// Some servers write the number as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Answered {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// None if it is no bearer token that can be sent in a header.
    pub(super) fn issued(mut self, requested_at: Instant) -> Option<Issued> {
        let is_bearer = self.token_type.eq_ignore_ascii_case(BEARER);
        if !is_bearer || !is_token(&self.access_token) {
            return None;
        }
        let expires_in = duration(self.expires_in.as_ref())?;
        let refresh_expires_in = duration(self.refresh_expires_in.as_ref())?;
        Some(Issued {
            access: AccessToken::new(std::mem::take(&mut self.access_token)),
            requested_at,
            expires_in,
            refresh: self.refresh_token.take().map(RefreshToken::new),
            refresh_expires_in,
        })
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.access_token.zeroize();
        self.refresh_token.zeroize();
    }
}

/// Whether the text can stand behind `Bearer` in a header (RFC 6750 §2.1).
pub(crate) fn is_token(text: &str) -> bool {
    let header = Zeroizing::new(format!("{BEARER} {text}"));
    bearer::token([header.as_bytes()]).is_ok()
}

#[expect(
    clippy::option_option,
    reason = "the outer one is the verdict, the inner one the value"
)]
fn duration(seconds: Option<&Seconds>) -> Option<Option<Duration>> {
    match seconds {
        None => Some(None),
        Some(Seconds::Number(number)) => Some(Some(Duration::from_secs(*number))),
        Some(Seconds::Text(text)) => text
            .parse()
            .ok()
            .map(|number| Some(Duration::from_secs(number))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(json: &str) -> Option<Issued> {
        Answered::read(json.as_bytes()).and_then(|answered| answered.issued(Instant::now()))
    }

    #[test]
    fn what_the_rfc_leaves_open_may_be_missing() {
        let it = issued(r#"{"access_token":"a.b","token_type":"bearer"}"#).expect("a token");
        assert_eq!((it.expires_in, it.refresh), (None, None));
        let it = issued(
            r#"{"access_token":"a","token_type":"Bearer","expires_in":"300","refresh_token":"r","id_token":"x"}"#,
        )
        .expect("a pair");
        assert_eq!(it.expires_in, Some(Duration::from_secs(300)));
        assert_eq!(it.refresh.expect("one").expose(), "r");
    }

    #[test]
    fn what_cannot_be_sent_is_no_token() {
        for json in [
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a\r\nX: y","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
            r#"{"token_type":"Bearer"}"#,
            r#"["a"]"#,
        ] {
            assert!(issued(json).is_none(), "{json}");
        }
    }
}
