//! What the names in a file are called in the modules they come from.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::code::{Code, Span};

pub(super) struct Imports<'a> {
    names: BTreeMap<&'a str, String>,
    modules: BTreeSet<&'a str>,
}

impl<'a> Imports<'a> {
    pub(super) fn of(code: &Code<'a>) -> Self {
        let mut imports = Self {
            names: BTreeMap::new(),
            modules: BTreeSet::new(),
        };
        for at in 1..code.tokens.len() {
            let Some(module) = code.tokens[at].literal() else {
                continue;
            };
            if code.word_at(at - 1) == Some("from") {
                imports.modules.insert(module);
                imports.imported(code, at - 1, module);
            } else if code.is_at(at - 1, "(")
                && at >= 2
                && matches!(code.word_at(at - 2), Some("require" | "import"))
            {
                imports.modules.insert(module);
                imports.required(code, at, module);
            }
        }
        imports
    }

    /// `import a, { b as c } from`, `import * as d from`
    fn imported(&mut self, code: &Code<'a>, from: usize, module: &'a str) {
        let Some(start) = (from.saturating_sub(120)..from)
            .rev()
            .find(|at| code.word_at(*at) == Some("import"))
        else {
            return;
        };
        for part in code.parts(start + 1..from) {
            let is_type = code.word_at(part.start) == Some("type");
            let part = if is_type {
                part.start + 1..part.end
            } else {
                part
            };
            if code.is_at(part.start, "{") {
                self.members(
                    code,
                    part.start + 1..code.close_of(part.start),
                    "as",
                    module,
                );
            } else if let Some(name) = part.end.checked_sub(1).and_then(|at| code.word_at(at)) {
                // The default or the whole; both are called the same way.
                self.names.insert(name, module.into());
            }
        }
    }

    /// `const a = require("…")`, `const { b: c } = require("…")`, `const d = require("…").d`
    fn required(&mut self, code: &Code<'a>, module_at: usize, module: &'a str) {
        let mut before = module_at - 3;
        if code.word_at(before) == Some("await") {
            before = before.saturating_sub(1);
        }
        if code.is_at(before, "(") && before > 1 {
            // `(await import("…"))`
            before -= 1;
        }
        let Some(target) = before.checked_sub(1).filter(|_| code.is_at(before, "=")) else {
            return;
        };
        let close = module_at + 1;
        if let Some(name) = code.word_at(target) {
            let path = match code.word_at(close + 2) {
                Some(member) if code.is_at(close + 1, ".") && member != "default" => {
                    format!("{module}.{member}")
                }
                _ => module.into(),
            };
            self.names.insert(name, path);
        } else if code.is_at(target, "}") {
            self.members(code, code.open_of(target) + 1..target, ":", module);
        }
    }

    /// `a, b as c`; in a destructuring, `a, b: c`.
    fn members(&mut self, code: &Code<'a>, span: Span, renames: &str, module: &str) {
        for part in code.parts(span) {
            let Some(name) = code.word_at(part.start) else {
                continue;
            };
            let is_renamed = code
                .tokens
                .get(part.start + 1)
                .is_some_and(|token| part.len() > 1 && token.text == renames);
            let local = if is_renamed {
                code.word_at(part.start + 2).unwrap_or(name)
            } else {
                name
            };
            self.names.insert(local, format!("{module}.{name}"));
        }
    }

    pub(super) fn resolve(&self, path: &[&str]) -> String {
        let Some((first, rest)) = path.split_first() else {
            return String::new();
        };
        let Some(known) = self.names.get(first) else {
            return String::new();
        };
        core::iter::once(known.as_str())
            .chain(rest.iter().copied().filter(|part| *part != "default"))
            .collect::<Vec<_>>()
            .join(".")
    }

    pub(super) fn has(&self, module: &str) -> bool {
        self.modules.contains(module)
    }
}
