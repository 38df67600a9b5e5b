//! Where an auth server is asked for what.

use countersign_wire::discovery::Metadata;
use countersign_wire::paths;
use serde::{Deserialize, Serialize};
use url::Url;

use super::credentials::SecretPlace;
use crate::error::ClientError;
use crate::origin::PlainHttp;

/// The addresses of one auth server; what it does not offer is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    base: Url,
    login: Option<Url>,
    refresh: Option<Url>,
    logout: Option<Url>,
    token: Option<Url>,
    revoke: Option<Url>,
    secret_place: SecretPlace,
}

impl Endpoints {
    /// A Countersign server, whose paths are part of its contract.
    pub(crate) fn of_countersign(base: Url) -> Self {
        let at = |path| Some(below(&base, path));
        Self {
            login: at(paths::LOGIN),
            refresh: at(paths::REFRESH),
            logout: at(paths::LOGOUT),
            token: at(paths::OAUTH_TOKEN),
            revoke: at(paths::OAUTH_REVOKE),
            secret_place: SecretPlace::Header,
            base,
        }
    }

    /// An OAuth 2 token endpoint and nothing else.
    pub(crate) fn of_token_endpoint(token: Url) -> Self {
        Self {
            base: token.clone(),
            login: None,
            refresh: None,
            logout: None,
            token: Some(token),
            revoke: None,
            secret_place: SecretPlace::Header,
        }
    }

    /// What an issuer says about itself; it must call itself what it was called (RFC 8414 §3.3).
    pub(super) fn of_metadata(
        base: Url,
        metadata: &Metadata,
        plain_http: PlainHttp,
    ) -> Result<Self, ClientError> {
        if metadata.issuer.trim_end_matches('/') != base.as_str().trim_end_matches('/') {
            return Err(ClientError::OtherIssuer {
                asked: base.to_string(),
            });
        }
        let read = |url: &Option<String>| match url {
            None => Ok(None),
            Some(text) => {
                let url = Url::parse(text).map_err(|_| ClientError::BadAddress {
                    reason: "its metadata names an endpoint that is no absolute URL",
                })?;
                if !matches!(url.scheme(), "http" | "https") {
                    return Err(ClientError::BadAddress {
                        reason: "its metadata names an endpoint that is neither http nor https",
                    });
                }
                plain_http.check(&url)?;
                // Whoever came over TLS does not leave it because a document says so.
                if base.scheme() == "https" && url.scheme() != "https" {
                    return Err(ClientError::BadAddress {
                        reason: "its metadata names an endpoint without TLS",
                    });
                }
                Ok(Some(url))
            }
        };
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|it| it == method);
        let body_only = takes("client_secret_post") && !takes("client_secret_basic");
        Ok(Self {
            login: read(&metadata.countersign_login_endpoint)?,
            refresh: read(&metadata.countersign_refresh_endpoint)?,
            logout: read(&metadata.countersign_logout_endpoint)?,
            token: read(&metadata.token_endpoint)?,
            revoke: read(&metadata.revocation_endpoint)?,
            secret_place: if body_only {
                SecretPlace::Body
            } else {
                SecretPlace::Header
            },
            base,
        })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Whether all addresses follow from the base.
    pub(crate) fn is_of_countersign(&self) -> bool {
        *self == Self::of_countersign(self.base.clone())
    }

    /// Where the server wants a client's secret.
    pub(crate) fn secret_place(&self) -> SecretPlace {
        self.secret_place
    }

    pub(super) fn login(&self) -> Result<&Url, ClientError> {
        self.login.as_ref().ok_or(ClientError::NotOffered {
            what: "signing in with a name and a password",
        })
    }

    pub(super) fn token(&self) -> Result<&Url, ClientError> {
        self.token.as_ref().ok_or(ClientError::NotOffered {
            what: "a token endpoint",
        })
    }

    /// Our own renewal; where there is none, the token endpoint renews.
    pub(super) fn refresh(&self) -> Option<&Url> {
        self.refresh.as_ref()
    }

    pub(super) fn logout(&self) -> Option<&Url> {
        self.logout.as_ref()
    }

    pub(super) fn revoke(&self) -> Option<&Url> {
        self.revoke.as_ref()
    }
}

/// Where the metadata may be: below the issuer's path (OpenID Connect Discovery §4), or else above it
/// (RFC 8414 §3.1).
pub(super) fn metadata_urls(base: &Url) -> [Url; 2] {
    let path = base.path().trim_end_matches('/');
    let mut above = base.clone();
    above.set_path(&format!("{}{path}", paths::OAUTH_AUTHORIZATION_SERVER));
    [below(base, paths::OPENID_CONFIGURATION), above]
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, metadata: &Metadata) -> Result<Endpoints, ClientError> {
        let base = Url::parse(base).expect("a URL");
        Endpoints::of_metadata(base, metadata, PlainHttp::OwnMachine)
    }

    fn metadata(issuer: &str, token_endpoint: &str) -> Metadata {
        Metadata {
            issuer: issuer.to_owned(),
            token_endpoint: Some(token_endpoint.to_owned()),
            ..Metadata::default()
        }
    }

    #[test]
    fn an_issuer_by_another_name_is_not_believed() {
        let metadata = metadata("https://evil.example", "https://evil.example/token");
        let error = of("https://id.example", &metadata).expect_err("another issuer");
        assert!(matches!(error, ClientError::OtherIssuer { .. }), "{error}");
    }

    #[test]
    fn an_endpoint_in_the_clear_is_not_used() {
        for endpoint in [
            "http://id.example/token",
            "http://127.0.0.1/token",
            "ftp://x",
            "/token",
        ] {
            let metadata = metadata("https://id.example", endpoint);
            let error = of("https://id.example", &metadata).expect_err(endpoint);
            assert!(matches!(error, ClientError::BadAddress { .. }), "{error}");
        }
        assert!(
            of(
                "https://id.example",
                &metadata("https://id.example/", "https://t.example")
            )
            .is_ok()
        );
    }

    #[test]
    fn both_places_of_the_metadata_are_known() {
        let base = Url::parse("https://id.example/tenant/").expect("a URL");
        let [below, above] = metadata_urls(&base);
        assert_eq!(
            below.as_str(),
            "https://id.example/tenant/.well-known/openid-configuration"
        );
        assert_eq!(
            above.as_str(),
            "https://id.example/.well-known/oauth-authorization-server/tenant"
        );
    }
}
