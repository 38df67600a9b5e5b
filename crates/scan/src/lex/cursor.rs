//! A place in a text, and what both lexers do there.

use super::{Comment, Kind, Lexed, Token};

/// Signs of more than one character, longer ones before their beginnings.
const SIGNS: [&str; 20] = [
    "===", "!==", "...", "**=", "=>", "::", "->", "?.", "||", "??", "&&", ":=", "==", "!=", "<=",
    ">=", "**", "+=", "-=", "|=",
];

pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    first: bool,
    pub(super) lexed: Lexed<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            first: true,
            lexed: Lexed::default(),
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn starts(&self, with: &str) -> bool {
        self.rest().starts_with(with)
    }

    /// Passes over white space, and notes where lines begin.
    pub(super) fn space(&mut self) {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start().len();
        let (blank_text, _) = rest.split_at(blank);
        self.first |= blank_text.contains('\n');
        self.at += blank;
    }

    /// Takes `length` bytes as a token that shows the bytes from `from` to `to`.
    pub(super) fn take(&mut self, kind: Kind, length: usize, shown: (usize, usize)) {
        let (from, to) = shown;
        self.lexed.tokens.push(Token {
            kind,
            text: self.text.get(from..to).unwrap_or_default(),
            at: self.at,
            first: self.first,
        });
        self.first = false;
        self.at += length;
    }

    /// Takes `length` bytes as they are.
    pub(super) fn take_whole(&mut self, kind: Kind, length: usize) {
        self.take(kind, length, (self.at, self.at + length));
    }

    /// Takes a word, if there is one.
    pub(super) fn word(&mut self, is_part: impl Fn(char) -> bool) -> bool {
        let rest = self.rest();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if length == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        self.take_whole(Kind::Word, length);
        true
    }

    /// Takes a number, if there is one.
    pub(super) fn number(&mut self) -> bool {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let mut end = 0;
        for (at, c) in rest.char_indices() {
            let is_fraction = c == '.'
                && rest
                    .get(at + 1..)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if !(c.is_alphanumeric() || c == '_' || is_fraction) {
                break;
            }
            end = at + c.len_utf8();
        }
        self.take_whole(Kind::Number, end);
        true
    }

    /// Takes a sign, whatever it is.
    pub(super) fn sign(&mut self) {
        let known = SIGNS.iter().find(|sign| self.starts(sign));
        let length = known.map_or_else(|| self.peek().map_or(1, char::len_utf8), |sign| sign.len());
        self.take_whole(Kind::Sign, length);
    }

    /// Passes over a comment to the end of the line.
    pub(super) fn line_comment(&mut self, mark: usize) {
        let rest = self.rest();
        let length = rest.find('\n').unwrap_or(rest.len());
        self.comment(length, mark, 0);
    }

    /// Passes over a comment of `length` bytes, of which `before` and `after` are its signs.
    pub(super) fn comment(&mut self, length: usize, before: usize, after: usize) {
        let end = (self.at + length).saturating_sub(after);
        let text = self.text.get(self.at + before..end).unwrap_or_default();
        self.lexed.comments.push(Comment { text, at: self.at });
        self.first |= text.contains('\n');
        self.at += length;
    }
}

/// The bytes up to the quote that ends a text, a backslash taking the next character along; `None`
/// if a text of one line does not end on it.
pub(super) fn up_to_quote(text: &str, quote: &str, over_lines: bool) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if text.get(at..).is_some_and(|rest| rest.starts_with(quote)) {
            return Some(at);
        } else if c == '\n' && !over_lines {
            return None;
        }
    }
    None
}
