//! Who asks the token endpoint (RFC 6749 §2.3), and the form it is asked with.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use zeroize::Zeroizing;

/// How a client says who it is.
#[derive(Clone)]
pub(crate) enum ClientCredentials {
    /// Not at all: a first-party login.
    None,
    /// By its name alone.
    Public { id: String },
    /// By its name and its secret.
    Secret {
        id: String,
        secret: Arc<Zeroizing<String>>,
        place: SecretPlace,
    },
}

/// Where the secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SecretPlace {
    /// `client_secret_basic`, which every server must take.
    Header,
    /// `client_secret_post`, for servers that take nothing else.
    Body,
}

impl ClientCredentials {
    pub(crate) fn secret(id: String, secret: String, place: SecretPlace) -> Self {
        Self::Secret {
            id,
            secret: Arc::new(Zeroizing::new(secret)),
            place,
        }
    }

    /// Adds what identifies the client, and the form.
    pub(super) fn sign(&self, request: RequestBuilder, mut form: Form) -> RequestBuilder {
        let mut header = None;
        match self {
            Self::None => {}
            Self::Public { id } => form.add("client_id", id),
            Self::Secret { id, secret, place } => match place {
                SecretPlace::Body => {
                    form.add("client_id", id);
                    form.add("client_secret", secret);
                }
                SecretPlace::Header => header = Some((encoded(id), encoded(secret))),
            },
        }
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.0.as_bytes().to_vec());
        match header {
            Some((id, secret)) => request.basic_auth(&*id, Some(&*secret)),
            None => request,
        }
    }
}

/// RFC 6749 §2.3.1 encodes both before they are put together, or a colon would tear them apart.
fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect())
}

/// A form body, wiped afterwards.
pub(super) struct Form(Zeroizing<String>);

impl Form {
    /// With room from the start, so that growing leaves no copies behind.
    const ROOM: usize = 8 * 1024;

    pub(super) fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(Self::ROOM)))
    }

    pub(super) fn grant(grant_type: &str) -> Self {
        let mut form = Self::new();
        form.add("grant_type", grant_type);
        form
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0
            .extend(form_urlencoded::byte_serialize(name.as_bytes()));
        self.0.push('=');
        self.0
            .extend(form_urlencoded::byte_serialize(value.as_bytes()));
    }
}

impl Debug for ClientCredentials {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Public { id } => f.debug_struct("Public").field("id", id).finish(),
            Self::Secret {
                id,
                secret: _,
                place,
            } => f
                .debug_struct("Secret")
                .field("id", id)
                .field("place", place)
                .finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret =
            ClientCredentials::secret("billing".into(), "s3cret".into(), SecretPlace::Header);
        let printed = format!("{secret:?}");
        assert!(printed.contains("billing") && !printed.contains("s3cret"));
    }

    #[test]
    fn a_form_escapes_what_would_end_a_value() {
        let mut form = Form::grant("refresh_token");
        form.add("refresh_token", "a&b=c +é");
        assert_eq!(
            *form.0,
            "grant_type=refresh_token&refresh_token=a%26b%3Dc+%2B%C3%A9"
        );
    }
}
