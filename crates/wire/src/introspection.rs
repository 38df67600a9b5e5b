//! What a client is told of a token (RFC 7662 §2.2).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// `POST /oauth/introspect`. A token that is not active has no other member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introspection {
    /// Whether the token is good now.
    pub active: bool,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Whom it speaks for: a user's id, or a client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Whom it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// The client it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// What it is good for, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The roles of whom it speaks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Its own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// When it ends, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// When it was made, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// When it begins, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// When the user proved who they are, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// How an access token is sent: `Bearer`. A refresh token is sent to no API, so it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// [`ACCESS_TOKEN`] or [`REFRESH_TOKEN`]: an API that asks must not take the latter for one of
    /// the former.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_use: Option<String>,
}

/// The `token_use` of access tokens.
pub const ACCESS_TOKEN: &str = "access_token";
/// The `token_use` of refresh tokens.
pub const REFRESH_TOKEN: &str = "refresh_token";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_token_that_is_not_active_nothing_else_is_said() {
        let nothing = serde_json::to_string(&Introspection::default());
        assert_eq!(nothing.expect("plain texts"), r#"{"active":false}"#);
    }
}
