//! JavaScript and TypeScript, Go, Java, Rust: what they have in common, and where they differ.

use alloc::vec::Vec;

use super::cursor::{Cursor, up_to_quote};
use super::{Kind, Lexed, Token};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    JavaScript,
    Go,
    Java,
    Rust,
}

/// After these words a slash begins a regular expression and divides nothing.
const BEFORE_AN_EXPRESSION: [&str; 10] = [
    "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "await",
];

pub(super) fn lex(text: &str, dialect: Dialect) -> Lexed<'_> {
    let mut lexer = Lexer {
        cursor: Cursor::new(text),
        dialect,
        templates: Vec::new(),
        depth: 0,
    };
    if text.starts_with("#!") && dialect == Dialect::JavaScript {
        lexer.cursor.line_comment(2);
    }
    while lexer.step() {}
    lexer.cursor.lexed
}

struct Lexer<'a> {
    cursor: Cursor<'a>,
    dialect: Dialect,
    /// For each template that is being read, how many braces were open when its hole began.
    templates: Vec<usize>,
    /// How many braces are open.
    depth: usize,
}

impl Lexer<'_> {
    fn step(&mut self) -> bool {
        self.cursor.space();
        let Some(next) = self.cursor.peek() else {
            return false;
        };
        let taken = self.comment()
            || match next {
                '"' => self.double_quoted(),
                '\'' => self.single_quoted(),
                '`' => self.backquoted(),
                '/' if self.dialect == Dialect::JavaScript => self.regular_expression(),
                'r' | 'b' | 'c' if self.dialect == Dialect::Rust => self.rust_text(),
                '{' | '}' => self.brace(next),
                _ => false,
            }
            || self.cursor.number()
            || self.word();
        if !taken {
            self.cursor.sign();
        }
        true
    }

    fn word(&mut self) -> bool {
        let more = self.dialect == Dialect::JavaScript;
        self.cursor
            .word(|c| c.is_alphanumeric() || c == '_' || (more && (c == '$' || c == '#')))
    }

    fn comment(&mut self) -> bool {
        if self.cursor.starts("//") {
            self.cursor.line_comment(2);
        } else if self.cursor.starts("/*") {
            let length = block_comment(self.cursor.rest(), self.dialect == Dialect::Rust);
            self.cursor.comment(length, 2, 2);
        } else {
            return false;
        }
        true
    }

    fn double_quoted(&mut self) -> bool {
        if self.dialect == Dialect::Java && self.cursor.starts("\"\"\"") {
            return self.quoted("\"\"\"", true);
        }
        self.quoted("\"", self.dialect == Dialect::Rust)
    }

    fn single_quoted(&mut self) -> bool {
        if self.dialect == Dialect::Rust {
            let mut next = self.cursor.rest().chars().skip(1);
            let (one, other) = (next.next(), next.next());
            // A lifetime is a sign and a word.
            if one != Some('\\') && other != Some('\'') {
                return false;
            }
        }
        self.quoted("'", false)
    }

    fn quoted(&mut self, quote: &str, over_lines: bool) -> bool {
        let size = quote.len();
        let content = self.cursor.rest().get(size..).unwrap_or_default();
        let Some(length) = up_to_quote(content, quote, over_lines) else {
            return false;
        };
        let from = self.cursor.at + size;
        self.cursor
            .take(Kind::Text, length + 2 * size, (from, from + length));
        true
    }

    fn backquoted(&mut self) -> bool {
        match self.dialect {
            Dialect::JavaScript => self.template(1),
            Dialect::Go => {
                let content = &self.cursor.rest()[1..];
                let Some(length) = content.find('`') else {
                    return false;
                };
                let from = self.cursor.at + 1;
                self.cursor
                    .take(Kind::Text, length + 2, (from, from + length));
                true
            }
            Dialect::Java | Dialect::Rust => false,
        }
    }

    /// Takes a template from `skip` bytes on, up to its end or its next hole.
    fn template(&mut self, skip: usize) -> bool {
        let content = self.cursor.rest().get(skip..).unwrap_or_default();
        let hole = up_to_quote(content, "${", true);
        let end = up_to_quote(content, "`", true);
        let from = self.cursor.at + skip;
        match (hole, end) {
            (Some(hole), Some(end)) if hole < end => {
                self.cursor
                    .take(Kind::Composed, skip + hole, (from, from + hole));
                self.cursor.take_whole(Kind::Sign, 2);
                self.templates.push(self.depth);
                true
            }
            (_, Some(end)) => {
                let kind = if skip == 1 {
                    Kind::Text
                } else {
                    Kind::Composed
                };
                self.cursor.take(kind, skip + end + 1, (from, from + end));
                true
            }
            (_, None) => false,
        }
    }

    fn brace(&mut self, brace: char) -> bool {
        if brace == '{' {
            self.depth += 1;
        } else if self.templates.last() == Some(&self.depth) {
            self.templates.pop();
            self.cursor.take_whole(Kind::Sign, 1);
            return self.template(0);
        } else {
            self.depth = self.depth.saturating_sub(1);
        }
        self.cursor.take_whole(Kind::Sign, 1);
        true
    }

    fn regular_expression(&mut self) -> bool {
        if self.cursor.lexed.tokens.last().is_some_and(ends_a_value) {
            return false;
        }
        let rest = self.cursor.rest();
        let (mut escaped, mut in_class) = (false, false);
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                '\n' => return false,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    self.cursor.take_whole(Kind::Composed, at + 1);
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// `b"a"`, `r"a"`, `br#"a"#`, `c"a"`.
    fn rust_text(&mut self) -> bool {
        let rest = self.cursor.rest();
        let prefix = rest.find(|c| !"rbc".contains(c)).unwrap_or(0);
        let (letters, body) = rest.split_at(prefix);
        if prefix == 0 || prefix > 2 {
            return false;
        }
        let hashes = body.len() - body.trim_start_matches('#').len();
        let Some(content) = body[hashes..].strip_prefix('"') else {
            return false;
        };
        let before = prefix + hashes + 1;
        let length = if letters.contains('r') {
            let end = core::iter::once('"')
                .chain(core::iter::repeat_n('#', hashes))
                .collect::<alloc::string::String>();
            content.find(&end)
        } else {
            up_to_quote(content, "\"", true)
        };
        let Some(length) = length else {
            return false;
        };
        let from = self.cursor.at + before;
        let whole = before + length + 1 + hashes;
        self.cursor.take(Kind::Text, whole, (from, from + length));
        true
    }
}

/// Whether a slash after it divides.
fn ends_a_value(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Word => !BEFORE_AN_EXPRESSION.contains(&token.text),
        Kind::Text | Kind::Composed | Kind::Number => true,
        Kind::Sign => matches!(token.text, ")" | "]" | "}"),
    }
}

/// The length of a comment, to the end of the text if it has no end; in Rust they nest.
fn block_comment(text: &str, nests: bool) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && !rest.is_empty()
    {
        if rest.starts_with("/*") && (nests || depth == 0) {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}
