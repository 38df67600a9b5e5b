//! The claims of an access token as plain fields, to write one.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::ser::{Serialize, Serializer};

use crate::time::UnixTime;

/// The claims of an access token as plain fields, to write one; what they mean is said at
/// [`AccessClaims`](super::AccessClaims), which holds them once they are read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "said at `AccessClaims`")]
pub struct AccessFields<'a> {
    pub iss: Cow<'a, str>,
    pub sub: Cow<'a, str>,
    #[serde(serialize_with = "recipients")]
    pub aud: Vec<Cow<'a, str>>,
    pub exp: UnixTime,
    pub iat: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixTime>,
    pub jti: Cow<'a, str>,
    pub client_id: Cow<'a, str>,
    pub scope: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<Cow<'a, str>>,
}

/// The claim `aud`: one string or an array of strings (RFC 7519 §4.1.3).
fn recipients<S: Serializer>(all: &Vec<Cow<'_, str>>, serializer: S) -> Result<S::Ok, S::Error> {
    match all.as_slice() {
        [one] => serializer.serialize_str(one),
        several => several.serialize(serializer),
    }
}
