//! The two headers of RFC 6750: the token in `Authorization`, the challenge in `WWW-Authenticate`.
//!
//! The reader takes the header's bytes as they came and hands back a slice of them; nothing is
//! copied. It is strict where leniency has led to two programs seeing two different tokens in one
//! request: one header, one token, exact characters. A token in the query or in a form is not
//! looked for.

use core::error::Error;
use core::fmt::{self, Display, Formatter, Write};

/// Finds the token in the values of a request's `Authorization` headers.
///
/// The grammar is that of RFC 6750 §2.1: `Bearer` in any case (RFC 9110 §11.1), one or more spaces,
/// and a `b64token`. Whether the token is any good is not this function's concern.
///
/// ```
/// use countersign_wire::bearer::{self, BearerError};
///
/// assert_eq!(bearer::token([b"Bearer abc.def.ghi".as_slice()]), Ok("abc.def.ghi"));
/// assert_eq!(bearer::token([]), Err(BearerError::Missing));
/// ```
///
/// # Errors
///
/// [`BearerError::Missing`] if there is no header or its scheme is another one,
/// [`BearerError::Repeated`] if there is more than one header or more than one token,
/// [`BearerError::Malformed`] if a single header does not follow the grammar.
pub fn token<'a>(
    authorization: impl IntoIterator<Item = &'a [u8]>,
) -> Result<&'a str, BearerError> {
    let credentials = credentials(authorization)?;
    if is_b64token(credentials) {
        return core::str::from_utf8(credentials).map_err(|_| BearerError::Malformed);
    }
    // A proxy that folds two headers into one joins them with a comma.
    if credentials.contains(&b',') {
        return Err(BearerError::Repeated);
    }
    Err(BearerError::Malformed)
}

/// What stands where the token should; its characters are not looked at yet. For whoever knows the
/// very token already and wants to recognise it; for everyone else there is [`token()`].
///
/// # Errors
///
/// As [`token()`], but for what is wrong with the characters.
pub fn credentials<'a>(
    authorization: impl IntoIterator<Item = &'a [u8]>,
) -> Result<&'a [u8], BearerError> {
    let mut values = authorization.into_iter();
    let value = values.next().ok_or(BearerError::Missing)?;
    if values.next().is_some() {
        return Err(BearerError::Repeated);
    }

    // As nearly everyone writes it.
    if let Some(credentials) = value.strip_prefix(b"Bearer ")
        && credentials.first() != Some(&b' ')
    {
        return Ok(credentials);
    }
    let scheme_ends = value
        .iter()
        .position(|byte| !is_token_char(*byte))
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_ends);
    if scheme.is_empty() {
        return Err(BearerError::Malformed);
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return match rest.first() {
            None | Some(b' ') => Err(BearerError::Missing),
            Some(_) => Err(BearerError::Malformed),
        };
    }

    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    if spaces == 0 {
        return Err(BearerError::Malformed);
    }
    Ok(&rest[spaces..])
}

/// Why a request's `Authorization` headers hold no token to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BearerError {
    /// There is no header, or it uses another scheme than `Bearer`.
    Missing,
    /// The header says `Bearer`, but what follows is not a token; or it has no scheme at all.
    Malformed,
    /// There are two headers, or two tokens in one.
    Repeated,
}

impl BearerError {
    /// The stable reason code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing_token",
            Self::Malformed => "malformed_request",
            Self::Repeated => "repeated_token",
        }
    }
}

impl Display for BearerError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => {
                "the request carries no bearer token; send it as 'Authorization: Bearer <token>'"
            }
            Self::Malformed => {
                "the Authorization header is not of the form 'Bearer <token>' with a single token"
            }
            Self::Repeated => "the request carries more than one token; send exactly one",
        })
    }
}

impl Error for BearerError {}

/// A `WWW-Authenticate` header value; [`Display`] writes it.
///
/// A realm always follows the scheme, because a bare `Bearer` is not a challenge by RFC 6750 §3.
/// Whatever the texts contain, the value written is one line of printable ASCII: in `realm`, quotes
/// and backslashes are escaped; elsewhere, where RFC 6750 has no escape, a double quote becomes a
/// single one, and every other forbidden character is left out.
///
/// ```
/// use countersign_wire::bearer::Challenge;
///
/// let challenge = Challenge { realm: "api", error: Some("invalid_token"), ..Challenge::default() };
/// assert_eq!(challenge.to_string(), r#"Bearer realm="api", error="invalid_token""#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// What is being protected, for the reader's eyes.
    pub realm: &'a str,
    /// `invalid_request`, `invalid_token` or `insufficient_scope`; none if no token was sent.
    pub error: Option<&'a str>,
    /// A sentence for the developer.
    pub description: Option<&'a str>,
    /// The scope that would have been enough, separated by spaces.
    pub scope: Option<&'a str>,
    /// Where the resource's metadata is (RFC 9728 §5.1), an absolute URL.
    pub resource_metadata: Option<&'a str>,
}

impl Display for Challenge<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer realm=\"")?;
        for character in self.realm.chars().filter(|c| matches!(c, ' '..='~')) {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')?;
        let parameters = [
            ("error", self.error),
            ("error_description", self.description),
            ("scope", self.scope),
            ("resource_metadata", self.resource_metadata),
        ];
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            write!(f, ", {name}=\"")?;
            for character in value.chars() {
                match character {
                    '"' => f.write_char('\'')?,
                    '\\' => {}
                    ' '..='~' => f.write_char(character)?,
                    _ => {}
                }
            }
            f.write_char('"')?;
        }
        Ok(())
    }
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `b64token` of RFC 6750 §2.1: at least one character, then any number of `=`.
fn is_b64token(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = &bytes[..bytes.len() - padding];
    // Every request pays for this, and a token has hundreds of characters. Without a way out inside a
    // chunk the compiler looks at many characters at once.
    !body.is_empty()
        && body.chunks(64).all(|chunk| {
            chunk
                .iter()
                .fold(true, |good, byte| good & is_b64_char(*byte))
        })
}

/// `ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/"`, of which `-./0123456789` are neighbours.
fn is_b64_char(byte: u8) -> bool {
    matches!(byte, b'-'..=b'9') | byte.is_ascii_alphabetic() | matches!(byte, b'+' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[track_caller]
    fn refused(values: &[&[u8]], expected: BearerError) {
        assert_eq!(token(values.iter().copied()), Err(expected));
    }

    #[test]
    fn a_token_is_found_whatever_the_case_and_the_number_of_spaces() {
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "BEARER a.b.c",
            "bEaReR    a.b.c",
        ] {
            assert_eq!(token([value.as_bytes()]), Ok("a.b.c"), "{value}");
        }
        assert_eq!(
            token([b"Bearer -._~+/09azAZ==".as_slice()]),
            Ok("-._~+/09azAZ==")
        );
    }

    #[test]
    fn exactly_the_characters_of_the_grammar_make_a_token() {
        let allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
        for byte in 0..=u8::MAX {
            for length in [1, 100] {
                let mut value = b"Bearer ".to_vec();
                value.extend((1..length).map(|_| b'a'));
                value.push(byte);
                let good = allowed.as_bytes().contains(&byte) || (byte == b'=' && length > 1);
                assert_eq!(token([value.as_slice()]).is_ok(), good, "{byte:#x}");
            }
        }
    }

    #[test]
    fn no_header_and_other_schemes_are_missing() {
        refused(&[], BearerError::Missing);
        refused(&[b"Basic dXNlcjpwYXNz"], BearerError::Missing);
        refused(
            &[b"Digest username=\"a\", realm=\"b\""],
            BearerError::Missing,
        );
        refused(&[b"Negotiate"], BearerError::Missing);
        refused(&[b"BearerX a.b.c"], BearerError::Missing);
        refused(&[b"DPoP a.b.c"], BearerError::Missing);
    }

    #[test]
    fn a_bearer_header_without_exactly_one_token_is_malformed() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer  ",
            "Bearer\ta.b.c",
            "Bearer \ta.b.c",
            "Bearer a.b.c ",
            "Bearer a.b.c d",
            "Bearer: a.b.c",
            "Bearer=a.b.c",
            "Bearer a.b=c",
            "Bearer =",
            "Bearer \"a.b.c\"",
            "Bearer a.b.\u{e9}",
            "Bearer a\0b",
            " Bearer a.b.c",
            "",
            "\u{e9}",
            "Basic\tabc",
        ] {
            refused(&[value.as_bytes()], BearerError::Malformed);
        }
    }

    #[test]
    fn two_tokens_are_repeated_however_they_are_sent() {
        refused(&[b"Bearer a.b.c", b"Bearer a.b.c"], BearerError::Repeated);
        refused(&[b"Bearer a.b.c", b"Basic x"], BearerError::Repeated);
        refused(&[b"Basic x", b"Bearer a.b.c"], BearerError::Repeated);
        refused(&[b"Bearer a.b.c, Bearer d.e.f"], BearerError::Repeated);
        refused(&[b"Bearer a.b.c,d.e.f"], BearerError::Repeated);
    }

    #[test]
    fn a_challenge_carries_what_it_is_given_in_a_fixed_order() {
        let challenge = Challenge {
            realm: "api",
            error: Some("insufficient_scope"),
            description: Some("The token lacks the scope"),
            scope: Some("orders:read orders:write"),
            resource_metadata: Some("https://api.example/.well-known/oauth-protected-resource"),
        };
        assert_eq!(
            challenge.to_string(),
            "Bearer realm=\"api\", error=\"insufficient_scope\", \
             error_description=\"The token lacks the scope\", scope=\"orders:read orders:write\", \
             resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\""
        );
        assert_eq!(Challenge::default().to_string(), "Bearer realm=\"\"");
    }

    #[test]
    fn nothing_breaks_out_of_a_challenge() {
        let challenge = Challenge {
            realm: "a\"b\\c\r\nX-Evil: 1\u{e9}",
            description: Some("a\"b\\c\r\nX-Evil: 1\u{e9}\u{7f}"),
            ..Challenge::default()
        };
        assert_eq!(
            challenge.to_string(),
            r#"Bearer realm="a\"b\\cX-Evil: 1", error_description="a'bcX-Evil: 1""#
        );
    }
}
