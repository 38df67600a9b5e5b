//! What was found, for people and for programs.

use std::collections::BTreeSet;

use countersign_scan::{Finding, Level, Rule};
use serde_json::{Value, json};

use super::tree::Found;
use crate::failure::Failure;
use crate::output::{self, BAD, BOLD, DIM, GOOD, NAME, WARN, folded, styled};
use crate::printable::printable;

/// How wide prose is.
const WIDTH: usize = 78;

/// Every finding, and below them, once a rule, why it matters and what to do.
pub(super) fn text(findings: &[(String, Finding)]) -> Result<(), Failure> {
    for (path, finding) in findings {
        let Finding {
            rule, line, column, ..
        } = finding;
        output::line(&format!(
            "{BOLD}{}:{line}:{column}{BOLD:#}  {}  {NAME}{rule}{NAME:#}",
            printable(path),
            level(rule.level()),
        ))?;
        let what = match &finding.secret {
            Some(secret) => format!("{} It is {secret}.", finding.what),
            None => finding.what.clone(),
        };
        prose(&printable(&what), "  ")?;
        if let Some(instead) = finding.instead {
            prose(instead, "  ")?;
        }
        output::line("")?;
    }
    let rules: BTreeSet<Rule> = findings.iter().map(|(_, finding)| finding.rule).collect();
    for rule in rules {
        explain(rule)?;
    }
    Ok(())
}

fn explain(rule: Rule) -> Result<(), Failure> {
    output::line(&styled(NAME, rule.name()))?;
    prose(rule.why(), "  ")?;
    prose(rule.way_out(), "  -> ")
}

fn level(level: Level) -> String {
    let style = match level {
        Level::Error => BAD,
        Level::Warning => WARN,
        Level::Note => DIM,
    };
    styled(style, level.name())
}

/// Prose in lines, `first` before the first of them and as much space before the others.
fn prose(text: &str, first: &str) -> Result<(), Failure> {
    let room = WIDTH - first.len();
    for (at, line) in folded(text, room).iter().enumerate() {
        let before = if at == 0 { first } else { "" };
        output::line(&format!("{before:width$}{line}", width = first.len()))?;
    }
    Ok(())
}

/// How much there was, in words.
pub(super) fn summary(found: &Found) -> Result<(), Failure> {
    let count = |level| {
        found
            .findings
            .iter()
            .filter(|(_, finding)| finding.rule.level() == level)
            .count()
    };
    let mut said: Vec<String> = [Level::Error, Level::Warning, Level::Note]
        .into_iter()
        .filter(|level| count(*level) > 0)
        .map(|level| plural(count(level), level.name()))
        .collect();
    if said.is_empty() {
        said.push(styled(GOOD, "nothing found"));
    }
    let files = usize::try_from(found.files).unwrap_or(usize::MAX);
    let mut parts = vec![format!("{} in {}", said.join(", "), plural(files, "file"))];
    if found.tests > 0 {
        parts.push(format!("tests left out: {} (--tests)", found.tests));
    }
    if found.odd > 0 {
        parts.push(format!("too large or minified: {}", found.odd));
    }
    output::note(&parts.join("; "))
}

fn plural(count: usize, thing: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{end}")
}

pub(super) fn json(found: &Found) -> Value {
    let findings: Vec<Value> = found
        .findings
        .iter()
        .map(|(path, finding)| {
            let secret = finding.secret.as_ref().map(
                |secret| json!({ "begins_with": secret.begins_with, "length": secret.length }),
            );
            json!({
                "path": path,
                "line": finding.line,
                "column": finding.column,
                "rule": finding.rule.name(),
                "level": finding.rule.level().name(),
                "what": finding.what,
                "instead": finding.instead,
                "why": finding.rule.why(),
                "way_out": finding.rule.way_out(),
                "secret": secret,
            })
        })
        .collect();
    json!({
        "findings": findings,
        "files": found.files,
        "tests_left_out": found.tests,
        "odd_left_out": found.odd,
        "unreadable": found.unread,
    })
}

/// Every rule there is.
pub(super) fn rules(as_json: bool) -> Result<(), Failure> {
    if as_json {
        let rules: Vec<Value> = Rule::ALL
            .iter()
            .map(|rule| {
                json!({
                    "rule": rule.name(),
                    "level": rule.level().name(),
                    "why": rule.why(),
                    "way_out": rule.way_out(),
                })
            })
            .collect();
        return output::json(&rules);
    }
    for (at, rule) in Rule::ALL.into_iter().enumerate() {
        if at > 0 {
            output::line("")?;
        }
        output::line(&format!("{NAME}{rule}{NAME:#}  {}", level(rule.level())))?;
        prose(rule.why(), "  ")?;
        prose(rule.way_out(), "  -> ")?;
    }
    Ok(())
}
