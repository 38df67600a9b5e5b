//! The two tokens of a pair, as values that do not print and are wiped when the last holder lets go.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use zeroize::Zeroizing;

/// A token that opens protected routes for some minutes.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Arc<Zeroizing<String>>);

/// A token that gets the next pair; whoever has it has the session.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Arc<Zeroizing<String>>);

impl AccessToken {
    pub(crate) fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The token's text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl RefreshToken {
    /// Wraps the text of a refresh token that was kept from an earlier login.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// The token's text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Debug for AccessToken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(redacted)")
    }
}

impl Debug for RefreshToken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(redacted)")
    }
}

impl From<String> for RefreshToken {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for RefreshToken {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_print() {
        let access = AccessToken::new("abc.def".to_owned());
        let refresh = RefreshToken::new("csr_ghi");
        assert_eq!(
            format!("{access:?} {refresh:?}"),
            "AccessToken(redacted) RefreshToken(redacted)"
        );
        assert_eq!((access.expose(), refresh.expose()), ("abc.def", "csr_ghi"));
    }
}
