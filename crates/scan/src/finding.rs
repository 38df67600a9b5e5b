//! What was found, and where.

use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::rule::Rule;

/// Something that was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub rule: Rule,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What stands there, in a sentence. It has no secret in it.
    pub what: String,
    /// What to write instead with this library, where [`Rule::way_out`] leaves that open.
    pub instead: Option<&'static str>,
    /// The secret, if it is one, as it may be shown.
    pub secret: Option<Masked>,
}

/// A secret as it may be shown: too little to be used, enough to be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// Its first character.
    pub begins_with: char,
    /// How many characters it has.
    pub length: usize,
}

impl Masked {
    pub(crate) fn of(text: &str) -> Self {
        Self {
            begins_with: text.chars().next().unwrap_or('?'),
            length: text.chars().count(),
        }
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = format!("{}…", self.begins_with.escape_default());
        write!(f, "{shown} ({} characters)", self.length)
    }
}
