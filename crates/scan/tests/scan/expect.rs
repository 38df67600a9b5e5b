//! A sample and what is found in it.

use countersign_scan::{Language, scan};

/// Asserts that every line with `~ rule rule` in a comment has just these findings, and no other
/// line has any.
#[track_caller]
pub(crate) fn expect(language: Language, sample: &str) {
    let mut wanted: Vec<(usize, &str)> = Vec::new();
    for (at, line) in sample.lines().enumerate() {
        if let Some((_, rules)) = line.split_once("~ ") {
            wanted.extend(rules.split_whitespace().map(|rule| (at + 1, rule)));
        }
    }
    let mut found: Vec<(usize, &str)> = scan(language, sample)
        .iter()
        .map(|finding| (finding.line, finding.rule.name()))
        .collect();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted, "{sample}");
}
