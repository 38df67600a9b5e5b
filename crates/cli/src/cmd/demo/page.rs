//! How the story is told: numbered steps, what was sent, what came back, what it shows.
//!
//! Eighty columns; colours help and are never needed.

use std::time::Instant;

use crate::failure::Failure;
use crate::output::{self, BAD, BOLD, DIM, GOOD, NAME, clipped, folded, styled};

const WIDTH: usize = 80;
/// Where the text of a step begins.
const INDENT: &str = "      ";

pub(super) struct Page {
    step: usize,
    started: Instant,
}

impl Page {
    pub(super) fn new() -> Self {
        let (step, started) = (0, Instant::now());
        Self { step, started }
    }

    /// Opens the next step.
    pub(super) fn step(&mut self, title: &str) -> Result<(), Failure> {
        self.step += 1;
        output::line(&format!(
            "\n {DIM}{:>2}{DIM:#}   {BOLD}{title}{BOLD:#}",
            self.step
        ))
    }

    /// What the step shows, if it held; the end of the story if it did not.
    pub(super) fn shows(&self, held: bool, text: &str) -> Result<(), Failure> {
        let (mark, style) = if held { ("ok", GOOD) } else { ("NO", BAD) };
        let mut lines = folded(text, WIDTH - INDENT.len() - 3).into_iter();
        let first = lines.next().unwrap_or_default();
        output::line(&format!("{INDENT}{style}{mark}{style:#} {first}"))?;
        lines.try_for_each(|line| output::line(&format!("{INDENT}   {line}")))?;
        if held {
            return Ok(());
        }
        Err(Failure::failed(format!("step {} did not hold", self.step)))
    }

    pub(super) fn the_end(&self) -> Result<(), Failure> {
        let seconds = self.started.elapsed().as_secs_f32();
        output::line(&format!(
            "\n{GOOD}All {} steps held{GOOD:#}, in {seconds:.1} s.",
            self.step
        ))
    }
}

/// What is sent, and to whom.
pub(super) fn sends(to: &str, request: &str) -> Result<(), Failure> {
    let room = WIDTH - INDENT.len() - 10;
    let request = clipped(request, room);
    output::line(&format!(
        "{INDENT}{DIM}->{DIM:#} {NAME}{to:6}{NAME:#} {request}"
    ))
}

/// What came back.
pub(super) fn answers(status: u16, text: &str) -> Result<(), Failure> {
    let room = WIDTH - INDENT.len() - 10;
    let mut lines = folded(text, room).into_iter();
    let first = lines.next().unwrap_or_default();
    output::line(format!("{INDENT}{DIM}<-{DIM:#} {BOLD}{status}{BOLD:#}    {first}").trim_end())?;
    lines.try_for_each(|line| output::line(&format!("{INDENT}          {line}")))
}

/// A name and its value, one of several.
pub(super) fn entry(name: &str, value: &str) -> Result<(), Failure> {
    let value = clipped(value.trim_end(), WIDTH - INDENT.len() - 24);
    output::line(format!("{INDENT}  {NAME}{name:18}{NAME:#}  {value}").trim_end())
}

/// Something to know before what follows.
pub(super) fn aside(text: &str) -> Result<(), Failure> {
    folded(text, WIDTH - INDENT.len())
        .iter()
        .try_for_each(|line| output::line(&format!("{INDENT}{}", styled(DIM, line))))
}
