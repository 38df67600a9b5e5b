//! golang-jwt, and jwt-go, which it grew out of.

use alloc::vec::Vec;

use super::report::Report;
use crate::call::Call;
use crate::code::{Code, Span};
use crate::rule::Rule;

const MODULES: [&str; 3] = ["golang-jwt/jwt", "dgrijalva/jwt-go", "form3tech-oss/jwt-go"];
const WITH_EXPIRY: &str =
    "Set `ExpiresAt: jwt.NewNumericDate(time.Now().Add(10 * time.Minute))`, or `\"exp\"` in a map.";
const WITH_METHODS: &str = "Pass `jwt.WithValidMethods([]string{\"ES256\"})`.";
/// Whatever says when a token ends.
const EXPIRY: [&str; 4] = ["exp", "ExpiresAt", "Expiry", "NumericDate"];

pub(super) fn check(report: &mut Report<'_, '_>) {
    let Some(package) = package(report.code) else {
        return;
    };
    let calls: Vec<Call<'_>> = report.code.calls().collect();
    for call in &calls {
        match (call.path.first() == Some(&package), call.name()) {
            (true, "NewWithClaims") => with_claims(report, call),
            (true, "New") if call.path.len() == 2 => bare(report, call),
            (true, "WithValidMethods") => {
                if let Some(list) = report.code.parts(call.inside()).first() {
                    report.algorithms(list, Some(WITH_METHODS));
                }
            }
            (true, "WithoutClaimsValidation") => claims_not_checked(report, call.start),
            (_, "SignedString") if call.path.len() > 1 || !call.is_rooted => {
                if let Some(key) = report.code.parts(call.inside()).first() {
                    report.secret(key, "SignedString");
                }
            }
            (_, "ParseUnverified") => {
                let around = report.code.function_around(call.start);
                if !report.code.mentions(around, &["Parse", "ParseWithClaims"]) {
                    let what = "`ParseUnverified` reads claims nobody checked.";
                    report.add(Rule::UnverifiedDecode, call.start, what, None);
                }
            }
            (by_package, "Parse" | "ParseWithClaims") => parse(report, call, by_package),
            _ => {}
        }
    }
    words(report);
}

/// What the package is called in this file.
fn package<'a>(code: &Code<'a>) -> Option<&'a str> {
    let at = code.tokens.iter().position(|token| {
        token
            .literal()
            .is_some_and(|path| MODULES.iter().any(|module| path.contains(module)))
    })?;
    let is_named = !code.tokens[at].first && code.word_at(at.checked_sub(1)?) != Some("import");
    let name = at.checked_sub(1).and_then(|at| code.word_at(at));
    Some(name.filter(|_| is_named).unwrap_or("jwt"))
}

fn with_claims(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let arguments = report.code.parts(call.inside());
    let Some(claims) = arguments.get(1) else {
        return;
    };
    let code = report.code;
    let meant = report.meant(claims);
    let is_known = code.members(&meant).is_some_and(|members| {
        let is_map = code.mentions(meant.clone(), &["MapClaims"]);
        let is_standard = |span: &Span| {
            let type_ends = code.direct(span.clone()).find(|at| code.is_at(*at, "{"));
            let of = span.start..type_ends.unwrap_or(span.start);
            code.mentions(of, &["RegisteredClaims", "StandardClaims"])
        };
        let embeds = members.iter().any(|member| {
            matches!(member.name, Some("RegisteredClaims" | "StandardClaims"))
                && is_standard(&member.value)
        });
        is_map || is_standard(&meant) || embeds
    });
    let is_literal = meant == *claims;
    let near = if is_literal {
        meant
    } else {
        code.function_around(call.start)
    };
    if is_known && !code.mentions(near, &EXPIRY) {
        let what = "`NewWithClaims` makes a token without `exp`.";
        report.add(Rule::NoExpiry, call.start, what, Some(WITH_EXPIRY));
    }
}

/// `jwt.New(method)`: the claims are set on it afterwards.
fn bare(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let around = report.code.function_around(call.start);
    let signs = report.code.mentions(around.clone(), &["SignedString"]);
    if signs && !report.code.mentions(around, &EXPIRY) {
        let what = "`jwt.New` makes a token, and nothing here gives it an `exp`.";
        report.add(Rule::NoExpiry, call.start, what, Some(WITH_EXPIRY));
    }
}

fn parse(report: &mut Report<'_, '_>, call: &Call<'_>, by_package: bool) {
    let code = report.code;
    let inside = call.inside();
    let key_function = code
        .parts(inside.clone())
        .into_iter()
        .find(|argument| code.word_at(argument.start) == Some("func"));
    let Some(key_function) =
        key_function.filter(|function| code.mentions(function.clone(), &["Token"]))
    else {
        return;
    };
    let restricted = code.mentions(inside, &["WithValidMethods", "ValidMethods"])
        || code.mentions(key_function, &["Method", "alg", "Alg"]);
    // A parser may have been told where it was made.
    let by_parser = !by_package
        && code.mentions(
            code.function_around(call.start),
            &["WithValidMethods", "ValidMethods"],
        );
    if !restricted && !by_parser {
        let what = "The key function gives out its key for whichever algorithm the token names.";
        report.add(Rule::NoAlgorithms, call.start, what, Some(WITH_METHODS));
    }
}

fn claims_not_checked(report: &mut Report<'_, '_>, at: usize) {
    let what = "`exp` and the other claims are not checked.";
    report.add(Rule::ExpiryCheckOff, at, what, None);
}

/// What is told by a word or two: the key a key function returns, `none`, switches.
fn words(report: &mut Report<'_, '_>) {
    let code = report.code;
    for at in 0..code.tokens.len() {
        match code.word_at(at) {
            Some("return") if is_key_function(code, at) => {
                let end = crate::names::end_of_expression(code, at + 1);
                if code.is_at(end, ",") && code.word_at(end + 1) == Some("nil") {
                    report.secret(&(at + 1..end), "the key function");
                }
            }
            Some("UnsafeAllowNoneSignatureType") => {
                let what = "Tokens without a signature are made or accepted.";
                report.add(Rule::AlgorithmNone, at, what, None);
            }
            Some("SkipClaimsValidation") if code.word_at(at + 2) == Some("true") => {
                claims_not_checked(report, at);
            }
            Some("ValidMethods") if code.is_at(at + 1, ":") => {
                let end = crate::names::end_of_expression(code, at + 2);
                report.algorithms(&(at + 2..end), Some(WITH_METHODS));
            }
            _ => {}
        }
    }
}

/// Whether a return stands in a function that takes a `*jwt.Token`.
fn is_key_function(code: &Code<'_>, at: usize) -> bool {
    code.mentions(code.parameters_around(at), &["Token"])
}
