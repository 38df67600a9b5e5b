//! The text from left to right: white space, punctuation, words, strings, numbers, and how deep it is.

use alloc::borrow::Cow;

use super::error::{JsonError, MAX_DEPTH};
use super::number::{self, Number};
use super::text;
use super::watch::{Seen, Watch};
use crate::find;

/// A text, and how far it was read: by bytes, words, strings and numbers.
pub(super) struct Reader<'de, W> {
    pub(super) text: &'de str,
    /// Whether no string in it has an escape.
    plain: bool,
    pub(super) at: usize,
    pub(super) depth: u8,
    /// About the last string or number.
    pub(super) seen: Seen,
    pub(super) watch: W,
}

impl<'de, W: Watch> Reader<'de, W> {
    pub(super) fn new(bytes: &'de [u8], watch: W) -> Result<Self, JsonError> {
        let text = core::str::from_utf8(bytes).map_err(|_| JsonError::Syntax)?;
        Ok(Self {
            text,
            plain: text::is_plain(bytes),
            at: 0,
            depth: 0,
            seen: Seen::Other,
            watch,
        })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space; it stays unread.
    #[inline]
    pub(super) fn next_token(&mut self) -> Option<u8> {
        match self.peek() {
            Some(byte) if byte > b' ' => Some(byte),
            _ => self.next_token_after_space(),
        }
    }

    #[cold]
    fn next_token_after_space(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    #[inline]
    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        if self.next_token() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        if self.next_token().is_none() {
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    #[inline]
    pub(super) fn word(&mut self, word: &str) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(JsonError::Syntax)
        }
    }

    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        if self.plain && self.peek() == Some(b'"') {
            let start = self.at + 1;
            let end = find::byte(self.text.as_bytes(), start, b'"');
            if end < self.text.len()
                && let Some(plain) = self.text.get(start..end)
            {
                self.at = end + 1;
                self.seen = Seen::PlainText;
                return Ok(Cow::Borrowed(plain));
            }
        }
        self.any_string()
    }

    #[cold]
    fn any_string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        self.expect(b'"')?;
        let (value, end) = text::read(self.text, self.at)?;
        self.at = end;
        self.seen = match value {
            Cow::Borrowed(_) => Seen::PlainText,
            Cow::Owned(_) => Seen::Other,
        };
        Ok(value)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<Number, JsonError> {
        let (number, end) = number::read(self.text, self.at)?;
        self.at = end;
        self.seen = match number {
            Number::Positive(whole) => Seen::Whole(whole),
            _ => Seen::Other,
        };
        Ok(number)
    }

    #[inline]
    pub(super) fn deeper(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }
}
