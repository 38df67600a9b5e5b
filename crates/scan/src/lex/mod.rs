//! Text to tokens, so that what stands in a comment or in a string is never taken for code.
//!
//! No full grammar of any language: words, texts, numbers and signs, each with its place. What is
//! broken (a quote without its end, as in the prose of JSX) costs one sign and not the rest of the
//! file.

mod c_like;
mod cursor;
mod python;

use alloc::vec::Vec;

use crate::language::Language;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word,
    /// A literal text; [`Token::text`] is what stands between the quotes, escapes as written.
    Text,
    /// A text, or a piece of one, that gets its content at run time.
    Composed,
    /// A number.
    Number,
    /// A sign.
    Sign,
}

/// The smallest unit of code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// Where it begins, in bytes.
    pub(crate) at: usize,
    /// Whether it is the first of its line.
    pub(crate) first: bool,
}

impl<'a> Token<'a> {
    pub(crate) fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    pub(crate) fn word(&self) -> Option<&'a str> {
        (self.kind == Kind::Word).then_some(self.text)
    }

    pub(crate) fn literal(&self) -> Option<&'a str> {
        (self.kind == Kind::Text).then_some(self.text)
    }
}

/// A comment, without its signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comment<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

/// A file in pieces.
#[derive(Debug, Default)]
pub(crate) struct Lexed<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<Comment<'a>>,
}

pub(crate) fn lex(language: Language, text: &str) -> Lexed<'_> {
    match language {
        Language::Python => python::lex(text),
        Language::JavaScript => c_like::lex(text, c_like::Dialect::JavaScript),
        Language::Go => c_like::lex(text, c_like::Dialect::Go),
        Language::Java => c_like::lex(text, c_like::Dialect::Java),
        Language::Rust => c_like::lex(text, c_like::Dialect::Rust),
    }
}
