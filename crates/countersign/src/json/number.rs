//! Numbers by the grammar of RFC 8259 §6.

use super::JsonError;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

/// Reads the number that starts at `start`; gives it and where it ends.
///
/// A whole number that 64 bits cannot hold becomes a float; one that no float can hold is refused.
pub(super) fn read(text: &str, start: usize) -> Result<(Number, usize), JsonError> {
    let bytes = text.as_bytes();
    let negative = bytes.get(start) == Some(&b'-');
    let digits = start + usize::from(negative);
    let (whole, mut end) = whole(bytes, digits)?;
    let mut integer = whole;
    if bytes.get(end) == Some(&b'.') {
        end = some_digits(bytes, end + 1)?;
        integer = None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = some_digits(bytes, end + 1 + sign)?;
        integer = None;
    }
    let number = match integer {
        Some(value) if !negative => Number::Positive(value),
        Some(value) if value > 0 => match 0i64.checked_sub_unsigned(value) {
            Some(value) => Number::Negative(value),
            None => float(text, start, end)?,
        },
        _ => float(text, start, end)?,
    };
    Ok((number, end))
}

/// The digits before the point: their value, if 64 bits hold it, and where they end.
fn whole(bytes: &[u8], start: usize) -> Result<(Option<u64>, usize), JsonError> {
    let end = some_digits(bytes, start)?;
    let digits = bytes.get(start..end).unwrap_or_default();
    if digits.len() > 1 && digits.first() == Some(&b'0') {
        return Err(JsonError::Syntax);
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    Ok((value, end))
}

/// Skips at least one digit.
fn some_digits(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let count = bytes
        .get(start..)
        .unwrap_or_default()
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    if count == 0 {
        Err(JsonError::Syntax)
    } else {
        Ok(start + count)
    }
}

fn float(text: &str, start: usize, end: usize) -> Result<Number, JsonError> {
    let value: f64 = text
        .get(start..end)
        .and_then(|digits| digits.parse().ok())
        .ok_or(JsonError::Syntax)?;
    if value.is_finite() {
        Ok(Number::Float(value))
    } else {
        Err(JsonError::Syntax)
    }
}
