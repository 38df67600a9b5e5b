//! JSON for people: indented and coloured, every number and escape as the server wrote it.

use anstyle::Style;
use serde::de::IgnoredAny;

use crate::output::{DIM, GOOD, NAME, WARN};
use crate::printable::printable;

const INDENT: &str = "  ";

/// The text, if it is JSON.
pub(super) fn pretty(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut page = Page {
        text: String::with_capacity(text.len() * 2),
        depth: 0,
    };
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' | '[' => {
                let after = rest[1..].trim_start();
                if after.starts_with(['}', ']']) {
                    page.plain(if first == '{' { "{}" } else { "[]" });
                    rest.len() - after.len() + 1
                } else {
                    page.open(first);
                    1
                }
            }
            '}' | ']' => {
                page.close(first);
                1
            }
            ',' => {
                page.plain(",");
                page.new_line();
                1
            }
            ':' => {
                page.plain(": ");
                1
            }
            '"' => {
                let length = string_length(rest);
                let is_name = rest[length..].trim_start().starts_with(':');
                page.word(if is_name { NAME } else { GOOD }, &rest[..length]);
                length
            }
            _ => {
                let length = rest
                    .find(|c: char| matches!(c, ',' | '}' | ']') || c.is_whitespace())
                    .unwrap_or(rest.len());
                let style = if first == 'n' { DIM } else { WARN };
                page.word(style, &rest[..length]);
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Some(page.text)
}

struct Page {
    text: String,
    depth: usize,
}

impl Page {
    fn open(&mut self, bracket: char) {
        self.text.push(bracket);
        self.depth += 1;
        self.new_line();
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        self.new_line();
        self.text.push(bracket);
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&INDENT.repeat(self.depth));
    }

    fn plain(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn word(&mut self, style: Style, text: &str) {
        use std::fmt::Write as _;
        // Writing to a string does not fail.
        let _ = write!(self.text, "{style}{}{style:#}", printable(text));
    }
}

/// How long the string at the beginning is, quotes included. What is read is known to be JSON.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::pretty;

    fn plain(text: &str) -> Option<String> {
        let coloured = pretty(text)?;
        Some(anstream::adapter::strip_str(&coloured).to_string())
    }

    #[test]
    fn what_was_written_stays_and_only_the_space_changes() {
        let text =
            "{\"b\" :1.10,\"a\":[ ],\"c\":{},\"d\":[1,{\"e\":\"x\\\"},\\u00e9\"}],\"n\":null}";
        assert_eq!(
            plain(text).expect("JSON"),
            "{\n  \"b\": 1.10,\n  \"a\": [],\n  \"c\": {},\n  \"d\": [\n    1,\n    {\n      \
             \"e\": \"x\\\"},\\u00e9\"\n    }\n  ],\n  \"n\": null\n}"
        );
        assert_eq!(plain(" 12 ").expect("JSON"), "12");
        assert_eq!(plain("\"x\"").expect("JSON"), "\"x\"");
    }

    #[test]
    fn what_is_no_json_is_left_alone_and_nothing_steers_the_terminal() {
        for text in ["", "{", "{\"a\":1} x", "<html>", "{'a':1}"] {
            assert_eq!(pretty(text), None, "{text}");
        }
        let shown = plain("[\"\u{9b}2J\u{202e}\"]").expect("JSON");
        assert!(!shown.contains(['\u{9b}', '\u{202e}']), "{shown}");
    }
}
