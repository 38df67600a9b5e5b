//! What a name stands for, as far as one file says: `SECRET = "…"` above, used below.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::code::{Code, Span};
use crate::language::Language;
use crate::lex::Kind;

/// How long the type between a name and its `=` may be.
const TYPE: usize = 16;

/// Every assignment of a file.
pub(crate) struct Names<'a> {
    assigned: BTreeMap<&'a str, Vec<Assignment>>,
    /// Classes and the like that this file declares: `Config` in `Config.SECRET`.
    declared: Vec<&'a str>,
}

#[derive(Clone)]
struct Assignment {
    at: usize,
    value: Span,
}

impl<'a> Names<'a> {
    pub(crate) fn of(code: &Code<'a>) -> Self {
        let mut names = Self {
            assigned: BTreeMap::new(),
            declared: Vec::new(),
        };
        for at in 0..code.tokens.len() {
            if code.is_at(at, "=") || code.is_at(at, ":=") {
                if let Some(name) = assigned(code, at)
                    && let Some(word) = code.word_at(name)
                {
                    let value = at + 1..end_of_expression(code, at + 1);
                    names.add(word, Assignment { at: name, value });
                }
            } else if let Some(word) = code.word_at(at) {
                if matches!(word, "class" | "struct" | "enum" | "interface")
                    && let Some(name) = code.word_at(at + 1)
                {
                    names.declared.push(name);
                }
                if let Some((name, value)) = injected(code, at) {
                    let word = code.word_at(name).unwrap_or_default();
                    names.add(word, Assignment { at: name, value });
                }
            }
        }
        names
    }

    fn add(&mut self, name: &'a str, assignment: Assignment) {
        self.assigned.entry(name).or_default().push(assignment);
    }

    /// The value a name has at a place: that of the last assignment before it which it can mean, else
    /// of the first one after it, for fields may stand below what uses them.
    pub(crate) fn value(&self, code: &Code<'a>, name: &str, used: usize) -> Option<Span> {
        let all = self.assigned.get(name)?;
        let meant = |assignment: &&Assignment| {
            code.sees(assignment.at, used) && !assignment.value.contains(&used)
        };
        let before = all.iter().filter(meant).rev().find(|one| one.at < used);
        let found = before.or_else(|| all.iter().find(meant))?;
        (!code.is_parameter(name, used, found.at)).then(|| found.value.clone())
    }

    /// The value of `owner.member`: of a member of the object, the class or the struct of that name,
    /// or of the object itself (`self`, `this`).
    pub(crate) fn member(
        &self,
        code: &Code<'a>,
        owner: &str,
        member: &str,
        used: usize,
    ) -> Option<Span> {
        if matches!(owner, "self" | "this" | "cls" | "Self") || self.declared.contains(&owner) {
            let all = self.assigned.get(member)?;
            let [only] = all.as_slice() else {
                return None;
            };
            return Some(only.value.clone());
        }
        let object = self.value(code, owner, used)?;
        let members = code.members(&object)?;
        members
            .into_iter()
            .find(|found| found.name == Some(member))
            .map(|found| found.value)
    }
}

/// The name on the left of an equals sign, if a name is given a value there.
fn assigned(code: &Code<'_>, equals: usize) -> Option<usize> {
    let around = code.bracket_around(equals);
    let is_braced = around.is_none_or(|open| code.is_at(open, "{"));
    // `const ( a = "x" )`
    let is_grouped = code.language == Language::Go
        && around
            .and_then(|open| open.checked_sub(1))
            .and_then(|before| code.word_at(before))
            .is_some_and(|word| matches!(word, "const" | "var"));
    if !(is_braced || is_grouped) {
        return None;
    }
    let before = equals.checked_sub(1)?;
    if code.language == Language::Go {
        return go_name(code, before);
    }
    typed_name(code, before).or_else(|| code.word_at(before).map(|_| before))
}

/// `name: Type =`
fn typed_name(code: &Code<'_>, before: usize) -> Option<usize> {
    if code.language == Language::Java {
        return None;
    }
    let mut at = before;
    let mut passed = 0;
    while passed < TYPE {
        if code.is_at(at, ":") {
            let name = at.checked_sub(1)?;
            return code.word_at(name).map(|_| name);
        }
        let token = code.tokens.get(at)?;
        let is_type = token.kind == Kind::Word
            || ["&", "'", "<", ">", "|", ".", "::", "[", "]", "*", ";"]
                .iter()
                .any(|sign| token.is(sign));
        if token.is("]") {
            at = code.open_of(at);
        } else if !is_type || token.first {
            return None;
        }
        at = at.checked_sub(1)?;
        passed += 1;
    }
    None
}

/// The first name of the line, after `var` or `const`; not of several, and not of a map's item.
fn go_name(code: &Code<'_>, before: usize) -> Option<usize> {
    if code.is_at(before, "]") {
        return None;
    }
    let mut at = before;
    for _ in 0..TYPE {
        let token = code.tokens.get(at)?;
        if token.is(",") || token.is("{") || token.is(";") {
            return None;
        }
        if token.first || code.word_at(at.checked_sub(1)?).is_some_and(is_go_keyword) {
            let name = if is_go_keyword(token.text) {
                at + 1
            } else {
                at
            };
            // `a.b = c` gives `b` a value.
            let mut name = name;
            while code.is_at(name + 1, ".") && name + 2 <= before {
                name += 2;
            }
            return code.word_at(name).map(|_| name);
        }
        at = at.checked_sub(1)?;
    }
    None
}

fn is_go_keyword(word: &str) -> bool {
    matches!(word, "var" | "const" | "if" | "for" | "switch")
}

/// Spring's `@Value("${name:default}")`: the field and the text.
fn injected(code: &Code<'_>, at: usize) -> Option<(usize, Span)> {
    let is_value = code.language == Language::Java
        && code.word_at(at) == Some("Value")
        && at
            .checked_sub(1)
            .is_some_and(|before| code.is_at(before, "@"))
        && code.is_at(at + 1, "(");
    if !is_value {
        return None;
    }
    let close = code.close_of(at + 1);
    let end = (close + 1..code.tokens.len().min(close + TYPE))
        .find(|at| code.is_at(*at, ";") || code.is_at(*at, ",") || code.is_at(*at, ")"))?;
    Some((end - 1, at + 2..close))
}

/// Where the expression that begins here ends.
pub(crate) fn end_of_expression(code: &Code<'_>, from: usize) -> usize {
    for at in code.direct(from..code.tokens.len()) {
        let token = &code.tokens[at];
        if token.kind == Kind::Sign && matches!(token.text, ";" | "," | ")" | "]" | "}") {
            // The close of a bracket that was opened here belongs to it.
            let is_own = matches!(token.text, ")" | "]" | "}")
                && code.open_of(at) >= from
                && code.open_of(at) != at;
            if !is_own {
                return at;
            }
        }
        if at > from && token.first && !goes_on(code, at) {
            return at;
        }
    }
    code.tokens.len()
}

/// Whether a token at the beginning of a line goes on with what stands above it.
fn goes_on(code: &Code<'_>, at: usize) -> bool {
    let is_operator = |at: usize| {
        code.tokens[at].kind == Kind::Sign
            && !matches!(
                code.tokens[at].text,
                ")" | "]" | "}" | "(" | "[" | "{" | "@" | "#" | ";" | "!"
            )
    };
    if matches!(code.tokens[at].text, ")" | "]" | "}") && code.tokens[at].kind == Kind::Sign {
        return true;
    }
    if code.language == Language::Python {
        return false;
    }
    is_operator(at) || is_operator(at - 1)
}
