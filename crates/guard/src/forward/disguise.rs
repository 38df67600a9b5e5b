//! Headers that a service would take for the guard's word, or for the request's own path or method.
//!
//! CGI and all that descends from it (WSGI, PHP, Rack) hand headers on as variables, in which every
//! character but letters and digits is an underscore: there `X-Auth_Roles`, `X_Auth-Roles` and
//! `X-Auth-Roles` are one. A proxy that overwrites the last lets the others pass.
//!
//! And some frameworks let a header say what the request line says, so that the service would do
//! something else than what a rule was found for: `X-HTTP-Method-Override: DELETE` on a `POST`,
//! `X-Original-URL: /admin` on `/public`. What proxies of the guides say themselves has other names
//! (`X-Original-URI`, `X-Forwarded-Uri`, `X-Forwarded-Method`).

use countersign_wire::identity;
use http::HeaderMap;

/// Whether a header is spelt like one of the identity headers without being one.
pub(super) fn is_worn(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        identity::ALL
            .into_iter()
            .any(|own| own != name && is_spelt_like(own, name))
    })
}

/// Whether a header names another method, in any spelling.
pub(super) fn names_a_method(headers: &HeaderMap) -> bool {
    has_one_of(
        headers,
        [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
        ],
    )
}

/// Whether a header names another path, in any spelling.
pub(super) fn names_a_path(headers: &HeaderMap) -> bool {
    has_one_of(headers, ["x-original-url", "x-rewrite-url"])
}

fn has_one_of<const N: usize>(headers: &HeaderMap, names: [&str; N]) -> bool {
    let is_one = |name: &str| names.iter().any(|own| is_spelt_like(own, name));
    headers.keys().any(|name| is_one(name.as_str()))
}

fn is_spelt_like(own: &str, name: &str) -> bool {
    let plain = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => byte,
        _ => b'-',
    };
    own.len() == name.len() && own.bytes().eq(name.bytes().map(plain))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn every_other_spelling_is_a_disguise_and_other_names_are_none() {
        let worn = |name: &str| {
            let mut headers = HeaderMap::new();
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.insert(name, HeaderValue::from_static("admin"));
            is_worn(&headers)
        };
        for name in [
            "X_Auth_Roles",
            "X-Auth_Roles",
            "X_Auth-Roles",
            "x-auth_username",
            "X.Auth.Subject",
            "X-Auth~Scope",
        ] {
            assert!(worn(name), "{name}");
        }
        for name in [
            "X-Auth-Roles",
            "x-auth-scope",
            "X_Auth_Role",
            "XX-Auth-Roles",
            "Accept",
        ] {
            assert!(!worn(name), "{name}");
        }
    }
}
