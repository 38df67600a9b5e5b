//! Lines of a bounded length, numbered, and what can be wrong with one.
//!
//! Both formats are read by the line. CSV would allow a field to run over several, but no name and
//! no hash does, and so a stray quote spoils its own line instead of all that follow.

use std::io::{self, BufRead, Read};

use countersign_server::ForeignRefused;

/// The longest line, in bytes: a name, a hash, and a great many roles.
const LONGEST: usize = 8 * 1024;

/// What is wrong with a line. It never repeats what the line holds: that may be a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadLine {
    #[error("longer than {LONGEST} bytes")]
    TooLong,
    #[error("not UTF-8")]
    NotUtf8,
    #[error("not CSV")]
    NotCsv,
    #[error("{found} columns where the header has {expected}")]
    Columns { found: usize, expected: usize },
    #[error("not a JSON object of username, password_hash, roles, disabled (near column {0})")]
    NotJson(usize),
    #[error("disabled is neither true nor false")]
    Disabled,
    #[error(transparent)]
    User(#[from] ForeignRefused),
    #[error("there is another user of that name, who does not come from this line")]
    NameTaken,
}

impl BadLine {
    /// The stable code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "line_too_long",
            Self::NotUtf8 => "not_utf8",
            Self::NotCsv => "not_csv",
            Self::Columns { .. } => "wrong_columns",
            Self::NotJson(_) => "not_json",
            Self::Disabled => "bad_disabled",
            Self::User(refused) => refused.code(),
            Self::NameTaken => "username_taken",
        }
    }
}

/// The lines of a file, one at a time in one buffer.
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn of(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            number: 0,
            bytes: 0,
        }
    }

    /// The next line without its end, and its number, counted from one.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<&str, BadLine>)>> {
        self.buffer.clear();
        let limit = LONGEST as u64 + 2;
        let read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += read as u64;
        if !self.buffer.ends_with(b"\n") && read as u64 == limit {
            self.bytes += self.input.skip_until(b'\n')? as u64;
            return Ok(Some((self.number, Err(BadLine::TooLong))));
        }
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = match self.number {
            // Some programs mark UTF-8 with the bytes that others mark byte order with.
            1 => line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line),
            _ => line,
        };
        let text = match line.len() {
            0..=LONGEST => std::str::from_utf8(line).map_err(|_| BadLine::NotUtf8),
            _ => Err(BadLine::TooLong),
        };
        Ok(Some((self.number, text)))
    }

    /// The number of the line read last.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes were read.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Result<String, BadLine>> {
        let mut lines = Lines::of(bytes);
        let mut read = Vec::new();
        while let Some((_, text)) = lines.next().expect("memory can be read") {
            read.push(text.map(str::to_owned));
        }
        assert_eq!(lines.bytes(), bytes.len() as u64);
        assert_eq!(lines.number(), read.len() as u64);
        read
    }

    #[test]
    fn ends_of_every_kind_and_a_byte_order_mark_are_no_part_of_a_line() {
        let lines = read(b"\xEF\xBB\xBFone\r\ntwo\n\nfour");
        assert_eq!(
            lines,
            ["one", "two", "", "four"].map(|text| Ok(text.to_owned()))
        );
    }

    #[test]
    fn a_bad_line_is_passed_over_and_the_next_one_read() {
        let long = "x".repeat(LONGEST);
        let longer = "y".repeat(5 * LONGEST);
        let text = format!("{long}\r\n{long}x\n{longer}\nend");
        let lines = read(text.as_bytes());
        let long = Ok(long);
        let end = Ok("end".to_owned());
        assert_eq!(
            lines,
            [long, Err(BadLine::TooLong), Err(BadLine::TooLong), end]
        );
        assert_eq!(
            read(b"\xFF\nok"),
            [Err(BadLine::NotUtf8), Ok("ok".to_owned())]
        );
    }
}
