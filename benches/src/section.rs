//! The text that a bench prints: one section of `docs/benchmarks.md`.

use std::fmt::Write as _;

use crate::{machine, quick};

/// A section under way.
#[derive(Clone, Debug)]
pub struct Section {
    text: String,
    bars: Vec<Bar>,
}

/// Something the project has set itself to reach, and what was reached.
#[derive(Clone, Debug)]
pub struct Bar {
    says: String,
    reached: String,
    met: bool,
}

impl Bar {
    /// `reached` should not be less than `least`.
    pub fn at_least(says: impl Into<String>, reached: f64, least: f64) -> Self {
        Self::new(says, "at least", reached, least, reached >= least)
    }

    /// `reached` should not be more than `most`.
    pub fn at_most(says: impl Into<String>, reached: f64, most: f64) -> Self {
        Self::new(says, "at most", reached, most, reached <= most)
    }

    fn new(says: impl Into<String>, side: &str, reached: f64, limit: f64, met: bool) -> Self {
        Self {
            says: format!("{}: {side} {}", says.into(), number(limit)),
            reached: number(reached),
            met,
        }
    }
}

impl Section {
    /// Begins one.
    pub fn new(heading: &str) -> Self {
        Self {
            text: format!("## {heading}\n"),
            bars: Vec::new(),
        }
    }

    /// A paragraph: what was measured and how, or what came of it.
    pub fn says(&mut self, paragraph: impl AsRef<str>) -> &mut Self {
        let words = paragraph.as_ref().split_whitespace();
        let mut width = 0;
        self.text.push('\n');
        for word in words {
            if width > 0 && width + 1 + word.len() > 110 {
                self.text.push('\n');
                width = 0;
            } else if width > 0 {
                self.text.push(' ');
                width += 1;
            }
            self.text.push_str(word);
            width += word.len();
        }
        self.text.push('\n');
        self
    }

    /// A table: its head, and its rows. The first column stands left, the others right.
    pub fn table<R: AsRef<[String]>>(
        &mut self,
        head: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> &mut Self {
        let right = "---:|".repeat(head.len().saturating_sub(1));
        let _ = writeln!(self.text, "\n| {} |\n|---|{right}", head.join(" | "));
        for row in rows {
            let _ = writeln!(self.text, "| {} |", row.as_ref().join(" | "));
        }
        self
    }

    /// A bar, for the list at the end.
    pub fn bar(&mut self, bar: Bar) -> &mut Self {
        self.bars.push(bar);
        self
    }

    /// Prints it to stdout.
    #[expect(clippy::print_stdout, reason = "this is what a bench prints")]
    pub fn print(&self) {
        print!("{}", self.finished());
    }

    fn finished(&self) -> String {
        let mut text = self.text.clone();
        if !self.bars.is_empty() {
            text.push_str("\n| bar | reached | |\n|---|---:|---|\n");
        }
        for bar in &self.bars {
            let verdict = if bar.met { "met" } else { "**missed**" };
            let _ = writeln!(text, "| {} | {} | {verdict} |", bar.says, bar.reached);
        }
        let day = jiff::Timestamp::now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let quick = if quick() {
            "; a quick run, whose numbers mean nothing"
        } else {
            ""
        };
        let _ = writeln!(text, "\n{day}, {}{quick}.", machine::description());
        text
    }
}

/// A number with about three digits that count.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 || (size - size.round()).abs() < 1e-9 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ => 3,
    };
    let plain = format!("{value:.decimals$}");
    let whole = plain
        .trim_start_matches('-')
        .split('.')
        .next()
        .unwrap_or("");
    if whole.len() < 5 {
        return plain;
    }
    let grouped: Vec<&str> = whole
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|digits| std::str::from_utf8(digits).unwrap_or_default())
        .collect();
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped.join(","))
}

/// Microseconds, in the unit one reads them best in.
pub fn time(microseconds: f64) -> String {
    if microseconds >= 1000.0 {
        format!("{} ms", number(microseconds / 1000.0))
    } else {
        format!("{} us", number(microseconds))
    }
}
