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
/// A header holds printable ASCII, and whoever reads one cuts off the spaces around it. Any other
/// character, a percent sign, a comma within a role, and spaces at the ends of a name are
/// percent-encoded as UTF-8, so that no name can look like two or like another one, and none can
/// break out of its line.
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
    let scope = caller.map(Caller::scope_text).unwrap_or_default();
    let roles = caller.map(Caller::roles).unwrap_or_default();
    let roles: Vec<_> = roles.iter().map(|role| encoded(role, b",")).collect();
    [
        (identity::SUBJECT, encoded(subject, b"")),
        (identity::USERNAME, encoded(username, b"")),
        (identity::ROLES, roles.join(",")),
        (identity::SCOPE, encoded(scope.trim_matches(' '), b"")),
    ]
    .into_iter()
    .map(|(name, value)| {
        // Only printable ASCII is left, of which every header value may consist.
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        (HeaderName::from_static(name), value)
    })
    .collect()
}

fn encoded(text: &str, also: &[u8]) -> String {
    let inner = text.trim_matches(' ');
    let spaces = |count: usize| "%20".repeat(count);
    let leading = text.len() - text.trim_start_matches(' ').len();
    let trailing = text.len() - inner.len() - leading;
    let mut encoded = spaces(leading);
    for byte in inner.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' && !also.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded.push_str(&spaces(trailing));
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_is_encoded() {
        assert_eq!(encoded("ada lovelace", b""), "ada lovelace");
        assert_eq!(
            encoded("a\r\nX-Auth-Roles: admin", b""),
            "a%0D%0AX-Auth-Roles: admin"
        );
        assert_eq!(encoded("Zoë 100%", b""), "Zo%C3%AB 100%25");
        assert_eq!(encoded("a,b", b""), "a,b");
        assert_eq!(encoded("a,b", b","), "a%2Cb");
    }

    #[test]
    fn spaces_that_a_reader_would_cut_off_are_kept() {
        assert_eq!(encoded(" root", b""), "%20root");
        assert_eq!(encoded("root  ", b","), "root%20%20");
        assert_eq!(encoded("  ", b""), "%20%20");
        assert_eq!(encoded("", b""), "");
    }
}
