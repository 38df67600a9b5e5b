//! What every language's rules have in common: the file, its names, and the list of what was found.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::code::{Code, Span};
use crate::finding::{Finding, Masked};
use crate::names::Names;
use crate::rule::Rule;
use crate::secret::{Written, written};

pub(super) struct Report<'c, 'a> {
    pub(super) code: &'c Code<'a>,
    pub(super) names: Names<'a>,
    pub(super) found: Vec<Finding>,
}

impl<'c, 'a> Report<'c, 'a> {
    pub(super) fn on(code: &'c Code<'a>) -> Self {
        Self {
            code,
            names: Names::of(code),
            found: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        rule: Rule,
        at: usize,
        what: impl Into<String>,
        instead: Option<&'static str>,
    ) {
        let byte = self.code.tokens.get(at).map_or(0, |token| token.at);
        let (line, column) = self.code.place(byte);
        self.found.push(Finding {
            rule,
            line,
            column,
            what: what.into(),
            instead,
            secret: None,
        });
    }

    /// Reports the key of a call, if it is a secret in the code: once, where the secret is.
    pub(super) fn secret(&mut self, key: &Span, taker: &str) {
        let Some(Written {
            text,
            at,
            is_fallback,
        }) = written(self.code, &self.names, key)
        else {
            return;
        };
        let private = text.contains("PRIVATE KEY-----");
        let kind = if private { "A private key" } else { "A secret" };
        let used = self.line_of(key.start);
        let here = self.line_of(at);
        let place = if used == here {
            String::new()
        } else {
            format!(" in line {used}")
        };
        let fallback = if is_fallback {
            ", whenever the environment has none"
        } else {
            ""
        };
        let what = format!("{kind} written in the code is handed to {taker}{place}{fallback}.");
        let instead =
            is_fallback.then_some("Drop the default, and stop if the setting is missing.");
        self.add(Rule::HardcodedSecret, at, what, instead);
        if let Some(finding) = self.found.last_mut() {
            finding.secret = Some(Masked::of(text));
        }
    }

    fn line_of(&self, at: usize) -> usize {
        let byte = self.code.tokens.get(at).map_or(0, |token| token.at);
        self.code.place(byte).0
    }

    /// An expression, or what its one name stands for.
    pub(super) fn meant(&self, value: &Span) -> Span {
        let name = self.code.only(value).and(self.code.word_at(value.start));
        name.and_then(|name| self.names.value(self.code, name, value.start))
            .unwrap_or_else(|| value.clone())
    }

    /// Reports what is wrong with a list of algorithms: `none` in it, families mixed, taken from the
    /// token.
    pub(super) fn algorithms(&mut self, list: &Span, instead: Option<&'static str>) {
        let code = self.code;
        let meant = self.meant(list);
        let mut families: Vec<&str> = Vec::new();
        for at in meant.clone() {
            let name = code.tokens[at].text;
            if name.eq_ignore_ascii_case("none") && code.tokens[at].literal().is_some() {
                self.add(
                    Rule::AlgorithmNone,
                    at,
                    "Tokens without a signature are accepted.",
                    instead,
                );
                return;
            }
            families.extend(family(name));
        }
        let shared = families.contains(&"HS");
        if shared && families.iter().any(|family| *family != "HS") {
            self.add(
                Rule::AlgorithmsMixed,
                list.start,
                "One check accepts shared secrets (HS…) and public keys.",
                instead,
            );
        } else if families.is_empty() && self.takes_from_token(&meant) {
            self.add(
                Rule::AlgorithmFromToken,
                list.start,
                "The algorithm to check with is taken from the token.",
                instead,
            );
        }
    }

    /// Whether a list, or what the one name in it stands for, is taken from the token.
    fn takes_from_token(&self, list: &Span) -> bool {
        let items = self.code.items(list).unwrap_or_default();
        let of_names = items.iter().any(|item| {
            let meant = self.meant(item);
            meant != *item && self.is_from_token(&meant)
        });
        of_names || self.is_from_token(list)
    }

    /// Whether an expression ends on the `alg` of something: `header["alg"]`, `[decoded.header.alg]`.
    pub(super) fn is_from_token(&self, value: &Span) -> bool {
        let code = self.code;
        value.clone().any(|at| {
            let token = &code.tokens[at];
            let is_alg = token.text == "alg" && at > 0;
            let is_member = is_alg
                && token.word().is_some()
                && (code.is_at(at - 1, ".") || code.is_at(at - 1, "?."));
            let is_item = is_alg
                && token.literal().is_some()
                && (code.is_at(at - 1, "[") || code.is_at(at - 1, "("));
            let of_a_header = value.start.saturating_sub(1)..at;
            (is_member || is_item) && self.names_a_header(of_a_header)
        })
    }

    /// Keys have an `alg` as well; that of one's own key is the right one.
    fn names_a_header(&self, span: Span) -> bool {
        self.code.tokens[span]
            .iter()
            .filter_map(crate::lex::Token::word)
            .any(|word| {
                let word = word.to_ascii_lowercase();
                word.contains("header") || word.contains("unverified") || word.contains("decoded")
            })
    }
}

/// The family of an algorithm, by its name.
fn family(name: &str) -> Option<&'static str> {
    let (family, size) = name.split_at_checked(2)?;
    let known = ["HS", "RS", "ES", "PS"]
        .into_iter()
        .find(|known| *known == family);
    match known {
        Some(known) if matches!(size, "256" | "384" | "512" | "256K") => Some(known),
        _ => (name == "EdDSA").then_some("EdDSA"),
    }
}
