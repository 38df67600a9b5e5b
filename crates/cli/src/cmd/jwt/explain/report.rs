//! The report: the verdict, then one line a check, for people or for programs.

use anstyle::Style;
use serde_json::{Value, json};

use super::Verdict;
use super::check::{Check, Outcome};
use super::facts::Facts;
use crate::failure::Failure;
use crate::output::{self, BAD, BOLD, DIM, GOOD, NAME, WARN, folded};
use crate::reason;

const WIDTH: usize = 80;
/// Where the text of a check begins.
const COLUMN: usize = 21;

pub(super) fn print(
    checks: &[Check],
    verdict: &Verdict,
    facts: Option<&Facts>,
    as_json: bool,
) -> Result<(), Failure> {
    let clock = facts.and_then(|facts| facts.clock);
    if as_json {
        let (accepted, reason) = match verdict {
            Verdict::Accepted => (Some(true), None),
            Verdict::Refused { reason } => (Some(false), Some(*reason)),
            Verdict::Unknown { .. } => (None, None),
        };
        return output::json(&json!({
            "accepted": accepted,
            "reason": reason,
            "checks": checks.iter().map(json_of).collect::<Vec<_>>(),
            "clock": clock.map(super::clock::Difference::json),
        }));
    }
    headline(checks, verdict)?;
    output::line("")?;
    for check in checks {
        line(check)?;
    }
    if let Some(clock) = clock {
        let style = if clock.is_real() { WARN } else { DIM };
        output::line("")?;
        output::line(&format!(
            "  {style}clock{style:#}   this machine's clock is {}",
            clock.words()
        ))?;
    }
    links(checks)
}

/// Where each reason is explained, once.
fn links(checks: &[Check]) -> Result<(), Failure> {
    let mut reasons: Vec<_> = checks.iter().filter_map(Check::failure).collect();
    reasons.dedup();
    if !reasons.is_empty() {
        output::line("")?;
    }
    for explained in reasons.into_iter().filter_map(reason::explained) {
        output::line(&format!("  {DIM}{}{DIM:#}", explained.link()))?;
    }
    Ok(())
}

fn headline(checks: &[Check], verdict: &Verdict) -> Result<(), Failure> {
    let failures = checks.iter().filter(|check| check.failure().is_some());
    let more = match failures.count() {
        0 | 1 => String::new(),
        2 => ", and one check more fails".to_owned(),
        all => format!(", and {} checks more fail", all - 1),
    };
    let unjudged = checks
        .iter()
        .any(|check| check.outcome == Outcome::NotJudged);
    let but = if unjudged {
        ", as far as it was judged"
    } else {
        ""
    };
    output::line(&match verdict {
        Verdict::Accepted => format!("{GOOD}would be accepted{GOOD:#}{but}"),
        Verdict::Refused { reason } => {
            format!("{BAD}would be refused{BAD:#}: {BOLD}{reason}{BOLD:#}{more}")
        }
        Verdict::Unknown { .. } => {
            format!("{WARN}cannot be said{WARN:#}: nothing fails, but not all could be checked")
        }
    })
}

fn line(check: &Check) -> Result<(), Failure> {
    let (mark, style) = mark(check.outcome);
    let name = check.name;
    let says = match check.failure() {
        Some(reason) => format!("{} [{reason}]", check.says),
        None => check.says.clone(),
    };
    let mut lines = folded(&says, WIDTH - COLUMN).into_iter();
    let first = lines.next().unwrap_or_default();
    output::line(&format!(
        "  {style}{mark:7}{style:#} {NAME}{name:10}{NAME:#} {first}"
    ))?;
    for rest in lines {
        below(&rest)?;
    }
    let Some(reason) = check.failure() else {
        return Ok(());
    };
    if let Some(explained) = reason::explained(reason) {
        for advice in folded(explained.do_this, WIDTH - COLUMN) {
            below(&advice)?;
        }
    }
    Ok(())
}

fn below(text: &str) -> Result<(), Failure> {
    output::line(&format!("{:COLUMN$}{text}", ""))
}

fn mark(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Held => ("ok", GOOD),
        Outcome::Failed { .. } => ("FAILS", BAD),
        Outcome::NotJudged => ("?", WARN),
    }
}

fn json_of(check: &Check) -> Value {
    let explained = check.failure().and_then(reason::explained);
    json!({
        "check": check.name,
        "outcome": match check.outcome {
            Outcome::Held => "held",
            Outcome::Failed { .. } => "failed",
            Outcome::NotJudged => "not_judged",
        },
        "reason": check.failure(),
        "value": check.value,
        "says": check.says,
        "means": explained.map(|explained| explained.means),
        "advice": explained.map(|explained| explained.do_this),
        "docs": explained.map(reason::Explained::link),
    })
}
