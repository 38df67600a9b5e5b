//! Finds in source code what JWT tutorials taught: secrets in the code, tokens that never expire,
//! checks that were left out.
//!
//! ```text
//!   text -> lex -> code (brackets, scopes) -> call, names, secret -> rules -> Finding
//! ```
//!
//! It reads one file at a time and follows names within it. What it does not understand it does not
//! report: a finding should be worth a look. It does no I/O; walking a tree, reading files and
//! printing are the caller's.
//!
//! ```
//! use countersign_scan::{Language, Rule, scan};
//!
//! let code = r#"
//! import jwt
//! SECRET = "my-secret"
//! token = jwt.encode({"user": 1}, SECRET, algorithm="HS256")
//! "#;
//! let found = scan(Language::Python, code);
//! let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
//! assert_eq!(rules, [Rule::HardcodedSecret, Rule::NoExpiry]);
//! assert_eq!((found[0].line, found[0].column), (3, 10));
//! assert!(!found[0].what.contains("my-secret"));
//! ```
#![no_std]

extern crate alloc;

mod allow;
mod call;
mod code;
mod finding;
mod language;
mod lex;
mod names;
mod rule;
mod rules;
mod secret;

use alloc::vec::Vec;

pub use finding::{Finding, Masked};
pub use language::{Language, is_test};
pub use rule::{Level, Rule};

use crate::allow::Allowed;
use crate::code::Code;

/// What is found in the text of one file, in order of place.
pub fn scan(language: Language, text: &str) -> Vec<Finding> {
    if !rules::may_concern(text) {
        return Vec::new();
    }
    let code = Code::of(language, text);
    let allowed = Allowed::of(&code);
    let mut found = rules::check(&code);
    found.retain(|finding| !allowed.covers(finding.line, finding.rule));
    found.sort_by_key(|finding| (finding.line, finding.column, finding.rule));
    found.dedup_by_key(|finding| (finding.line, finding.column, finding.rule));
    found
}
