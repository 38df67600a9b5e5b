//! What administrators ask for and get under `/admin`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Formatter};

use serde::{Deserialize, Serialize};

use crate::token::Redacted;

/// `POST /admin/users`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// The roles of the `roles` claim.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The scope that may be asked for, separated by spaces.
    #[serde(default)]
    pub scope: String,
}

/// `PUT /admin/users/{name}/password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    pub password: String,
}

/// `PATCH /admin/users/{name}`: what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The roles of the `roles` claim, all of them. If one is taken away, every session of the user
    /// ends; one that is only added is in the next token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The scope that may be asked for, all of it. If a word is taken away, every session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether the user is kept out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// A user as administrators see one. There is no trace of the password in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// The stable id, claim `sub`.
    pub id: String,
    /// The name to sign in with.
    pub username: String,
    /// The roles of the `roles` claim.
    pub roles: Vec<String>,
    /// The scope that may be asked for, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// Whether the user is kept out.
    pub disabled: bool,
    /// Seconds since 1970.
    pub created_at: u64,
    /// When the password was last set, seconds since 1970.
    pub password_changed_at: u64,
}

/// A page of `GET /admin/users`, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    /// The users.
    pub users: Vec<UserRow>,
}

/// A session as administrators see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id, claim `sid`.
    pub sid: String,
    /// Whose it is, claim `sub`.
    pub user_id: String,
    /// Whose it is.
    pub username: String,
    /// The client it was opened for.
    pub client_id: String,
    /// What its tokens may be used for.
    pub scope: String,
    /// When the user signed in, seconds since 1970.
    pub created_at: u64,
    /// When it was opened or last refreshed, seconds since 1970.
    pub last_used_at: u64,
    /// When it ends if it is not refreshed before, seconds since 1970.
    pub expires_at: u64,
}

/// A page of `GET /admin/sessions`, by `sid`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionRow>,
}

/// What `DELETE /admin/sessions?user=NAME` ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSessions {
    /// How many sessions ended.
    pub ended: u64,
}

/// A signing key as administrators see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key's id.
    pub kid: String,
    /// What it signs with.
    pub alg: String,
    /// `pending`, `signing`, `retiring`, `gone` or `withdrawn`.
    pub state: String,
    /// Seconds since 1970.
    pub created_at: u64,
}

/// `GET /admin/keys`, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// The keys.
    pub keys: Vec<Key>,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// The line's number, which only rises.
    pub number: u64,
    /// Seconds since 1970.
    pub at: u64,
    /// What happened.
    pub event: String,
    /// The user it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The name as typed or stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The session it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The user id of the administrator who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The address it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A page of `GET /admin/audit`, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The lines.
    pub lines: Vec<AuditLine>,
}

impl Debug for NewUser {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            username,
            password: _,
            roles,
            scope,
        } = self;
        f.debug_struct("NewUser")
            .field("username", username)
            .field("password", &Redacted)
            .field("roles", roles)
            .field("scope", scope)
            .finish()
    }
}

impl Debug for NewPassword {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { password: _ } = self;
        f.debug_struct("NewPassword")
            .field("password", &Redacted)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn passwords_do_not_print() {
        let user = NewUser {
            username: "ada".to_string(),
            password: "s3cret".to_string(),
            roles: Vec::new(),
            scope: String::new(),
        };
        let password = NewPassword {
            password: "s3cret".to_string(),
        };
        assert!(!format!("{user:?} {password:?}").contains("s3cret"));
    }

    #[test]
    fn a_change_leaves_out_what_it_does_not_say() {
        let change: UserChange = serde_json::from_str(r#"{"disabled":true}"#).expect("a change");
        assert_eq!((change.roles, change.disabled), (None, Some(true)));
    }
}
