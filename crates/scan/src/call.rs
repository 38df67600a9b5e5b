//! Calls, their arguments, and what literals are made of.

use alloc::vec::Vec;

use crate::code::{Code, Span};
use crate::language::Language;
use crate::lex::Kind;

/// How many tokens the types between `<` and `>` may be.
const GENERICS: usize = 60;

/// A call: `a.b(c, d)`.
pub(crate) struct Call<'a> {
    /// The names that lead to it: `["a", "b"]`.
    pub(crate) path: Vec<&'a str>,
    /// Whether the first of them is a name of its own, and no member of something before it.
    pub(crate) is_rooted: bool,
    /// The first token of the path.
    pub(crate) start: usize,
    pub(crate) open: usize,
    pub(crate) close: usize,
}

/// An argument, with the name it is given by, if it is.
pub(crate) struct Argument<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) value: Span,
}

/// A member of an object, a dictionary, a composite literal.
pub(crate) struct Member<'a> {
    /// `None` for what is spread into it, or computed.
    pub(crate) name: Option<&'a str>,
    pub(crate) value: Span,
}

impl<'a> Call<'a> {
    /// What is called, without what leads to it.
    pub(crate) fn name(&self) -> &'a str {
        self.path.last().copied().unwrap_or_default()
    }

    /// What stands between the parentheses.
    pub(crate) fn inside(&self) -> Span {
        self.open + 1..self.close
    }
}

impl<'a> Code<'a> {
    /// Every call in the file, in order of their names.
    pub(crate) fn calls(&self) -> impl Iterator<Item = Call<'a>> {
        (0..self.tokens.len()).filter_map(|at| self.call_at(at))
    }

    /// The call whose parentheses open here.
    fn call_at(&self, open: usize) -> Option<Call<'a>> {
        if !self.is_at(open, "(") {
            return None;
        }
        let mut name = open.checked_sub(1)?;
        if self.is_at(name, ">") && self.language != Language::Python {
            name = self.before_generics(name)?;
        }
        if self.is_at(name, "!") && self.language == Language::Rust {
            name = name.checked_sub(1)?;
        }
        let mut path = Vec::from([self.word_at(name)?]);
        let mut start = name;
        let mut is_rooted = true;
        while let Some(dot) = start.checked_sub(1)
            && [".", "?.", "::"].iter().any(|sign| self.is_at(dot, sign))
        {
            let Some(word) = dot.checked_sub(1).and_then(|at| self.word_at(at)) else {
                is_rooted = false;
                break;
            };
            path.push(word);
            start = dot - 1;
        }
        path.reverse();
        Some(Call {
            path,
            is_rooted,
            start,
            open,
            close: self.close_of(open),
        })
    }

    /// The token before `<…>` or `::<…>`.
    fn before_generics(&self, end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in (end.saturating_sub(GENERICS)..=end).rev() {
            if self.is_at(at, ">") {
                depth += 1;
            } else if self.is_at(at, "<") {
                depth -= 1;
                if depth == 0 {
                    let before = at.checked_sub(1)?;
                    return if self.is_at(before, "::") {
                        before.checked_sub(1)
                    } else {
                        Some(before)
                    };
                }
            } else if self.is_at(at, ";") || self.is_at(at, "=") {
                return None;
            }
        }
        None
    }

    /// The calls that follow each other on one value: of `a().b().c()`, those of `b` and `c`.
    pub(crate) fn chain(&self, first: &Call<'a>) -> Vec<Call<'a>> {
        let mut chain = Vec::new();
        let mut end = first.close;
        loop {
            let mut at = end + 1;
            // Rust's question mark and TypeScript's exclamation mark.
            while self.is_at(at, "?") || self.is_at(at, "!") {
                at += 1;
            }
            if !self.is_at(at, ".") && !self.is_at(at, "?.") {
                return chain;
            }
            // A member on the way, `.await` for one, is passed over.
            let Some(open) = (at + 1..self.tokens.len())
                .find(|at| self.word_at(*at).is_none() && !self.is_at(*at, "."))
            else {
                return chain;
            };
            let Some(call) = self.call_at(open) else {
                return chain;
            };
            end = call.close;
            chain.push(call);
        }
    }

    /// The parts of a span between commas; an empty one at the end does not count.
    pub(crate) fn parts(&self, span: Span) -> Vec<Span> {
        let mut parts = Vec::new();
        let mut from = span.start;
        for at in self.direct(span.clone()) {
            if self.is_at(at, ",") {
                parts.push(from..at);
                from = at + 1;
            }
        }
        if from < span.end {
            parts.push(from..span.end);
        }
        parts
    }

    pub(crate) fn arguments(&self, call: &Call<'a>) -> Vec<Argument<'a>> {
        let named = |value: Span| match self.word_at(value.start) {
            Some(name) if self.language == Language::Python && self.is_at(value.start + 1, "=") => {
                Argument {
                    name: Some(name),
                    value: value.start + 2..value.end,
                }
            }
            _ => Argument { name: None, value },
        };
        self.parts(call.inside()).into_iter().map(named).collect()
    }

    /// The members, if the span is `{…}`, or ends on it as `&jwt.MapClaims{…}` does.
    pub(crate) fn members(&self, span: &Span) -> Option<Vec<Member<'a>>> {
        let open = self.direct(span.clone()).find(|at| self.is_at(*at, "{"))?;
        let close = self.close_of(open);
        let leads = |at: usize| {
            self.word_at(at).is_some()
                || ["&", ".", "::", "("]
                    .iter()
                    .any(|sign| self.is_at(at, sign))
        };
        if close + 1 != span.end || !(span.start..open).all(leads) {
            return None;
        }
        Some(
            self.parts(open + 1..close)
                .into_iter()
                .map(|part| self.member(part))
                .collect(),
        )
    }

    fn member(&self, part: Span) -> Member<'a> {
        let Some(token) = self.tokens.get(part.start) else {
            return Member {
                name: None,
                value: part,
            };
        };
        let name = matches!(token.kind, Kind::Word | Kind::Text).then_some(token.text);
        if self.is_at(part.start + 1, ":") {
            return Member {
                name,
                value: part.start + 2..part.end,
            };
        }
        let is_method = self.is_at(part.start + 1, "(");
        Member {
            name: name.filter(|_| part.len() == 1 || is_method),
            value: part,
        }
    }

    /// The items, if the span is `[…]`.
    pub(crate) fn items(&self, span: &Span) -> Option<Vec<Span>> {
        let is_list = self.is_at(span.start, "[") || self.is_at(span.start, "(");
        let close = self.close_of(span.start);
        (is_list && close + 1 == span.end).then(|| self.parts(span.start + 1..close))
    }

    /// The one word, text or number a span is, if it is one.
    pub(crate) fn only(&self, span: &Span) -> Option<&'a str> {
        let token = self.tokens.get(span.start).filter(|_| span.len() == 1)?;
        (token.kind != Kind::Sign).then_some(token.text)
    }
}
