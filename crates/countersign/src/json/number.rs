//! Numbers by the grammar of RFC 8259 §6.

use super::error::JsonError;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

/// Reads the number that starts at `start`; gives it and where it ends.
///
/// A whole number that 64 bits cannot hold becomes a float; one that no float can hold is refused.
#[inline]
pub(super) fn read(text: &str, start: usize) -> Result<(Number, usize), JsonError> {
    let bytes = text.as_bytes();
    // Dates and most other numbers: digits, few enough not to overflow, and then no more.
    let mut value = 0u64;
    let mut at = start;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at).copied() {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    let digits = at - start;
    let plain = !matches!(bytes.get(at), Some(b'.' | b'e' | b'E'));
    let leads_with_zero = digits > 1 && bytes.get(start) == Some(&b'0');
    if plain && (1..=19).contains(&digits) && !leads_with_zero {
        return Ok((Number::Positive(value), at));
    }
    any(text, start)
}

/// The whole grammar.
#[cold]
fn any(text: &str, start: usize) -> Result<(Number, usize), JsonError> {
    let bytes = text.as_bytes();
    let negative = bytes.get(start) == Some(&b'-');
    let digits = start + usize::from(negative);
    let mut end = some_digits(bytes, digits)?;
    let mut is_whole = true;
    if end - digits > 1 && bytes.get(digits) == Some(&b'0') {
        return Err(JsonError::Syntax);
    }
    if bytes.get(end) == Some(&b'.') {
        end = some_digits(bytes, end + 1)?;
        is_whole = false;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = some_digits(bytes, end + 1 + sign)?;
        is_whole = false;
    }
    let spelling = text.get(start..end).ok_or(JsonError::Syntax)?;
    if is_whole && spelling != "-0" {
        if let Ok(value) = spelling.parse() {
            return Ok((Number::Positive(value), end));
        }
        if let Ok(value) = spelling.parse() {
            return Ok((Number::Negative(value), end));
        }
    }
    match spelling.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Number::Float(value), end)),
        _ => Err(JsonError::Syntax),
    }
}

/// Skips at least one digit.
fn some_digits(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let rest = bytes.get(start..).unwrap_or_default();
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        Err(JsonError::Syntax)
    } else {
        Ok(start + count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_kind() {
        for (text, number) in [
            ("0", Number::Positive(0)),
            ("1763700000", Number::Positive(1_763_700_000)),
            ("18446744073709551615", Number::Positive(u64::MAX)),
            (
                "18446744073709551616",
                Number::Float(18_446_744_073_709_551_616.0),
            ),
            ("-1", Number::Negative(-1)),
            ("-9223372036854775808", Number::Negative(i64::MIN)),
            ("-0", Number::Float(-0.0)),
            ("1.5e1", Number::Float(15.0)),
            ("1E+2", Number::Float(100.0)),
        ] {
            assert_eq!(read(text, 0), Ok((number, text.len())), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "", "-", "01", "-01", "1.", "1.e1", ".5", "1e", "1e+", "+1", "1e999", "NaN",
        ] {
            assert_eq!(read(text, 0), Err(JsonError::Syntax), "{text:?}");
        }
    }
}
