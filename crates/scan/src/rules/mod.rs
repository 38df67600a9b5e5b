//! The rules, one file a language.

mod go;
mod java;
mod javascript;
mod python;
mod report;
mod rust;

use alloc::vec::Vec;

use crate::code::Code;
use crate::finding::Finding;
use crate::language::Language;
use report::Report;

/// Names of libraries, or of parts of them. A file with none of them, in any case, is not read.
const TRACES: [&str; 3] = ["jwt", "jose", "jsonwebtoken"];

/// Whether a file can hold something to find.
pub(crate) fn may_concern(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = |at: usize| {
        TRACES.iter().any(|trace| {
            bytes
                .get(at..at + trace.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(trace.as_bytes()))
        })
    };
    let first = |(at, byte): (usize, &u8)| byte.eq_ignore_ascii_case(&b'j').then_some(at);
    bytes.iter().enumerate().filter_map(first).any(begins)
}

pub(crate) fn check(code: &Code<'_>) -> Vec<Finding> {
    let mut report = Report::on(code);
    match code.language {
        Language::Python => python::check(&mut report),
        Language::JavaScript => javascript::check(&mut report),
        Language::Go => go::check(&mut report),
        Language::Java => java::check(&mut report),
        Language::Rust => rust::check(&mut report),
    }
    report.found
}
