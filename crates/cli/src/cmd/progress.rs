//! A bar that moves while something long goes on. It is drawn on a terminal and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::output;

/// The bar of one command, on standard error.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar that is full at `total`; without one, a sign of life.
    pub(crate) fn of(total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "[{bar:32}] {percent:>3} %  {msg}  {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "{spinner}  {msg}"),
        };
        // The templates are ours, and right; a wrong one would leave the plain bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// How far it has come, and what to say beside the bar.
    pub(crate) fn at(&self, position: u64, words: String) {
        self.0.set_position(position);
        self.0.set_message(words);
    }

    /// The same, when the total is known only on the way.
    pub(crate) fn at_of(&self, position: u64, total: u64, words: String) {
        self.0.set_length(total);
        self.at(position, words);
    }

    /// Says something above the bar.
    pub(crate) fn note(&self, text: &str) -> Result<(), Failure> {
        self.0.suspend(|| output::note(text))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
