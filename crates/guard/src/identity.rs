//! Who is calling, as a proxy passes it on to the service behind it.
//!
//! The proxy copies these headers from the guard's answer over those of the request. So every one
//! of them is in every answer, empty where there is nothing to say: a header the guard left out
//! would be one the client could have sent.

use std::fmt::Write;

use countersign_wire::identity;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::caller::Caller;

/// The headers of [`identity::ALL`]: the caller's subject, name, roles (separated by commas) and
/// scope (separated by spaces); all of them empty for nobody.
///
/// A header holds printable ASCII. Any other character, a percent sign, and a comma within a role
/// are percent-encoded as UTF-8, so that no name can look like two and none can break out of its
/// line.
///
/// ```
/// # use countersign_guard::{Caller, identity_headers};
/// let headers = identity_headers(None::<&Caller>);
/// assert_eq!(headers["x-auth-subject"], "");
/// assert_eq!(headers.len(), 4);
/// ```
pub fn identity_headers<C>(caller: Option<&Caller<C>>) -> HeaderMap {
    let subject = caller.and_then(Caller::subject).unwrap_or_default();
    let username = caller.and_then(Caller::username).unwrap_or_default();
    let scope = caller.and_then(|caller| caller.verified().scope());
    let roles = caller.map(Caller::roles).unwrap_or_default();
    let roles: Vec<_> = roles.iter().map(|role| encoded(role, true)).collect();
    [
        (identity::SUBJECT, encoded(subject, false)),
        (identity::USERNAME, encoded(username, false)),
        (identity::ROLES, roles.join(",")),
        (identity::SCOPE, encoded(scope.unwrap_or_default(), false)),
    ]
    .into_iter()
    .map(|(name, value)| {
        // Only printable ASCII is left, of which every header value may consist.
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        (HeaderName::from_static(name), value)
    })
    .collect()
}

fn encoded(text: &str, one_of_several: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'%' => encoded.push_str("%25"),
            b',' if one_of_several => encoded.push_str("%2C"),
            b' '..=b'~' => encoded.push(char::from(byte)),
            byte => {
                // Writing to a `String` does not fail.
                let _infallible = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_is_encoded() {
        assert_eq!(encoded("ada lovelace", false), "ada lovelace");
        assert_eq!(
            encoded("a\r\nX-Auth-Roles: admin", false),
            "a%0D%0AX-Auth-Roles: admin"
        );
        assert_eq!(encoded("Zoë 100%", false), "Zo%C3%AB 100%25");
        assert_eq!(encoded("a,b", false), "a,b");
        assert_eq!(encoded("a,b", true), "a%2Cb");
    }
}
