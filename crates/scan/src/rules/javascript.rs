//! jsonwebtoken, jose and fast-jwt for Node and its kin, and the frameworks that take their settings
//! (NestJS, express-jwt, koa-jwt, @fastify/jwt, passport-jwt).

mod imports;

use alloc::format;
use alloc::vec::Vec;

use self::imports::Imports;
use super::report::Report;
use crate::call::{Call, Member};
use crate::code::{Code, Span};
use crate::rule::Rule;

const WITH_EXPIRY: &str = "Pass `{ expiresIn: '10m' }`.";
const WITH_ALGORITHMS: &str = "Pass `{ algorithms: ['ES256'] }`, or whichever one you sign with.";

/// Modules whose settings are members of an object.
const FRAMEWORKS: [&str; 7] = [
    "@fastify/jwt",
    "@nestjs/jwt",
    "express-jwt",
    "fastify-jwt",
    "hono/jwt",
    "koa-jwt",
    "passport-jwt",
];

pub(super) fn check(report: &mut Report<'_, '_>) {
    let imports = Imports::of(report.code);
    let calls: Vec<Call<'_>> = report.code.calls().collect();
    for call in calls.iter().filter(|call| call.is_rooted) {
        match imports.resolve(&call.path).as_str() {
            "jsonwebtoken.sign" => sign(report, call),
            "jsonwebtoken.verify" => verify(report, call),
            "jsonwebtoken.decode" => decode(report, call),
            "jose.SignJWT" => jose_sign(report, call),
            "jose.jwtVerify" => jose_verify(report, call),
            "jose.decodeJwt" => {
                unless_verified(report, call, "`decodeJwt`", &["jwtVerify", "compactVerify"]);
            }
            "jose.UnsecuredJWT" | "jose.UnsecuredJWT.decode" => {
                let what = "`UnsecuredJWT` is a token without a signature.";
                report.add(Rule::AlgorithmNone, call.start, what, None);
            }
            "fast-jwt.createSigner" => create_signer(report, call),
            "fast-jwt.createVerifier" => create_verifier(report, call),
            "fast-jwt.createDecoder" => {
                let whole = 0..report.code.tokens.len();
                if !report.code.mentions(whole, &["createVerifier", "complete"]) {
                    let what = "`createDecoder` reads claims nobody checked.";
                    report.add(Rule::UnverifiedDecode, call.start, what, None);
                }
            }
            _ => {}
        }
    }
    if let Some(framework) = FRAMEWORKS.iter().find(|name| imports.has(name)) {
        settings(report, framework);
    }
}

fn sign(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let arguments = report.code.parts(call.inside());
    if let Some(key) = arguments.get(1) {
        report.secret(key, "jwt.sign");
    }
    let options = arguments.get(2).map(|options| report.meant(options));
    if let Some(algorithm) = options
        .as_ref()
        .and_then(|options| member(report.code, options, "algorithm"))
    {
        none(report, &algorithm);
    }
    let gives_life = match &options {
        None => false,
        Some(options) if is_callback(report.code, options) => false,
        Some(options) => has_or_hides(report.code, options, "expiresIn"),
    };
    let Some(payload) = arguments.first() else {
        return;
    };
    if !gives_life && lacks_exp(report, call, payload) {
        report.add(
            Rule::NoExpiry,
            call.start,
            "`jwt.sign` makes a token without `exp`.",
            Some(WITH_EXPIRY),
        );
    }
}

/// Whether the claims are known and nothing near them speaks of `exp`.
fn lacks_exp(report: &Report<'_, '_>, call: &Call<'_>, payload: &Span) -> bool {
    let code = report.code;
    let meant = report.meant(payload);
    if has_or_hides(code, &meant, "exp") {
        return false;
    }
    meant == *payload || !code.mentions(code.function_around(call.start), &["exp", "assign"])
}

/// Whether an object has such a member, or may have it without our seeing it.
fn has_or_hides(code: &Code<'_>, object: &Span, name: &str) -> bool {
    let Some(members) = code.members(object) else {
        return true;
    };
    members
        .iter()
        .any(|member| member.name.is_none_or(|found| found == name))
}

fn is_callback(code: &Code<'_>, value: &Span) -> bool {
    code.direct(value.clone())
        .any(|at| code.is_at(at, "=>") || code.word_at(at) == Some("function"))
}

fn none(report: &mut Report<'_, '_>, algorithm: &Span) {
    let name = report.code.only(algorithm);
    if name.is_some_and(|name| name.eq_ignore_ascii_case("none")) {
        let what = "A token is made without a signature.";
        report.add(Rule::AlgorithmNone, algorithm.start, what, None);
    }
}

fn verify(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let arguments = report.code.parts(call.inside());
    if let Some(key) = arguments.get(1) {
        report.secret(key, "jwt.verify");
    }
    let options = arguments
        .get(2)
        .map(|options| report.meant(options))
        .filter(|options| !is_callback(report.code, options));
    checking_options(report, call, options.as_ref(), "jwt.verify");
}

fn checking_options(
    report: &mut Report<'_, '_>,
    call: &Call<'_>,
    options: Option<&Span>,
    name: &str,
) {
    let code = report.code;
    let hides = options.is_some_and(|options| has_or_hides(code, options, "algorithms"));
    let algorithms = options.and_then(|options| member(code, options, "algorithms"));
    match algorithms {
        Some(list) => report.algorithms(&list, Some(WITH_ALGORITHMS)),
        None if hides => {}
        None => {
            let what = format!("`{name}` is not told which algorithms to accept.");
            report.add(Rule::NoAlgorithms, call.start, what, Some(WITH_ALGORITHMS));
        }
    }
    if let Some(options) = options {
        ignores_expiry(report, options);
    }
}

fn ignores_expiry(report: &mut Report<'_, '_>, options: &Span) {
    if let Some(value) = member(report.code, options, "ignoreExpiration")
        && report.code.word_at(value.start) == Some("true")
        && value.len() == 1
    {
        let what = "`ignoreExpiration` accepts tokens that have expired.";
        report.add(Rule::ExpiryCheckOff, value.start, what, None);
    }
}

fn decode(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let options = report.code.parts(call.inside()).get(1).cloned();
    let is_complete = options.is_some_and(|options| report.code.mentions(options, &["complete"]));
    let around = report.code.function_around(call.start);
    // The header is read to choose a key.
    if is_complete && report.code.mentions(around, &["header", "kid"]) {
        return;
    }
    unless_verified(report, call, "`jwt.decode`", &["verify"]);
}

fn unless_verified(report: &mut Report<'_, '_>, call: &Call<'_>, name: &str, verifies: &[&str]) {
    let around = report.code.function_around(call.start);
    if !report.code.mentions(around, verifies) {
        let what = format!("{name} reads claims nobody checked.");
        report.add(Rule::UnverifiedDecode, call.start, what, None);
    }
}

fn jose_sign(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let chain = report.code.chain(call);
    let Some(signed) = chain.iter().find(|call| call.name() == "sign") else {
        return;
    };
    if let Some(key) = report.code.parts(signed.inside()).first() {
        report.secret(key, "SignJWT");
    }
    let expires = chain.iter().any(|call| call.name() == "setExpirationTime");
    let Some(payload) = report.code.parts(call.inside()).first().cloned() else {
        return;
    };
    if !expires && lacks_exp(report, call, &payload) {
        let instead = "Call `.setExpirationTime('10m')` before `.sign`.";
        let what = "`SignJWT` makes a token without `exp`.";
        report.add(Rule::NoExpiry, call.start, what, Some(instead));
    }
}

fn jose_verify(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let arguments = report.code.parts(call.inside());
    if let Some(key) = arguments.get(1) {
        report.secret(key, "jwtVerify");
    }
    // Without algorithms, jose goes by the kind of the key, which is enough.
    let options = arguments.get(2).map(|options| report.meant(options));
    if let Some(list) = options.and_then(|options| member(report.code, &options, "algorithms")) {
        report.algorithms(&list, Some(WITH_ALGORITHMS));
    }
}

fn create_signer(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let Some(options) = report.code.parts(call.inside()).first().cloned() else {
        return;
    };
    let options = report.meant(&options);
    if let Some(key) = member(report.code, &options, "key") {
        report.secret(&key, "createSigner");
    }
    if let Some(algorithm) = member(report.code, &options, "algorithm") {
        none(report, &algorithm);
    }
    let whole = 0..report.code.tokens.len();
    if !has_or_hides(report.code, &options, "expiresIn") && !report.code.mentions(whole, &["exp"]) {
        let what = "`createSigner` makes tokens without `exp`.";
        let instead = "Pass `expiresIn: '10m'`.";
        report.add(Rule::NoExpiry, call.start, what, Some(instead));
    }
}

fn create_verifier(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let options = report.code.parts(call.inside()).first().cloned();
    let options = options.map(|options| report.meant(&options));
    let key = options
        .as_ref()
        .and_then(|options| member(report.code, options, "key"));
    if let Some(key) = key {
        report.secret(&key, "createVerifier");
    }
    checking_options(report, call, options.as_ref(), "createVerifier");
}

/// `JwtModule.register({ secret: … })` and its like: the members say what they are.
fn settings(report: &mut Report<'_, '_>, framework: &str) {
    let code = report.code;
    for at in 0..code.tokens.len() {
        let is_member = code.is_at(at + 1, ":")
            && code
                .bracket_around(at)
                .is_some_and(|open| code.is_at(open, "{"));
        if !is_member {
            continue;
        }
        let value = at + 2..crate::names::end_of_expression(code, at + 2);
        match code.tokens[at].text {
            "secret" | "secretOrKey" | "privateKey" | "secretOrPrivateKey" => {
                report.secret(&value, framework);
            }
            "algorithms" => report.algorithms(&value, Some(WITH_ALGORITHMS)),
            "ignoreExpiration" => {
                let object = code.bracket_around(at).unwrap_or(at);
                ignores_expiry(report, &(object..code.close_of(object) + 1));
            }
            _ => {}
        }
    }
}

fn member(code: &Code<'_>, object: &Span, name: &str) -> Option<Span> {
    let found = |member: Member<'_>| (member.name == Some(name)).then_some(member.value);
    code.members(object)?.into_iter().find_map(found)
}
