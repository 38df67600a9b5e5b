//! Signing in, staying in, signing out: what the client sends and what it gets.
//!
//! The passwords and tokens in these messages are plain strings, because JSON is made from them;
//! `Debug` leaves them out, and whoever keeps one puts it into a type that wipes itself.

use alloc::string::String;
use core::fmt::{self, Debug, Formatter};

use serde::{Deserialize, Serialize};

/// `POST /login`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    /// The name the user signs in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// The scope asked for, separated by spaces; without it, all the user may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The audience asked for; without it, the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The `device_token` of an earlier sign-in of this user on this device. With it, the device's
    /// failures are counted apart, so that a stranger's guesses do not make its owner wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// Whether the refresh token and the device token are to be kept by the browser, in cookies
    /// that no script can read, and left out of the answer. Only pages of the server's own origins
    /// may ask for it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub cookie: bool,
    /// The public client through which the user signs in. One that has a secret proves it by the
    /// `Authorization` header (`Basic`). Without either, the session is the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// `POST /refresh`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshRequest {
    /// The refresh token.
    pub refresh_token: String,
}

/// `POST /logout`; without a refresh token, the bearer token says which session ends.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutRequest {
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// What `/login` and `/refresh` answer (RFC 6749 §5.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: String,
    /// How the access token is sent; always [`BEARER`].
    pub token_type: String,
    /// Seconds for which the access token is good.
    pub expires_in: u64,
    /// The refresh token for the next pair.
    pub refresh_token: String,
    /// Seconds for which the refresh token is good if it is not used.
    pub refresh_expires_in: u64,
    /// The scope that was granted, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// After a sign-in: what this device may show at its next one. It signs nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

/// What they answer a browser that keeps the refresh token in a cookie.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserAnswer {
    /// The access token, for the page's memory.
    pub access_token: String,
    /// How the access token is sent; always [`BEARER`].
    pub token_type: String,
    /// Seconds for which the access token is good.
    pub expires_in: u64,
    /// Seconds for which the cookie is good if it is not used.
    pub refresh_expires_in: u64,
    /// The scope that was granted, separated by spaces.
    #[serde(default)]
    pub scope: String,
}

impl Debug for BrowserAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            access_token: _,
            token_type,
            expires_in,
            refresh_expires_in,
            scope,
        } = self;
        f.debug_struct("BrowserAnswer")
            .field("access_token", &Redacted)
            .field("token_type", token_type)
            .field("expires_in", expires_in)
            .field("refresh_expires_in", refresh_expires_in)
            .field("scope", scope)
            .finish()
    }
}

/// What `/oauth/token` answers (RFC 6749 §5.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenAnswer {
    /// The access token.
    pub access_token: String,
    /// How the access token is sent; always [`BEARER`].
    pub token_type: String,
    /// Seconds for which the access token is good.
    pub expires_in: u64,
    /// The refresh token for the next pair; a client that asks in its own name has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Seconds for which the refresh token is good if it is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_in: Option<u64>,
    /// The scope that was granted, separated by spaces; left out when there is none, since a scope
    /// has at least one word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// The `token_type` of every answer (RFC 6750 §4).
pub const BEARER: &str = "Bearer";

impl Debug for LoginRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            username,
            password: _,
            scope,
            audience,
            device_token,
            cookie,
            client_id,
        } = self;
        let device_token = device_token.as_ref().map(|_| Redacted);
        f.debug_struct("LoginRequest")
            .field("username", username)
            .field("password", &Redacted)
            .field("scope", scope)
            .field("audience", audience)
            .field("device_token", &device_token)
            .field("cookie", cookie)
            .field("client_id", client_id)
            .finish()
    }
}

impl Debug for RefreshRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { refresh_token: _ } = self;
        f.debug_struct("RefreshRequest")
            .field("refresh_token", &Redacted)
            .finish()
    }
}

impl Debug for LogoutRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { refresh_token } = self;
        let refresh_token = refresh_token.as_ref().map(|_| Redacted);
        f.debug_struct("LogoutRequest")
            .field("refresh_token", &refresh_token)
            .finish()
    }
}

impl Debug for AccessTokenAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            access_token: _,
            token_type,
            expires_in,
            refresh_token,
            refresh_expires_in,
            scope,
        } = self;
        f.debug_struct("AccessTokenAnswer")
            .field("access_token", &Redacted)
            .field("token_type", token_type)
            .field("expires_in", expires_in)
            .field("refresh_token", &refresh_token.as_ref().map(|_| Redacted))
            .field("refresh_expires_in", refresh_expires_in)
            .field("scope", scope)
            .finish()
    }
}

impl Debug for TokenAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            access_token: _,
            token_type,
            expires_in,
            refresh_token: _,
            refresh_expires_in,
            scope,
            device_token,
        } = self;
        let device_token = device_token.as_ref().map(|_| Redacted);
        f.debug_struct("TokenAnswer")
            .field("access_token", &Redacted)
            .field("token_type", token_type)
            .field("expires_in", expires_in)
            .field("refresh_token", &Redacted)
            .field("refresh_expires_in", refresh_expires_in)
            .field("scope", scope)
            .field("device_token", &device_token)
            .finish()
    }
}

/// Stands where a secret would have been printed.
pub(crate) struct Redacted;

impl Debug for Redacted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_shapes_are_those_of_the_contract() {
        let login: LoginRequest =
            serde_json::from_str(r#"{"username":"ada","password":"pw","remember":true}"#)
                .expect("unknown members are ignored");
        assert_eq!(
            (login.username.as_str(), login.password.as_str()),
            ("ada", "pw")
        );
        assert_eq!(
            serde_json::to_string(&login).expect("plain texts"),
            r#"{"username":"ada","password":"pw"}"#
        );

        let answer = TokenAnswer {
            access_token: "a".to_string(),
            token_type: BEARER.to_string(),
            expires_in: 600,
            refresh_token: "r".to_string(),
            refresh_expires_in: 2_592_000,
            scope: "openid".to_string(),
            device_token: None,
        };
        let json = r#"{"access_token":"a","token_type":"Bearer","expires_in":600,"refresh_token":"r","refresh_expires_in":2592000,"scope":"openid"}"#;
        assert_eq!(serde_json::to_string(&answer).expect("plain texts"), json);
        assert_eq!(
            serde_json::from_str::<TokenAnswer>(json).expect("the same shape"),
            answer
        );

        assert_eq!(
            serde_json::from_str::<LogoutRequest>("{}").expect("empty"),
            LogoutRequest::default()
        );
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_an_error() {
        for json in [
            r#"{"username":"ada"}"#,
            r#"{"username":"ada","password":7}"#,
            r#"{"username":null,"password":"pw"}"#,
            r#"["ada"]"#,
        ] {
            assert!(
                serde_json::from_str::<LoginRequest>(json).is_err(),
                "{json}"
            );
        }
        assert!(serde_json::from_str::<RefreshRequest>("{}").is_err());
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = "s3cret";
        let login = LoginRequest {
            username: "ada".to_string(),
            password: secret.to_string(),
            scope: None,
            audience: None,
            device_token: Some(secret.to_string()),
            cookie: false,
            client_id: None,
        };
        let refresh = RefreshRequest {
            refresh_token: secret.to_string(),
        };
        let logout = LogoutRequest {
            refresh_token: Some(secret.to_string()),
        };
        let answer = TokenAnswer {
            access_token: secret.to_string(),
            token_type: BEARER.to_string(),
            expires_in: 1,
            refresh_token: secret.to_string(),
            refresh_expires_in: 1,
            scope: String::new(),
            device_token: Some(secret.to_string()),
        };
        let browser = BrowserAnswer {
            access_token: secret.to_string(),
            token_type: BEARER.to_string(),
            expires_in: 1,
            refresh_expires_in: 1,
            scope: String::new(),
        };
        let printed = format!("{login:?} {refresh:?} {logout:?} {answer:?} {browser:?}");
        assert!(!printed.contains(secret), "{printed}");
        assert_eq!(printed.matches("(redacted)").count(), 8);
        assert!(printed.contains("ada"));
    }
}
