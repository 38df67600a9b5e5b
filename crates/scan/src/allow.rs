//! `countersign: allow RULE REASON` in a comment: somebody looked at it and says why it is well.
//!
//! It holds for its own line, or, alone on a line, for the next line with code. Without a reason it
//! does not hold.

use alloc::collections::BTreeSet;

use crate::code::Code;
use crate::rule::Rule;

pub(crate) struct Allowed(BTreeSet<(usize, Rule)>);

impl Allowed {
    pub(crate) fn of(code: &Code<'_>) -> Self {
        let mut allowed = BTreeSet::new();
        for comment in &code.comments {
            let Some(rule) = rule(comment.text) else {
                continue;
            };
            let (line, _) = code.place(comment.at);
            let next = code.tokens.partition_point(|token| token.at < comment.at);
            let line_of = |at: usize| code.tokens.get(at).map(|token| code.place(token.at).0);
            let has_code = next.checked_sub(1).and_then(line_of) == Some(line);
            let meant = if has_code { Some(line) } else { line_of(next) };
            allowed.extend(meant.map(|line| (line, rule)));
        }
        Self(allowed)
    }

    pub(crate) fn covers(&self, line: usize, rule: Rule) -> bool {
        self.0.contains(&(line, rule))
    }
}

fn rule(comment: &str) -> Option<Rule> {
    let text = comment.trim_start_matches(['/', '*', '!', '#']).trim();
    let rest = text.strip_prefix("countersign:")?.trim_start();
    let mut words = rest.strip_prefix("allow")?.split_whitespace();
    let rule = words.next()?.parse().ok()?;
    words.next().map(|_| rule)
}
