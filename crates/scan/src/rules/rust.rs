//! jsonwebtoken and jwt-simple.

use alloc::vec::Vec;

use super::report::Report;
use crate::call::Call;
use crate::code::{Code, Span};
use crate::rule::Rule;

pub(super) fn check(report: &mut Report<'_, '_>) {
    let code = report.code;
    let whole = 0..code.tokens.len();
    let jsonwebtoken = code.mentions(whole.clone(), &["jsonwebtoken"]);
    let jwt_simple = code.mentions(whole, &["jwt_simple"]);
    if !jsonwebtoken && !jwt_simple {
        return;
    }
    let tests = tests(code);
    let is_test = |at: usize| tests.iter().any(|span| span.contains(&at));
    let calls: Vec<Call<'_>> = code.calls().filter(|call| !is_test(call.start)).collect();
    for call in &calls {
        if jsonwebtoken {
            check_call(report, call);
        }
        if jwt_simple
            && matches!(
                call.path.as_slice(),
                [
                    ..,
                    "HS256Key" | "HS384Key" | "HS512Key" | "Blake2bKey",
                    "from_bytes"
                ]
            )
        {
            key(report, call);
        }
    }
    if jsonwebtoken {
        settings(report, is_test);
    }
}

fn check_call(report: &mut Report<'_, '_>, call: &Call<'_>) {
    match call.path.as_slice() {
        [
            ..,
            "EncodingKey" | "DecodingKey",
            "from_secret" | "from_base64_secret",
        ] => key(report, call),
        [.., "insecure_disable_signature_validation"] => {
            let what = "The signature is not checked.";
            report.add(Rule::VerificationOff, call.start, what, None);
        }
        [
            ..,
            "insecure_decode"
            | "dangerous_insecure_decode"
            | "dangerous_insecure_decode_with_validation",
        ] => {
            let what = "The token is decoded without a look at its signature.";
            report.add(Rule::VerificationOff, call.start, what, None);
        }
        [.., "Validation", "new"] => {
            let inside = call.inside();
            if report.is_from_token(&report.meant(&inside)) {
                let what = "The algorithm to check with is taken from the token.";
                let instead = "Name it, or take it from the key you chose by `kid`.";
                report.add(Rule::AlgorithmFromToken, call.start, what, Some(instead));
            }
        }
        ["encode"] | [.., "jsonwebtoken", "encode"] => encode(report, call),
        _ => {}
    }
}

fn key(report: &mut Report<'_, '_>, call: &Call<'_>) {
    if let Some(key) = report.code.parts(call.inside()).first() {
        report.secret(
            key,
            call.path
                .get(call.path.len().saturating_sub(2))
                .unwrap_or(&"the key"),
        );
    }
}

fn encode(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let code = report.code;
    let Some(claims) = code.parts(call.inside()).get(1).cloned() else {
        return;
    };
    let claims = if code.is_at(claims.start, "&") {
        claims.start + 1..claims.end
    } else {
        claims
    };
    let meant = report.meant(&claims);
    let Some(members) = code.members(&in_macro(code, &meant)) else {
        return;
    };
    let known = members.iter().all(|member| member.name.is_some());
    if known && !code.mentions(meant, &["exp"]) && !renames_to_exp(code) {
        let instead = "Give the claims a field `exp`, seconds since 1970, minutes from now.";
        let what = "`encode` makes a token without `exp`.";
        report.add(Rule::NoExpiry, call.start, what, Some(instead));
    }
}

/// Of `json!({…})` what is in the parentheses.
fn in_macro(code: &Code<'_>, value: &Span) -> Span {
    let open = code.direct(value.clone()).find(|at| code.is_at(*at, "("));
    match open {
        Some(open) if code.is_at(open - 1, "!") && code.close_of(open) + 1 == value.end => {
            open + 1..value.end - 1
        }
        _ => value.clone(),
    }
}

/// `#[serde(rename = "exp")]`, `#[serde(flatten)]`
fn renames_to_exp(code: &Code<'_>) -> bool {
    code.mentions(0..code.tokens.len(), &["flatten"])
        || code
            .tokens
            .iter()
            .any(|token| token.literal() == Some("exp"))
}

fn settings(report: &mut Report<'_, '_>, is_test: impl Fn(usize) -> bool) {
    let code = report.code;
    for at in (0..code.tokens.len()).filter(|at| !is_test(*at)) {
        let is_set = code.is_at(at + 1, "=") || code.is_at(at + 1, ":");
        match code.word_at(at).filter(|_| is_set) {
            Some("validate_exp") if code.word_at(at + 2) == Some("false") => {
                let what = "`validate_exp = false` accepts tokens that have expired.";
                report.add(Rule::ExpiryCheckOff, at, what, None);
            }
            Some("algorithms") => {
                let end = crate::names::end_of_expression(code, at + 2);
                report.algorithms(&(at + 2..end), None);
            }
            _ => {}
        }
    }
}

/// `#[cfg(test)] mod tests { … }`: keys in tests are made up.
fn tests(code: &Code<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for at in 2..code.tokens.len() {
        let is_test = code.word_at(at) == Some("test") && code.word_at(at - 2) == Some("cfg");
        if is_test
            && let Some(open) = (at..code.tokens.len().min(at + 16)).find(|at| code.is_at(*at, "{"))
            && code.word_at(open - 2) == Some("mod")
        {
            found.push(open..code.close_of(open));
        }
    }
    found
}
