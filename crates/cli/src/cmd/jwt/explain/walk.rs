//! Every check that a guard makes, in the order in which it makes them, and what comes of each.
//!
//! Nothing is judged here: each check is the library's, asked with the other rules waived.

use countersign::{KeySet, Reason, TokenError, UnixTime, Verifier};
use serde_json::Value;

use super::check::{Asked, Check, Outcome, shown, text};
use super::claims::{self, Payload, lax};
use super::facts::Facts;

/// All checks. Without facts about the issuer, the reason why there are none.
pub(super) fn walk(asked: &Asked<'_>, facts: Result<&Facts, &str>, now: UnixTime) -> Vec<Check> {
    let payload = Payload::of(asked.token);
    let header = payload.as_ref().map_or(&Value::Null, |own| &own.header);
    let mut checks = envelope(asked, header, facts);
    match &payload {
        Some(payload) => claims::judge(payload, asked, facts, now, &mut checks),
        None => checks.push(Check::new(
            "claims",
            Outcome::NotJudged,
            "there is nothing to read them from",
        )),
    }
    checks
}

/// From the size to the signature: six checks, of which the first that fails hides the rest.
fn envelope(asked: &Asked<'_>, header: &Value, facts: Result<&Facts, &str>) -> Vec<Check> {
    const STAGES: [(&str, Reason); 6] = [
        ("size", Reason::TooLarge),
        ("form", Reason::Malformed),
        ("header", Reason::UnsupportedHeader),
        ("algorithm", Reason::UnsupportedAlgorithm),
        ("key", Reason::UnknownKey),
        ("signature", Reason::BadSignature),
    ];
    let keys = facts.map_or_else(|_| KeySet::default(), |facts| facts.keys.clone());
    let refusal = Verifier::new(lax(), keys).verify_payload(asked.token).err();
    // Without any keys every token's key is unknown, which says nothing about the token.
    let refusal = match (refusal, facts) {
        (Some(error), Err(_)) if error.reason() == Reason::UnknownKey => None,
        (refusal, _) => refusal,
    };
    let failed = refusal.as_ref().and_then(|error| {
        STAGES
            .iter()
            .position(|(_, reason)| *reason == error.reason())
    });
    let mut checks = Vec::new();
    for (at, (name, _)) in STAGES.into_iter().enumerate() {
        let check = match (&refusal, failed, facts) {
            (Some(error), Some(failed), _) if at == failed => {
                let says = failure(name, error, asked, header, facts);
                let reason = error.reason().code();
                Check::new(name, Outcome::Failed { reason }, says)
            }
            (_, Some(failed), _) if at > failed => {
                let says = format!("the {} came first", STAGES[failed].0);
                Check::new(name, Outcome::NotJudged, says)
            }
            (_, _, Err(why)) if name == "key" => Check::new(name, Outcome::NotJudged, why),
            (_, _, Err(_)) if name == "signature" => {
                Check::new(name, Outcome::NotJudged, "there is no key to check it with")
            }
            _ => Check::new(name, Outcome::Held, held(name, asked, header, facts)),
        };
        let parameter = match name {
            "algorithm" => "alg",
            "key" => "kid",
            _ => "",
        };
        checks.push(check.with(header.get(parameter)));
    }
    checks
}

fn held(name: &str, asked: &Asked<'_>, header: &Value, facts: Result<&Facts, &str>) -> String {
    match name {
        "size" => format!("{} bytes; {MAX_TOKEN} are looked at", asked.token.len()),
        "form" => "three parts of strict base64url, strict JSON in them".to_owned(),
        "header" => match brought(header) {
            Some(names) => format!("{names} in it: passed over, the issuer's keys count"),
            None => "nothing in it that is not understood".to_owned(),
        },
        "algorithm" => text(header, "alg").map(shown).unwrap_or_default(),
        "key" => match (text(header, "kid"), facts) {
            (Some(kid), Ok(facts)) => {
                format!("{} is {}", shown(kid), one_of(facts.keys.len()))
            }
            _ => "the token names none, and only one fits".to_owned(),
        },
        _ => "holds: the issuer made this token".to_owned(),
    }
}

fn failure(
    name: &str,
    error: &TokenError,
    asked: &Asked<'_>,
    header: &Value,
    facts: Result<&Facts, &str>,
) -> String {
    // The library's sentences quote nothing of the token.
    let says = error.to_string();
    match (name, facts) {
        ("form", _) if asked.token.starts_with(REFRESH_TOKEN) => {
            "this is a refresh token; only the server that made it reads it".to_owned()
        }
        ("algorithm", _) => match text(header, "alg") {
            Some(alg) => format!("{says}: {}", shown(alg)),
            None => says,
        },
        ("key", Ok(facts)) => {
            let published = facts.keys.iter().filter_map(|key| key.key_id());
            let published: Vec<_> = published.map(shown).collect();
            let says = match text(header, "kid") {
                Some(kid) => format!("no key of the issuer's has the id {}", shown(kid)),
                None => format!("{says}; the token names none"),
            };
            format!("{says}. It publishes {}", published.join(", "))
        }
        _ => says,
    }
}

/// The members of the header that would bring a key, if a verifier let them.
fn brought(header: &Value) -> Option<String> {
    let names: Vec<_> = ["jku", "jwk", "x5u", "x5c"]
        .into_iter()
        .filter(|name| header.get(name).is_some())
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn one_of(keys: usize) -> String {
    match keys {
        1 => "the issuer's one key".to_owned(),
        keys => format!("one of the issuer's {keys} keys"),
    }
}

/// What the guard looks at unless it is set otherwise.
const MAX_TOKEN: usize = 16 * 1024;
/// How our refresh tokens begin.
const REFRESH_TOKEN: &str = "csr_";
