//! What a signed-in user asks about and changes on the own account.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Formatter};

use serde::{Deserialize, Serialize};

use crate::token::Redacted;

/// What `GET /me` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The subject's lasting id.
    pub sub: String,
    /// The name the user signs in with; a service has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The scope of the token that asked, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// The session the token belongs to; a service has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When the token that asked expires, in seconds since 1970.
    pub expires_at: u64,
}

/// `POST /password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChange {
    /// The password that holds until now.
    pub current: String,
    /// The password that is to hold from now on.
    pub new: String,
}

/// One of the own sessions, as `GET /sessions` lists them (newest first, in `{"sessions": […]}`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// What `DELETE /sessions/{id}` takes; claim `sid` of its tokens.
    pub sid: String,
    /// The client it was opened for.
    pub client_id: String,
    /// What its tokens may be used for.
    #[serde(default)]
    pub scope: String,
    /// When the user signed in, seconds since 1970.
    pub created_at: u64,
    /// When it was opened or last refreshed, seconds since 1970.
    pub last_used_at: u64,
    /// When it ends if it is not refreshed before, seconds since 1970.
    pub expires_at: u64,
    /// Whether it is the one the request was made with.
    pub current: bool,
}

/// The answer of `GET /sessions`: a page. The next one is asked for by `?after=` and the last `sid`; one
/// that is not full (100, or what `limit` says) is the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// The sessions that are alive, newest first.
    pub sessions: Vec<SessionEntry>,
}

impl Debug for PasswordChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { current: _, new: _ } = self;
        f.debug_struct("PasswordChange")
            .field("current", &Redacted)
            .field("new", &Redacted)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_service_has_no_name_and_no_session() {
        let me: Me = serde_json::from_str(r#"{"sub":"billing","expires_at":1}"#).expect("Me");
        assert_eq!((me.username, me.sid), (None, None));
    }

    #[test]
    fn passwords_do_not_print() {
        let change = PasswordChange {
            current: "old-one".to_string(),
            new: "new-one".to_string(),
        };
        assert_eq!(
            format!("{change:?}"),
            "PasswordChange { current: (redacted), new: (redacted) }"
        );
    }
}
