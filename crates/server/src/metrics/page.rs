//! The text format of Prometheus (version 0.0.4), written.

use std::fmt::{Display, Write as _};

use super::family::{Family, Kind, LabelName};
use super::label::Label;
use super::number::{Counters, Histogram};

/// What an answer with a [`Page`] is declared as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Numbers as they are scraped.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

/// The numbers of one family, on their way to the page.
#[derive(Debug)]
pub struct Samples<'p> {
    page: &'p mut Page,
    family: &'static Family,
}

impl Page {
    /// The next family. What it says of itself comes first.
    pub fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let Family { name, means, .. } = family;
        let kind = family.kind.name();
        let _ = write!(self.text, "# HELP {name} {means}.\n# TYPE {name} {kind}\n");
        Samples { page: self, family }
    }

    /// The page.
    pub fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, name: &str, end: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{name}{end}");
        for (at, (name, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => self.text.push_str(r"\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str(r"\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {value}");
    }
}

impl Samples<'_> {
    /// One number; the labels' values in the order of their names.
    pub fn is(&mut self, labels: &[&str], value: impl Display) -> &mut Self {
        debug_assert_ne!(self.family.kind, Kind::Histogram);
        let labels = self.named(labels);
        self.page.line(self.family.name, "", &labels, value);
        self
    }

    /// One number for each value of the last label.
    pub fn are<L: Label>(&mut self, labels: &[&str], counts: &Counters<L>) -> &mut Self {
        for (value, count) in counts.read() {
            self.is(&[labels, &[value]].concat(), count);
        }
        self
    }

    /// A histogram's numbers.
    pub fn spread(&mut self, labels: &[&str], histogram: &Histogram) -> &mut Self {
        debug_assert_eq!(self.family.kind, Kind::Histogram);
        let (name, labels) = (self.family.name, self.named(labels));
        let mut all = 0;
        for (bound, count) in histogram.buckets() {
            let bound = if bound.is_infinite() {
                "+Inf".to_owned()
            } else {
                bound.to_string()
            };
            let labels = [&labels[..], &[("le", bound.as_str())]].concat();
            self.page.line(name, "_bucket", &labels, count);
            all = count;
        }
        self.page.line(name, "_sum", &labels, histogram.sum());
        self.page.line(name, "_count", &labels, all);
        self
    }

    fn named<'v>(&self, values: &[&'v str]) -> Vec<(&'static str, &'v str)> {
        let names = self
            .family
            .labels
            .iter()
            .map(|LabelName { name, .. }| *name);
        debug_assert_eq!(
            self.family.labels.len(),
            values.len(),
            "{}",
            self.family.name
        );
        names.zip(values.iter().copied()).collect()
    }
}
