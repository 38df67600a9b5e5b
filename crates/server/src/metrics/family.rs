//! What a number is: its name, its labels and what it means. The page that is scraped and the page
//! of the documentation are written from the same definitions.

use std::fmt::Write as _;

/// Numbers of one name.
#[derive(Debug)]
pub struct Family {
    /// As Prometheus has it: the unit at its end, `_total` for what only grows.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What tells its numbers apart.
    pub labels: &'static [LabelName],
    /// What it counts, in a sentence without a full stop.
    pub means: &'static str,
    /// What an operator does with it; empty if there is nothing to say.
    pub watch: &'static str,
}

/// How a number behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from zero at the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often what was measured fell below each of a few bounds.
    Histogram,
}

/// A label.
#[derive(Debug)]
pub struct LabelName {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub values: Values,
}

/// What a label can be. Either way it is known to whoever runs the server, and never what somebody
/// sent.
#[derive(Debug)]
pub enum Values {
    /// One of these.
    Listed(&'static [&'static str]),
    /// What these words say.
    Told(&'static str),
}

impl Kind {
    /// As in the line `# TYPE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    /// Its section of the reference page.
    pub fn reference(&self) -> String {
        let mut text = format!(
            "### {}\n\n{}. A {}",
            self.name,
            self.means,
            self.kind.name()
        );
        if let Some(unit) = self.unit() {
            let _ = write!(text, ", in {unit}");
        }
        text.push_str(".\n");
        if !self.labels.is_empty() {
            text.push_str("\n| label | values |\n| --- | --- |\n");
        }
        for LabelName { name, values } in self.labels {
            let values = match values {
                Values::Listed(values) => {
                    let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
                    values.join(", ")
                }
                Values::Told(words) => (*words).to_owned(),
            };
            let _ = writeln!(text, "| `{name}` | {values} |");
        }
        if !self.watch.is_empty() {
            let _ = write!(text, "\n{}\n", self.watch);
        }
        text
    }

    fn unit(&self) -> Option<&'static str> {
        let units = [("seconds", "seconds"), ("bytes", "bytes")];
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        units
            .into_iter()
            .find(|(end, _)| name.ends_with(end))
            .map(|(_, unit)| unit)
    }
}
