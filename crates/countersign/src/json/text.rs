//! Strings by the grammar of RFC 8259 §7.

use alloc::borrow::Cow;
use alloc::string::String;

use super::error::JsonError;
use crate::find::{self, HIGH, ONES, zeros};

/// Whether every string in the text stands for itself and goes on to the next quote: there is no
/// backslash anywhere, nor a character that no string may have. So it is in nearly every token.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let stands = |byte: &u8| *byte >= b' ' && *byte != b'\\';
    // Without a way out inside a chunk the compiler looks at many characters at once.
    bytes
        .chunks(64)
        .all(|chunk| chunk.iter().fold(true, |plain, byte| plain & stands(byte)))
}

/// Reads the string whose first character (after the quote) stands at `start`; gives it and where
/// the text goes on after the closing quote. Borrowed unless there is an escape in it.
pub(super) fn read(text: &str, start: usize) -> Result<(Cow<'_, str>, usize), JsonError> {
    let bytes = text.as_bytes();
    let end = plain_end(bytes, start);
    match bytes.get(end) {
        Some(b'"') => {
            let plain = text.get(start..end).ok_or(JsonError::Syntax)?;
            Ok((Cow::Borrowed(plain), end + 1))
        }
        Some(b'\\') => {
            let (value, end) = unescape(text, start)?;
            Ok((Cow::Owned(value), end))
        }
        _ => Err(JsonError::Syntax),
    }
}

/// Where the run of characters that stand for themselves ends: at a quote, a backslash, a control
/// character or the end of the text. Looks at eight bytes at a time.
fn plain_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let special = specials(u64::from_le_bytes(*chunk));
        if special != 0 {
            return at + find::first(special);
        }
        at += 8;
    }
    while bytes
        .get(at)
        .is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f))
    {
        at += 1;
    }
    at
}

/// Marks (with their highest bits) the bytes of `word` that are a quote, a backslash or below 0x20.
/// Marks above the lowest one may be wrong, which is why only the lowest is used.
const fn specials(word: u64) -> u64 {
    let is_quote = zeros(word ^ (ONES * 0x22));
    let is_backslash = zeros(word ^ (ONES * 0x5c));
    let is_control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    is_quote | is_backslash | is_control
}

#[cold]
fn unescape(text: &str, start: usize) -> Result<(String, usize), JsonError> {
    let bytes = text.as_bytes();
    let mut value = String::new();
    let mut at = start;
    loop {
        let end = plain_end(bytes, at);
        value.push_str(text.get(at..end).ok_or(JsonError::Syntax)?);
        match bytes.get(end) {
            Some(b'"') => return Ok((value, end + 1)),
            Some(b'\\') => at = escape(bytes, end + 1, &mut value)?,
            _ => return Err(JsonError::Syntax),
        }
    }
}

/// Resolves the escape whose letter stands at `at`; gives where the text goes on.
fn escape(bytes: &[u8], at: usize, value: &mut String) -> Result<usize, JsonError> {
    let plain = match bytes.get(at) {
        Some(b'u') => {
            let (character, end) = unicode(bytes, at + 1)?;
            value.push(character);
            return Ok(end);
        }
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        _ => return Err(JsonError::Syntax),
    };
    value.push(plain);
    Ok(at + 1)
}

/// Four hex digits, or two times four for a character outside the basic plane.
fn unicode(bytes: &[u8], at: usize) -> Result<(char, usize), JsonError> {
    let first = hex4(bytes, at)?;
    let at = at + 4;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, at));
    }
    if first >= 0xdc00 || bytes.get(at..at + 2) != Some(b"\\u") {
        return Err(JsonError::Syntax);
    }
    let second = hex4(bytes, at + 2)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(JsonError::Syntax);
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    char::from_u32(code)
        .map(|character| (character, at + 6))
        .ok_or(JsonError::Syntax)
}

fn hex4(bytes: &[u8], at: usize) -> Result<u32, JsonError> {
    let digits = bytes.get(at..at + 4).ok_or(JsonError::Syntax)?;
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(JsonError::Syntax)?;
        Ok(value << 4 | digit)
    })
}
