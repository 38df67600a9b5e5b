//! What is printed: data to standard output, words to standard error.
//!
//! Styles are written as if for a terminal; `anstream` takes them out where none is reading, where
//! `NO_COLOR` is set, and understands `CLICOLOR_FORCE`. Everything must read without them.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs: a JSON object a line
    Json,
}

/// What is less important.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What the eye should find.
pub(crate) const BOLD: Style = Style::new().bold();
/// It is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Look twice.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// It is not as it should be.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// A name, a key, a part.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();

/// `text` in `style`.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes a line of data.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes data as it is.
pub(crate) fn raw(data: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(data)?;
    Ok(out.flush()?)
}

/// Writes data as JSON, indented.
pub(crate) fn json<T: Serialize + ?Sized>(data: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(data).map_err(Failure::failed)?;
    line(&text)
}

/// Says something about what is going on.
pub(crate) fn note(text: &str) -> Result<(), Failure> {
    let mut words = anstream::stderr().lock();
    Ok(writeln!(words, "{text}")?)
}

/// Says what should not stay as it is.
pub(crate) fn warning(text: &str) -> Result<(), Failure> {
    note(&format!("{WARN}warning{WARN:#}: {text}"))
}

/// Says why the command ends without success. There is nobody left to tell if that fails too.
pub(crate) fn failure(kind: &str, text: &str) {
    let mut words = anstream::stderr().lock();
    let _ = writeln!(words, "{BAD}{kind}{BAD:#}: {text}");
}

/// A token as it may be shown: enough to tell two apart, too little to use.
pub(crate) fn shortened(token: &str) -> String {
    let tail = token.len().saturating_sub(6);
    match (token.get(..6), token.get(tail..)) {
        (Some(head), Some(tail)) if token.len() > 24 => format!("{head}...{tail}"),
        _ => "...".to_owned(),
    }
}

/// The beginning, if the whole is longer than `room`.
pub(crate) fn clipped(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(3)).collect();
    format!("{kept}...")
}

/// Breaks at spaces, so that no line is longer than `room` unless a word is.
pub(crate) fn folded(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Logs go to standard error.
pub(crate) fn start_logging(filter: &str, format: LogFormat) {
    let (filter, complaint) = match EnvFilter::try_new(filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("warn"), Some(error)),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colour_on_stderr());
    // Only a second call could fail, and there is none.
    let _ = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    if let Some(error) = complaint {
        failure(
            "warning",
            &format!("the log filter is not understood: {error}"),
        );
    }
}

fn colour_on_stderr() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_token_cannot_be_used() {
        let token = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl";
        assert_eq!(shortened(token), "eyJhbG...F0dXJl");
        assert_eq!(shortened("short"), "...");
    }

    #[test]
    fn text_keeps_within_its_room() {
        assert_eq!(folded("one two three", 7), ["one two", "three"]);
        assert_eq!(folded("enormous", 3), ["enormous"]);
        assert_eq!(clipped("abcdefgh", 6), "abc...");
        assert_eq!(clipped("abcdef", 6), "abcdef");
    }
}
