//! Reads `WWW-Authenticate` (RFC 9110 §11.6.1) for one question: was it the token that was refused?

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Whether a challenge of scheme `Bearer` says `error="invalid_token"` (RFC 6750 §3.1).
///
/// Only then does a new token help; any other 401 is for the caller to read.
pub(crate) fn refuses_the_token(headers: &HeaderMap) -> bool {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(says_invalid_token)
}

/// One header may hold several challenges; a word without `=` after it begins the next.
fn says_invalid_token(value: &str) -> bool {
    let mut bearer = false;
    for item in items(value) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let mut words = name.split_ascii_whitespace();
        let (first, second) = (words.next().unwrap_or(""), words.next());
        let is_scheme = second.is_some() || !item.contains('=');
        if is_scheme {
            bearer = first.eq_ignore_ascii_case("bearer");
        }
        let parameter = second.unwrap_or(first);
        if bearer
            && parameter.eq_ignore_ascii_case("error")
            && value.trim().trim_matches('"') == "invalid_token"
        {
            return true;
        }
    }
    false
}

/// Splits at commas outside quotes.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |character: char| {
            let separates = character == ',' && !quoted;
            match character {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            separates
        })
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::says_invalid_token;

    #[test]
    fn the_refused_token_is_recognised() {
        for yes in [
            r#"Bearer realm="api", error="invalid_token""#,
            r#"bearer error="invalid_token", error_description="The token expired""#,
            "Bearer realm=api,error=invalid_token",
            r#"Basic realm="x", Bearer realm="a, b", error="invalid_token""#,
            r#"Negotiate, Bearer error="invalid_token""#,
        ] {
            assert!(says_invalid_token(yes), "{yes}");
        }
    }

    #[test]
    fn other_challenges_are_left_to_the_caller() {
        for no in [
            r#"Bearer realm="api""#,
            r#"Bearer realm="api", error="insufficient_scope""#,
            r#"Bearer realm="say error=\"invalid_token\"""#,
            r#"Bearer realm="a, error=invalid_token""#,
            r#"Bearer realm="api", Basic error="invalid_token""#,
            r#"DPoP error="invalid_token""#,
            r#"Bearer error_description="invalid_token""#,
            "",
        ] {
            assert!(!says_invalid_token(no), "{no}");
        }
    }
}
