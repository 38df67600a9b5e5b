//! jjwt, Auth0's java-jwt, Nimbus (also within Spring Security), jose4j.

use alloc::format;
use alloc::vec::Vec;

use super::report::Report;
use crate::call::Call;
use crate::rule::Rule;

type Rules = fn(&mut Report<'_, '_>, &Call<'_>);

/// A package by which a library is known, and its rules.
const LIBRARIES: [(&str, Rules); 4] = [
    ("jsonwebtoken", jjwt),
    ("auth0", auth0),
    ("nimbusds", nimbus),
    ("jose4j", jose4j),
];

pub(super) fn check(report: &mut Report<'_, '_>) {
    let code = report.code;
    let imported = |package: &str| {
        (1..code.tokens.len())
            .any(|at| code.word_at(at) == Some(package) && code.is_at(at - 1, "."))
    };
    let calls: Vec<Call<'_>> = code.calls().collect();
    for (package, rules) in LIBRARIES {
        if imported(package) {
            for call in &calls {
                rules(report, call);
            }
        }
    }
    if imported("springframework") {
        for call in calls.iter().filter(|call| call.name() == "withSecretKey") {
            key(report, call, 0);
        }
    }
}

/// The argument of a call, if it is a secret in the code.
fn key(report: &mut Report<'_, '_>, call: &Call<'_>, position: usize) {
    if let Some(key) = report.code.parts(call.inside()).get(position) {
        report.secret(key, call.name());
    }
}

fn has(chain: &[Call<'_>], names: &[&str]) -> bool {
    chain.iter().any(|call| names.contains(&call.name()))
}

/// Whether a chain sets the claim `exp` by name.
fn sets_exp(report: &Report<'_, '_>, chain: &[Call<'_>]) -> bool {
    let names = ["exp", "EXPIRATION", "EXPIRES_AT", "EXPIRATION_TIME"];
    chain
        .iter()
        .any(|call| report.code.mentions(call.inside(), &names))
}

fn jjwt(report: &mut Report<'_, '_>, call: &Call<'_>) {
    match (call.path.as_slice(), call.name()) {
        (["Jwts", "builder"], _) => {
            let chain = report.code.chain(call);
            if !has(&chain, &["compact"]) {
                return;
            }
            let expires = has(
                &chain,
                &[
                    "setExpiration",
                    "expiration",
                    "claims",
                    "setClaims",
                    "addClaims",
                    "content",
                    "setPayload",
                ],
            );
            if !expires && !sets_exp(report, &chain) {
                let instead = "Call `.expiration(Date.from(Instant.now().plusSeconds(600)))`.";
                let what = "`Jwts.builder()` makes a token without `exp`.";
                report.add(Rule::NoExpiry, call.start, what, Some(instead));
            }
            if !has(&chain, &["signWith", "encryptWith"]) {
                let what = "`Jwts.builder()` makes a token without a signature.";
                let instead = "Call `.signWith(key)`.";
                report.add(Rule::AlgorithmNone, call.start, what, Some(instead));
            }
        }
        (_, "signWith") => {
            key(report, call, 0);
            key(report, call, 1);
        }
        (_, "setSigningKey" | "verifyWith" | "hmacShaKeyFor") => key(report, call, 0),
        (
            _,
            "parseClaimsJwt"
            | "parsePlaintextJwt"
            | "parseUnsecuredClaims"
            | "parseUnsecuredContent",
        ) => {
            let what = format!("`{}` reads tokens that have no signature.", call.name());
            let instead = "Call `parseSignedClaims` (`parseClaimsJws` before 0.12).";
            report.add(Rule::VerificationOff, call.start, what, Some(instead));
        }
        (_, "unsecured") => {
            let what = "The parser accepts tokens without a signature.";
            report.add(Rule::AlgorithmNone, call.start, what, None);
        }
        _ => {}
    }
}

fn auth0(report: &mut Report<'_, '_>, call: &Call<'_>) {
    match call.path.as_slice() {
        ["Algorithm", "HMAC256" | "HMAC384" | "HMAC512"] => key(report, call, 0),
        ["Algorithm", "none"] => {
            let what = "`Algorithm.none()` is no signature.";
            report.add(Rule::AlgorithmNone, call.start, what, None);
        }
        ["JWT", "create"] => {
            let chain = report.code.chain(call);
            let expires =
                has(&chain, &["withExpiresAt", "withPayload"]) || sets_exp(report, &chain);
            if has(&chain, &["sign"]) && !expires {
                let instead = "Call `.withExpiresAt(Instant.now().plusSeconds(600))`.";
                let what = "`JWT.create()` makes a token without `exp`.";
                report.add(Rule::NoExpiry, call.start, what, Some(instead));
            }
        }
        ["JWT", "decode"] => {
            let around = report.code.function_around(call.start);
            if !report
                .code
                .mentions(around, &["verify", "require", "getKeyId"])
            {
                let what = "`JWT.decode` reads claims nobody checked.";
                let instead = "Call `JWT.require(algorithm).build().verify(token)`.";
                report.add(Rule::UnverifiedDecode, call.start, what, Some(instead));
            }
        }
        _ => {}
    }
}

fn nimbus(report: &mut Report<'_, '_>, call: &Call<'_>) {
    const SIGNERS: [&str; 5] = [
        "MACSigner",
        "RSASSASigner",
        "ECDSASigner",
        "Ed25519Signer",
        "JWSSigner",
    ];
    let whole = 0..report.code.tokens.len();
    let around = || report.code.function_around(call.start);
    match call.path.as_slice() {
        ["MACSigner" | "MACVerifier"] => key(report, call, 0),
        ["PlainJWT"] => {
            let what = "`PlainJWT` is a token without a signature.";
            report.add(Rule::AlgorithmNone, call.start, what, None);
        }
        ["JWTClaimsSet", "Builder"] if report.code.mentions(around(), &SIGNERS) => {
            let chain = report.code.chain(call);
            let expires = has(&chain, &["expirationTime"]) || sets_exp(report, &chain);
            if has(&chain, &["build"]) && !expires {
                let instead = "Call `.expirationTime(Date.from(Instant.now().plusSeconds(600)))`.";
                let what = "`JWTClaimsSet.Builder` makes claims without `exp`.";
                report.add(Rule::NoExpiry, call.start, what, Some(instead));
            }
        }
        ["SignedJWT" | "JWTParser" | "JWSObject", "parse"] => {
            let reads = report
                .code
                .mentions(around(), &["getJWTClaimsSet", "getPayload"]);
            if reads && !report.code.mentions(whole, &["verify", "process"]) {
                let what = "The claims are read, and nothing in this file verifies the signature.";
                let instead = "Call `verify` with a `JWSVerifier`, or use a `JWTProcessor`.";
                report.add(Rule::UnverifiedDecode, call.start, what, Some(instead));
            }
        }
        _ => {}
    }
}

fn jose4j(report: &mut Report<'_, '_>, call: &Call<'_>) {
    let (rule, what) = match call.name() {
        "setSkipSignatureVerification" => (Rule::VerificationOff, "The signature is not checked."),
        "setDisableRequireSignature" => (
            Rule::AlgorithmNone,
            "Tokens without a signature are accepted.",
        ),
        "setSkipAllValidators" | "setSkipAllDefaultValidators" => (
            Rule::ExpiryCheckOff,
            "`exp` and the other claims are not checked.",
        ),
        _ => return,
    };
    report.add(rule, call.start, what, None);
}
