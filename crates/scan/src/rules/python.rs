//! PyJWT, python-jose, Authlib (and joserfc), flask-jwt-extended.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::report::Report;
use crate::call::{Argument, Call};
use crate::code::{Code, Span};
use crate::rule::Rule;

const WITH_EXPIRY: &str =
    "Add `\"exp\": datetime.now(timezone.utc) + timedelta(minutes=10)` to the claims.";
const WITH_ALGORITHMS: &str = "Pass `algorithms=[\"ES256\"]`, or whichever one you sign with.";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    PyJwt,
    Jose,
    Authlib,
}

pub(super) fn check(report: &mut Report<'_, '_>) {
    let imports = Imports::of(report.code);
    let calls: Vec<Call<'_>> = report.code.calls().collect();
    for call in calls.iter().filter(|call| call.is_rooted) {
        let path = imports.resolve(&call.path);
        match path.as_str() {
            "jwt.encode" => encode(report, call, Library::PyJwt, "jwt.encode"),
            "jwt.decode" | "jwt.decode_complete" => {
                decode(report, call, Library::PyJwt, "jwt.decode");
            }
            "jose.jwt.encode" => encode(report, call, Library::Jose, "jose.jwt.encode"),
            "jose.jwt.decode" => decode(report, call, Library::Jose, "jose.jwt.decode"),
            "jose.jwt.get_unverified_claims" => {
                let around = report.code.function_around(call.start);
                if !report.code.mentions(around, &["decode", "verify"]) {
                    let what = "`get_unverified_claims` reads claims nobody checked.";
                    report.add(Rule::UnverifiedDecode, call.start, what, None);
                }
            }
            "authlib.jose.jwt.encode" | "joserfc.jwt.encode" => {
                encode(report, call, Library::Authlib, "jwt.encode");
            }
            "authlib.jose.jwt.decode" => {
                decode(report, call, Library::Authlib, "jwt.decode");
                let instead = "Use `JsonWebToken([\"ES256\"])` in the place of `jwt`.";
                let what = "Authlib's ready-made `jwt` accepts every algorithm it knows.";
                report.add(Rule::NoAlgorithms, call.start, what, Some(instead));
            }
            "joserfc.jwt.decode" => decode(report, call, Library::Authlib, "jwt.decode"),
            "authlib.jose.JsonWebToken" => {
                if let Some(list) = report.code.arguments(call).first() {
                    report.algorithms(&list.value, None);
                }
            }
            _ => {}
        }
    }
    if imports.has("flask_jwt_extended") || imports.has("flask_jwt") {
        flask_settings(report);
    }
}

fn encode(report: &mut Report<'_, '_>, call: &Call<'_>, library: Library, name: &str) {
    let arguments = report.code.arguments(call);
    let (claims, key) = match library {
        Library::PyJwt => (get(&arguments, 0, "payload"), get(&arguments, 1, "key")),
        Library::Jose => (get(&arguments, 0, "claims"), get(&arguments, 1, "key")),
        Library::Authlib => (get(&arguments, 1, "payload"), get(&arguments, 2, "key")),
    };
    if let Some(key) = key {
        report.secret(&key, name);
    }
    if let Some(algorithm) = get(&arguments, 2, "algorithm").filter(|_| library != Library::Authlib)
        && is_none(report.code, &algorithm)
    {
        let what = "A token is made without a signature.";
        report.add(Rule::AlgorithmNone, algorithm.start, what, None);
    }
    if let Some(claims) = claims
        && never_expires(report, call, &claims)
    {
        let what = format!("`{name}` makes a token without `exp`.");
        report.add(Rule::NoExpiry, call.start, what, Some(WITH_EXPIRY));
    }
}

/// `None`, `"none"`.
fn is_none(code: &Code<'_>, value: &Span) -> bool {
    code.only(value)
        .is_some_and(|text| text.eq_ignore_ascii_case("none"))
}

/// Whether the claims are known, and have no expiry wherever one looks.
fn never_expires(report: &Report<'_, '_>, call: &Call<'_>, claims: &Span) -> bool {
    let code = report.code;
    let meant = report.meant(claims);
    let known = match code.members(&meant) {
        Some(members) => members
            .iter()
            .all(|member| member.name.is_some_and(|name| name != "exp")),
        None => false,
    };
    let is_literal = meant == *claims;
    // A name may be given more members before it is signed; then `exp` is somewhere near.
    known && (is_literal || !code.mentions(code.function_around(call.start), &["exp", "update"]))
}

fn decode(report: &mut Report<'_, '_>, call: &Call<'_>, library: Library, name: &str) {
    let code = report.code;
    let arguments = code.arguments(call);
    let options = get(&arguments, 4, "options").filter(|_| library != Library::Authlib);
    let options = options.map(|options| report.meant(&options));
    let off = |option: &str| {
        let members = options.as_ref().and_then(|options| code.members(options))?;
        let set = members
            .into_iter()
            .find(|member| member.name == Some(option))?;
        (code.only(&set.value) == Some("False")).then_some(set.value.start)
    };
    let unverified = named(&arguments, "verify")
        .filter(|value| code.only(value) == Some("False"))
        .map(|value| value.start)
        .or_else(|| off("verify_signature"));
    if let Some(at) = unverified.filter(|_| library != Library::Authlib) {
        if verifies_as_well(code, call) {
            return;
        }
        let at = if call.inside().contains(&at) {
            at
        } else {
            call.start
        };
        let what = format!("`{name}` is told not to check the signature.");
        report.add(Rule::VerificationOff, at, what, None);
        return;
    }
    if let Some(at) = off("verify_exp") {
        let what = format!("`{name}` is told not to check `exp`.");
        report.add(Rule::ExpiryCheckOff, at, what, None);
    }
    if let Some(key) = get(&arguments, 1, "key") {
        report.secret(&key, name);
    }
    let position = if library == Library::Authlib {
        usize::MAX
    } else {
        2
    };
    match get(&arguments, position, "algorithms") {
        Some(list) => report.algorithms(&list, Some(WITH_ALGORITHMS)),
        None if library != Library::Authlib && !spreads(code, &arguments) => {
            let what = format!("`{name}` is not told which algorithms to accept.");
            report.add(Rule::NoAlgorithms, call.start, what, Some(WITH_ALGORITHMS));
        }
        None => {}
    }
}

/// Whether the function has a check as well: who is to have signed it may stand in the token itself.
fn verifies_as_well(code: &Code<'_>, call: &Call<'_>) -> bool {
    let around = code.function_around(call.start);
    let is_function = around.len() < code.tokens.len();
    let elsewhere = |span: Span| code.mentions(span, &["algorithms"]);
    is_function && (elsewhere(around.start..call.start) || elsewhere(call.close..around.end))
}

/// `app.config["JWT_SECRET_KEY"] = "…"`, `config.update(JWT_SECRET_KEY="…")`.
fn flask_settings(report: &mut Report<'_, '_>) {
    const SETTINGS: [&str; 2] = ["JWT_SECRET_KEY", "JWT_PRIVATE_KEY"];
    let code = report.code;
    for at in 0..code.tokens.len() {
        let token = &code.tokens[at];
        if SETTINGS.contains(&token.text) {
            let equals = if code.is_at(at + 1, "]") {
                at + 2
            } else {
                at + 1
            };
            if code.is_at(equals, "=") {
                let end = crate::names::end_of_expression(code, equals + 1);
                report.secret(&(equals + 1..end), "flask-jwt-extended");
            }
        }
        if token.text == "JWT_ACCESS_TOKEN_EXPIRES" && code.tokens.len() > at + 3 {
            let equals = if code.is_at(at + 1, "]") {
                at + 2
            } else {
                at + 1
            };
            if code.is_at(equals, "=") && code.word_at(equals + 1) == Some("False") {
                let what = "`JWT_ACCESS_TOKEN_EXPIRES = False` makes tokens without `exp`.";
                let instead = "Leave the default of 15 minutes, and use refresh tokens.";
                report.add(Rule::NoExpiry, at, what, Some(instead));
            }
        }
    }
}

fn get(arguments: &[Argument<'_>], position: usize, name: &str) -> Option<Span> {
    named(arguments, name).or_else(|| {
        let argument = arguments.get(position)?;
        argument.name.is_none().then(|| argument.value.clone())
    })
}

fn named(arguments: &[Argument<'_>], name: &str) -> Option<Span> {
    let found = arguments
        .iter()
        .find(|argument| argument.name == Some(name))?;
    Some(found.value.clone())
}

/// `**settings`, `*args`: what is handed over cannot be seen.
fn spreads(code: &Code<'_>, arguments: &[Argument<'_>]) -> bool {
    arguments.iter().any(|argument| {
        code.is_at(argument.value.start, "**") || code.is_at(argument.value.start, "*")
    })
}

/// What the names in this file are called where they come from.
struct Imports<'a>(BTreeMap<&'a str, String>);

impl<'a> Imports<'a> {
    fn of(code: &Code<'a>) -> Self {
        let mut imports = Self(BTreeMap::new());
        for at in 0..code.tokens.len() {
            match (code.tokens[at].first, code.word_at(at)) {
                (true, Some("import")) => imports.whole(code, at + 1),
                (true, Some("from")) => imports.parts(code, at + 1),
                _ => {}
            }
        }
        imports
    }

    /// `import a, b.c as d`
    fn whole(&mut self, code: &Code<'a>, from: usize) {
        let mut at = from;
        loop {
            let (path, next) = dotted(code, at);
            let Some(first) = code.word_at(at).filter(|_| !code.tokens[at].first) else {
                return;
            };
            at = next;
            if code.word_at(at) == Some("as") {
                if let Some(name) = code.word_at(at + 1) {
                    self.0.insert(name, path);
                }
                at += 2;
            } else {
                self.0.insert(first, first.into());
            }
            if !code.is_at(at, ",") {
                return;
            }
            at += 1;
        }
    }

    /// `from a.b import (c, d as e)`
    fn parts(&mut self, code: &Code<'a>, from: usize) {
        let (module, next) = dotted(code, from);
        if code.word_at(next) != Some("import") {
            return;
        }
        let mut at = next + 1;
        if code.is_at(at, "(") {
            at += 1;
        }
        while let Some(name) = code.word_at(at) {
            let path = format!("{module}.{name}");
            if code.word_at(at + 1) == Some("as") {
                if let Some(local) = code.word_at(at + 2) {
                    self.0.insert(local, path);
                }
                at += 2;
            } else {
                self.0.insert(name, path);
            }
            if !code.is_at(at + 1, ",") {
                return;
            }
            at += 2;
        }
    }

    fn resolve(&self, path: &[&str]) -> String {
        let Some((first, rest)) = path.split_first() else {
            return String::new();
        };
        let Some(known) = self.0.get(first) else {
            return String::new();
        };
        core::iter::once(known.as_str())
            .chain(rest.iter().copied())
            .collect::<Vec<_>>()
            .join(".")
    }

    fn has(&self, module: &str) -> bool {
        self.0
            .values()
            .any(|path| path.split('.').next() == Some(module))
    }
}

/// `a.b.c`, and where it ends.
fn dotted(code: &Code<'_>, from: usize) -> (String, usize) {
    let mut path = String::from(code.word_at(from).unwrap_or_default());
    let mut at = from + 1;
    while code.is_at(at, ".") && code.word_at(at + 1).is_some() {
        path.push('.');
        path.push_str(code.word_at(at + 1).unwrap_or_default());
        at += 2;
    }
    (path, at)
}
