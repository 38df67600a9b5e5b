//! Python.

use super::cursor::{Cursor, up_to_quote};
use super::{Kind, Lexed};

pub(super) fn lex(text: &str) -> Lexed<'_> {
    let mut cursor = Cursor::new(text);
    loop {
        cursor.space();
        let Some(next) = cursor.peek() else {
            return cursor.lexed;
        };
        if next == '#' {
            cursor.line_comment(1);
        } else if next == '\\'
            && cursor.rest()[1..]
                .trim_start_matches('\r')
                .starts_with('\n')
        {
            // The line goes on; what follows is not the first of a line.
            let after = cursor.rest().find('\n').unwrap_or(0) + 1;
            cursor.at += after;
            let rest = cursor.rest();
            cursor.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        } else if !(text_literal(&mut cursor)
            || cursor.number()
            || cursor.word(|c| c.is_alphanumeric() || c == '_'))
        {
            cursor.sign();
        }
    }
}

/// A text with its prefix: `'a'`, `b"a"`, `f"{a}"`, `r'''a'''`.
fn text_literal(cursor: &mut Cursor<'_>) -> bool {
    let rest = cursor.rest();
    let prefix = rest
        .find(|c: char| !"rRbBuUfFtT".contains(c))
        .filter(|length| *length <= 2)
        .unwrap_or(0);
    let (prefix, body) = rest.split_at(prefix);
    let Some(quote) = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| body.starts_with(quote))
    else {
        return false;
    };
    let content = &body[quote.len()..];
    let Some(length) = up_to_quote(content, quote, quote.len() == 3) else {
        return false;
    };
    let composed = prefix.contains(['f', 'F', 't', 'T']) && content[..length].contains('{');
    let kind = if composed { Kind::Composed } else { Kind::Text };
    let from = cursor.at + prefix.len() + quote.len();
    let whole = prefix.len() + quote.len() * 2 + length;
    cursor.take(kind, whole, (from, from + length));
    true
}
