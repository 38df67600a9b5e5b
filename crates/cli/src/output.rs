//! What is printed: data to standard output, words to standard error.
//!
//! Styles are written as if for a terminal; `anstream` takes them out where none is reading, where
//! `NO_COLOR` is set, and understands `CLICOLOR_FORCE`. Everything must read without them.

use std::io::{self, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;
use crate::nearest::nearest;

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
    if is_json() {
        return Ok(writeln!(io::stderr(), "{}", entry("INFO", text))?);
    }
    let mut words = anstream::stderr().lock();
    Ok(writeln!(words, "{text}")?)
}

/// Says what should not stay as it is.
pub(crate) fn warning(text: &str) -> Result<(), Failure> {
    if is_json() {
        return Ok(writeln!(io::stderr(), "{}", entry("WARN", text))?);
    }
    note(&format!("{WARN}warning{WARN:#}: {text}"))
}

/// Says why the command ends without success. There is nobody left to tell if that fails too.
pub(crate) fn failure(kind: &str, text: &str) {
    let _ = if is_json() {
        let text = format!("{kind}: {text}");
        writeln!(io::stderr(), "{}", entry("ERROR", &text))
    } else {
        let mut words = anstream::stderr().lock();
        writeln!(words, "{BAD}{kind}{BAD:#}: {text}")
    };
}

/// Set once, before anything is said.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Whoever reads the log as JSON reads words in between as a fault.
fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// Words as a line of the log.
fn entry(level: &str, text: &str) -> Value {
    let mut timestamp = String::new();
    // It is written into memory; without it the words are still worth having.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    let message = anstream::adapter::strip_str(text).to_string();
    json!({
        "timestamp": timestamp,
        "level": level,
        "fields": {"message": message},
        "target": "countersign",
    })
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
    // Only a second call could find it set, and there is none.
    let _ = FORMAT.set(format);
    // What was typed has been looked at.
    let filter =
        log_filter(filter).unwrap_or_else(|_| Targets::new().with_default(LevelFilter::WARN));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colour_on_stderr());
    let log = tracing_subscriber::registry().with(filter);
    // Only a second call could fail, and there is none.
    let _ = match format {
        LogFormat::Text => log.with(layer).try_init(),
        LogFormat::Json => log.with(layer.json()).try_init(),
    };
}

/// A filter as it is typed, if it is one.
pub(crate) fn log_words(text: &str) -> Result<String, String> {
    log_filter(text).map(|_| text.to_owned())
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Logs every certificate that it refuses as an error, which whoever asked then says with what to do.
const SAID_ANYWAY: &str = "rustls_platform_verifier";

/// Levels and `target=level` pairs, divided by commas.
fn log_filter(text: &str) -> Result<Targets, String> {
    let parts = text.split(',').map(str::trim);
    let nothing_twice = Targets::new().with_target(SAID_ANYWAY, LevelFilter::OFF);
    parts
        .filter(|part| !part.is_empty())
        .try_fold(nothing_twice, |filter, part| {
            let (target, level) = match part.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, part),
            };
            let level: LevelFilter = level.parse().map_err(|_| {
                let meant = nearest(&level.to_ascii_lowercase(), LEVELS.into_iter());
                let meant = meant.map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
                format!("`{level}` is none of {}{meant}", LEVELS.join(", "))
            })?;
            Ok(match target {
                Some(target) => filter.with_target(target, level),
                None => filter.with_default(level),
            })
        })
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
    fn a_log_filter_is_levels_and_targets() {
        use tracing::Level;
        let filter = log_filter("warn, countersign=info,,countersign_server=off").expect("good");
        for (target, level, is_logged) in [
            ("hyper", Level::WARN, true),
            ("hyper", Level::INFO, false),
            ("countersign::x", Level::INFO, true),
            ("countersign_guard", Level::INFO, true),
            ("countersign_server::flow", Level::ERROR, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), is_logged, "{target}");
        }
        for (wrong, meant) in [
            ("inof", "did you mean `info`?"),
            ("countersign=Dbug", "did you mean `debug`?"),
            ("countersign", "debug, trace"),
            ("countersign=loud", "debug, trace"),
        ] {
            let problem = log_filter(wrong).expect_err(wrong);
            assert!(problem.contains("none of off, error"), "{problem}");
            assert!(problem.ends_with(meant), "{problem}");
        }
        assert!(log_filter("").is_ok());
    }

    #[test]
    fn text_keeps_within_its_room() {
        assert_eq!(folded("one two three", 7), ["one two", "three"]);
        assert_eq!(folded("enormous", 3), ["enormous"]);
        assert_eq!(clipped("abcdefgh", 6), "abc...");
        assert_eq!(clipped("abcdef", 6), "abcdef");
    }
}
