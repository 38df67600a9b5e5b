//! OAuth clients as administrators make and see them under `/admin/clients`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug, Formatter};

use serde::{Deserialize, Deserializer, Serialize};

use crate::token::Redacted;

/// `POST /admin/clients`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// The `client_id`: letters, digits and `-._~`.
    pub client_id: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// How it shall prove who it is: `client_secret_basic` (which stands for both ways to send a
    /// secret), `private_key_jwt` or `none`. Left out: a secret, or keys if there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// Its public keys, a JWK Set, for `private_key_jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// What it may come to the token endpoint for: `client_credentials`, `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// The scope it may ask for, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// The audiences it may ask for; none at all for the server's default.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The audiences it answers to, as an API: it may introspect tokens for them.
    #[serde(default)]
    pub serves: Vec<String>,
    /// The roles of its own tokens, and the most that its users' tokens have.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Seconds for which a session may lie unused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_idle: Option<u64>,
    /// Seconds for which a session lasts in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_absolute: Option<u64>,
    /// Seconds for which an access token lives at most; it cannot be more than the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_life: Option<u64>,
    /// How its access tokens are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
}

/// `PATCH /admin/clients/{id}`: what is left out stays as it is, and `null` stands for the server's
/// setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientChange {
    /// Whether it is kept out. Its users' sessions end, and its own tokens are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its public keys, for one that has keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// What it may come to the token endpoint for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// The scope it may ask for, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The audiences it may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// The audiences it answers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<Vec<String>>,
    /// Its roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Seconds for which a session may lie unused.
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_idle: Option<Option<u64>>,
    /// Seconds for which a session lasts in any case.
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_absolute: Option<Option<u64>>,
    /// Seconds for which an access token lives at most.
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    pub access_life: Option<Option<u64>>,
    /// How its access tokens are signed.
    #[serde(
        default,
        deserialize_with = "said",
        skip_serializing_if = "Option::is_none"
    )]
    pub algorithm: Option<Option<String>>,
}

/// A client as administrators see one. There is no trace of its secrets in it but how many there
/// are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRow {
    /// The `client_id`.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// How it proves who it is.
    pub token_endpoint_auth_method: String,
    /// The secrets it may use now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretRow>,
    /// Its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// What it may come to the token endpoint for.
    pub grant_types: Vec<String>,
    /// The scope it may ask for.
    pub scope: String,
    /// The audiences it may ask for.
    pub audiences: Vec<String>,
    /// The audiences it answers to.
    pub serves: Vec<String>,
    /// Its roles.
    pub roles: Vec<String>,
    /// Seconds for which a session may lie unused, where that is not the server's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_idle: Option<u64>,
    /// Seconds for which a session lasts, where that is not the server's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_absolute: Option<u64>,
    /// Seconds for which an access token lives, where that is not the server's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_life: Option<u64>,
    /// How its access tokens are signed, where that is not the server's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Whether it is kept out.
    pub disabled: bool,
    /// Seconds since 1970.
    pub created_at: u64,
}

/// One of a client's secrets, as far as anybody but the client can know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    /// When it ceases to be accepted, seconds since 1970; never, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}

/// A page of `GET /admin/clients`, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<ClientRow>,
}

/// What `POST /admin/clients` and `POST /admin/clients/{id}/secret` answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAnswer {
    /// The client.
    #[serde(flatten)]
    pub client: ClientRow,
    /// The secret that was made for it. It is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// `POST /admin/clients/{id}/secret`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Seconds for which the newest secret there is goes on; a day if nothing is said, 0 for one
    /// that has leaked: then the client's own tokens are revoked as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
}

impl Debug for ClientAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            client_secret,
        } = self;
        let client_secret = client_secret.as_ref().map(|_| Redacted);
        f.debug_struct("ClientAnswer")
            .field("client", client)
            .field("client_secret", &client_secret)
            .finish()
    }
}

/// A member that was written, be it as `null`.
#[expect(
    clippy::option_option,
    reason = "left out, null and a value are three things in a merge patch (RFC 7396)"
)]
fn said<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_something_else_than_nothing() {
        let change: ClientChange =
            serde_json::from_str(r#"{"session_idle":null,"access_life":60}"#).expect("a change");
        assert_eq!(change.session_idle, Some(None));
        assert_eq!(change.access_life, Some(Some(60)));
        assert_eq!(change.session_absolute, None);
        assert_eq!(
            serde_json::to_string(&change).expect("plain values"),
            r#"{"session_idle":null,"access_life":60}"#
        );
    }
}
