//! A file as the rules see it: tokens, which bracket closes which, and what is inside of what.
//!
//! A *scope* is a pair of braces, or in Python the body of a `def` or `class`. It decides which
//! assignment a name means, and how far a rule looks around before it says that something is missing.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::language::Language;
use crate::lex::{Comment, Kind, Lexed, Token, lex};

/// Tokens from one place up to another.
pub(crate) type Span = Range<usize>;

/// Stands for "inside of nothing".
const NOTHING: usize = usize::MAX;
/// How far back the words in front of a brace are looked for.
const HEADER: usize = 80;

pub(crate) struct Code<'a> {
    pub(crate) language: Language,
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<Comment<'a>>,
    /// The other bracket of each bracket; of all else, itself.
    other: Vec<usize>,
    /// The innermost open bracket around each token.
    inside: Vec<usize>,
    /// The innermost scope around each token.
    scope: Vec<usize>,
    scopes: Vec<Scope>,
    lines: Vec<usize>,
    text: &'a str,
}

/// The first scope is the file.
struct Scope {
    parent: usize,
    /// From the words in front of it to its end.
    span: Span,
    is_function: bool,
    /// Where the names of the parameters are.
    parameters: Span,
}

impl<'a> Code<'a> {
    pub(crate) fn of(language: Language, text: &'a str) -> Self {
        let Lexed { tokens, comments } = lex(language, text);
        let lines = core::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let mut code = Self {
            language,
            other: (0..tokens.len()).collect(),
            inside: vec![NOTHING; tokens.len()],
            scope: vec![0; tokens.len()],
            scopes: vec![Scope {
                parent: 0,
                span: 0..tokens.len(),
                is_function: false,
                parameters: 0..0,
            }],
            tokens,
            comments,
            lines,
            text,
        };
        code.pair_brackets();
        if language == Language::Python {
            code.indented_scopes();
        } else {
            code.braced_scopes();
        }
        code
    }

    /// Brackets that fit each other; one that fits nothing is passed over.
    fn pair_brackets(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            if token.kind == Kind::Sign && matches!(token.text, ")" | "]" | "}") {
                let fits = |open: &usize| closing(self.tokens[*open].text) == token.text;
                if let Some(position) = open.iter().rposition(fits) {
                    for unclosed in open.drain(position..) {
                        self.other[unclosed] = at;
                        self.other[at] = unclosed;
                    }
                }
            }
            self.inside[at] = open.last().copied().unwrap_or(NOTHING);
            if token.kind == Kind::Sign && matches!(token.text, "(" | "[" | "{" | "${") {
                open.push(at);
            }
        }
        for unclosed in open {
            self.other[unclosed] = self.tokens.len();
        }
    }

    fn braced_scopes(&mut self) {
        let mut open: Vec<usize> = vec![0];
        for at in 0..self.tokens.len() {
            while open.len() > 1
                && open
                    .last()
                    .is_some_and(|scope| self.scopes[*scope].span.end <= at)
            {
                open.pop();
            }
            let parent = open.last().copied().unwrap_or(0);
            self.scope[at] = parent;
            if self.tokens[at].is("{") {
                let header = self.header(at);
                let scope = Scope {
                    parent,
                    span: header.start..self.other[at],
                    is_function: self.is_function(&header, at),
                    parameters: self.parameters(&header),
                };
                self.scopes.push(scope);
                open.push(self.scopes.len() - 1);
            }
        }
    }

    /// What stands in front of an opening brace, back to the end of what came before.
    fn header(&self, brace: usize) -> Span {
        let mut from = brace;
        while from > 0 && brace - from < HEADER {
            let before = from - 1;
            let token = &self.tokens[before];
            if token.kind == Kind::Sign {
                match token.text {
                    ")" | "]" if self.other[before] < before => {
                        from = self.other[before];
                        continue;
                    }
                    ";" | "{" | "}" | "(" | "[" | "${" => break,
                    _ => {}
                }
            }
            from = before;
        }
        from..brace
    }

    fn is_function(&self, header: &Span, brace: usize) -> bool {
        let Some(before) = header.clone().last().map(|at| self.tokens[at]) else {
            return false;
        };
        if before.is("=>") || before.is("->") {
            return true;
        }
        let is_value = before.kind == Kind::Sign
            && matches!(
                before.text,
                "=" | "(" | "," | ":" | "[" | "?" | "||" | "??" | "&&" | "|"
            );
        let is_kept_apart = |at: usize| {
            let is_member = at > 0 && (self.tokens[at - 1].is(".") || self.tokens[at - 1].is("::"));
            !is_member
                && self.tokens[at].word().is_some_and(|word| match word {
                    "module" | "type" => self
                        .tokens
                        .get(at + 1)
                        .is_some_and(|next| next.kind != Kind::Sign),
                    "class" | "interface" | "namespace" | "impl" | "mod" | "trait" | "enum"
                    | "record" | "struct" | "return" | "default" | "if" | "for" | "while"
                    | "switch" | "catch" | "match" | "else" | "try" => true,
                    _ => false,
                })
        };
        let direct = || self.direct(header.clone());
        !is_value
            && direct().any(|at| self.tokens[at].is("("))
            && !direct().any(is_kept_apart)
            && brace > header.start
    }

    /// The parentheses with the parameters, the last ones in front of a brace, or the one name in
    /// front of an arrow.
    fn parameters(&self, header: &Span) -> Span {
        let arrow = header.clone().rev().find(|at| self.tokens[*at].is("=>"));
        if let Some(before) = arrow.and_then(|at| at.checked_sub(1))
            && self.tokens[before].kind == Kind::Word
        {
            return before..before + 1;
        }
        let groups = self.direct(header.clone());
        let last = match self.language {
            // What follows the parameters may be a list of results.
            Language::Go => groups
                .filter(|at| self.tokens[*at].is("("))
                .find(|at| !self.tokens[at.saturating_sub(1)].is_word("func"))
                .into_iter()
                .next(),
            _ => groups.filter(|at| self.tokens[*at].is("(")).last(),
        };
        last.map_or(0..0, |open| open + 1..self.close_of(open))
    }

    fn indented_scopes(&mut self) {
        let mut open: Vec<(usize, usize)> = Vec::new();
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            if token.first && self.inside[at] == NOTHING {
                let column = token.at - self.line_start(token.at);
                while let Some((indent, scope)) = open.last().copied()
                    && column <= indent
                {
                    self.scopes[scope].span.end = at;
                    open.pop();
                }
                let word = if token.is_word("async") { at + 1 } else { at };
                let is_function = self.word_at(word) == Some("def");
                if is_function || self.word_at(word) == Some("class") {
                    let open_bracket = word + 2;
                    let parameters = match self.tokens.get(open_bracket) {
                        Some(token) if token.is("(") => {
                            open_bracket + 1..self.close_of(open_bracket)
                        }
                        _ => 0..0,
                    };
                    self.scopes.push(Scope {
                        parent: open.last().map_or(0, |(_, scope)| *scope),
                        span: at..self.tokens.len(),
                        is_function,
                        parameters: if is_function { parameters } else { 0..0 },
                    });
                    open.push((column, self.scopes.len() - 1));
                }
            }
            self.scope[at] = open.last().map_or(0, |(_, scope)| *scope);
        }
    }

    /// The bracket that closes this one; the end of the file if none does.
    pub(crate) fn close_of(&self, open: usize) -> usize {
        self.other.get(open).copied().unwrap_or(open).max(open)
    }

    /// The bracket that this one closes.
    pub(crate) fn open_of(&self, close: usize) -> usize {
        self.other.get(close).copied().unwrap_or(close).min(close)
    }

    /// The innermost bracket around a token.
    pub(crate) fn bracket_around(&self, at: usize) -> Option<usize> {
        self.inside.get(at).copied().filter(|open| *open != NOTHING)
    }

    /// The tokens of a span that are not within brackets of their own, those brackets included.
    pub(crate) fn direct(&self, span: Span) -> impl Iterator<Item = usize> {
        let mut next = span.start;
        core::iter::from_fn(move || {
            let at = next;
            if at >= span.end {
                return None;
            }
            // From an opening bracket to the one that closes it.
            next = if self.close_of(at) > at {
                self.close_of(at)
            } else {
                at + 1
            };
            Some(at)
        })
    }

    pub(crate) fn word_at(&self, at: usize) -> Option<&'a str> {
        self.tokens.get(at).and_then(Token::word)
    }

    pub(crate) fn is_at(&self, at: usize, sign: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(sign))
    }

    /// Whether one of these names, as a word or as a text, is in the span.
    pub(crate) fn mentions(&self, span: Span, names: &[&str]) -> bool {
        self.tokens
            .get(span)
            .unwrap_or_default()
            .iter()
            .any(|token| token.kind != Kind::Composed && names.contains(&token.text))
    }

    /// The whole outermost function around a token, or the file.
    pub(crate) fn function_around(&self, at: usize) -> Span {
        let mut scope = self.scope.get(at).copied().unwrap_or(0);
        let mut around = 0..self.tokens.len();
        while scope != 0 {
            if self.scopes[scope].is_function {
                around = self.scopes[scope].span.clone();
            }
            scope = self.scopes[scope].parent;
        }
        around
    }

    /// Whether what is declared at one token can be meant at another.
    pub(crate) fn sees(&self, declared: usize, used: usize) -> bool {
        let wanted = self.scope[declared];
        self.scopes_around(used).any(|scope| scope == wanted)
    }

    /// Whether a parameter of that name stands between a use and a declaration.
    pub(crate) fn is_parameter(&self, name: &str, used: usize, declared: usize) -> bool {
        let wanted = self.scope[declared];
        self.scopes_around(used)
            .take_while(|scope| *scope != wanted)
            .any(|scope| {
                let scope = &self.scopes[scope];
                self.tokens[scope.parameters.clone()]
                    .iter()
                    .any(|token| token.is_word(name))
            })
    }

    /// The parameters of the innermost function around a token.
    pub(crate) fn parameters_around(&self, at: usize) -> Span {
        self.scopes_around(at)
            .map(|scope| &self.scopes[scope])
            .find(|scope| scope.is_function)
            .map_or(0..0, |scope| scope.parameters.clone())
    }

    fn scopes_around(&self, at: usize) -> impl Iterator<Item = usize> {
        let mut next = self.scope.get(at).copied();
        core::iter::from_fn(move || {
            let scope = next?;
            next = (scope != 0).then(|| self.scopes[scope].parent);
            Some(scope)
        })
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub(crate) fn place(&self, byte: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.line_start(byte);
        let column = self.text.get(start..byte).unwrap_or_default();
        (line, column.chars().count() + 1)
    }

    fn line_start(&self, byte: usize) -> usize {
        let line = self.lines.partition_point(|start| *start <= byte);
        line.checked_sub(1)
            .and_then(|line| self.lines.get(line))
            .copied()
            .unwrap_or(0)
    }
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}
