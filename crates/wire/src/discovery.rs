//! What an issuer says about itself, at the two `.well-known` paths.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).
///
/// Only `issuer` and `jwks_uri` must be there when it is read, so that the document of any issuer
/// can be; what is empty is not written. The members that begin with `countersign_` are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The issuer, exactly as in the claim `iss`.
    pub issuer: String,
    /// Where the public keys are.
    pub jwks_uri: String,
    /// Where a browser is sent to sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// The OAuth token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Token introspection (RFC 7662).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// Token revocation (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// The device flow's first request (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// OpenID Connect's description of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// Required by RFC 8414, also when there is no authorization endpoint and it is empty.
    #[serde(default)]
    pub response_types_supported: Vec<String>,
    /// The grants the token endpoint takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    /// How clients may authenticate themselves at the token endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms in which clients may sign there (`private_key_jwt`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients may authenticate themselves to ask about tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms in which clients may sign there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients may authenticate themselves to revoke tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms in which clients may sign there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// The PKCE methods (RFC 7636).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// The scopes a client may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// The kinds of subject id; OpenID Connect requires it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_types_supported: Vec<String>,
    /// The algorithms ID tokens are signed with; OpenID Connect requires it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token_signing_alg_values_supported: Vec<String>,

    /// `POST` a name and a password here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersign_login_endpoint: Option<String>,
    /// `POST` a refresh token here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersign_refresh_endpoint: Option<String>,
    /// `POST` here to sign out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersign_logout_endpoint: Option<String>,
    /// `GET` the revocations here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersign_revocations_endpoint: Option<String>,
    /// No access token of this issuer is good for longer, in seconds from `iat` to `exp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersign_max_token_lifetime: Option<u64>,
}

/// What a guarded API says about itself (RFC 9728 §2), at
/// [`OAUTH_PROTECTED_RESOURCE`](crate::paths::OAUTH_PROTECTED_RESOURCE).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceMetadata {
    /// The API's own identifier, a URL.
    pub resource: String,
    /// The issuers whose tokens open it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<String>,
    /// How a token may be sent: `header`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bearer_methods_supported: Vec<String>,
    /// The scopes that mean something here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_foreign_issuer_is_understood_and_what_is_empty_is_not_written() {
        let json = r#"{"issuer":"https://id.example","jwks_uri":"https://id.example/keys",
            "claims_supported":["sub"],"response_types_supported":["code"]}"#;
        let metadata: Metadata = serde_json::from_str(json).expect("foreign metadata");
        assert_eq!(metadata.countersign_revocations_endpoint, None);
        assert_eq!(
            serde_json::to_string(&metadata).expect("plain texts"),
            r#"{"issuer":"https://id.example","jwks_uri":"https://id.example/keys","response_types_supported":["code"]}"#
        );
    }

    #[test]
    fn without_issuer_or_keys_it_is_no_metadata() {
        for json in [
            r#"{"issuer":"https://id.example"}"#,
            r#"{"jwks_uri":"https://x"}"#,
        ] {
            assert!(serde_json::from_str::<Metadata>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn our_own_members_carry_our_name() {
        let metadata = Metadata {
            issuer: "https://id.example".to_string(),
            countersign_max_token_lifetime: Some(600),
            ..Metadata::default()
        };
        let json = serde_json::to_value(&metadata).expect("plain texts");
        assert_eq!(json["countersign_max_token_lifetime"], 600);
    }
}
