//! Every check that a guard makes, in the order in which it makes them, and what comes of each.
//!
//! Nothing is judged here: each check is the library's, asked with the other rules waived.

use std::time::Duration;

use countersign::{KeySet, Reason, TokenError, UnixTime, Verifier};
use serde_json::Value;

use super::claims::{self, Payload, lax};
use super::facts::Facts;
use crate::printable::printable;

/// What a guard would be set to.
pub(super) struct Asked<'a> {
    pub(super) token: &'a str,
    pub(super) issuer: Option<&'a str>,
    pub(super) audience: Option<&'a str>,
    /// Any if absent.
    pub(super) typ: Option<&'a str>,
    pub(super) leeway: u64,
}

impl Asked<'_> {
    pub(super) fn leeway(&self) -> Duration {
        Duration::from_secs(self.leeway)
    }
}

/// One check and what came of it.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    /// Printable.
    pub(super) says: String,
    /// The claim's or parameter's value as it stands in the token.
    pub(super) value: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Held,
    Failed { reason: &'static str },
    NotJudged,
}

impl Check {
    pub(super) fn new(name: &'static str, outcome: Outcome, says: impl Into<String>) -> Self {
        Self {
            name,
            outcome,
            says: says.into(),
            value: None,
        }
    }

    /// The reason code, if it failed.
    pub(super) fn failure(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::Failed { reason } => Some(reason),
            Outcome::Held | Outcome::NotJudged => None,
        }
    }

    pub(super) fn with(mut self, value: Option<&Value>) -> Self {
        self.value = value.cloned();
        self
    }
}

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

/// A member that is a text.
pub(super) fn text<'v>(members: &'v Value, name: &str) -> Option<&'v str> {
    members.get(name)?.as_str()
}

/// The token's own text, printable and not too long.
pub(super) fn shown(text: &str) -> String {
    crate::output::clipped(&printable(text), 60)
}

/// What the guard looks at unless it is set otherwise.
const MAX_TOKEN: usize = 16 * 1024;
/// How our refresh tokens begin.
const REFRESH_TOKEN: &str = "csr_";
