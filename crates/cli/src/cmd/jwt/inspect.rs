//! `countersign jwt inspect`: what a token says. It proves nothing and says so.

use anstyle::{AnsiColor, Style};
use clap::Args;
use countersign::{Algorithm, UnixTime, Unverified};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::moment;
use super::typed::TokenArgs;
use crate::failure::Failure;
use crate::output::{self, BOLD, DIM, NAME, WARN, styled};
use crate::printable::printable;

/// Show what a token says, without checking it
///
/// Anyone can write a token that says anything. `countersign jwt verify` is what proves one.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    token: TokenArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The claims that are moments (RFC 7519 §4.1, OpenID Connect Core §2).
const MOMENTS: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];
/// A token that lives longer than this is unusual for an access token.
const LONG_LIFE: i64 = 24 * 60 * 60;
/// Moments above this are milliseconds by mistake; in seconds it is the year 5138.
const SURELY_MILLISECONDS: i64 = 100_000_000_000;

pub(super) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let token = args.token.read()?;
    let unverified = Unverified::parse(&token)
        .map_err(|error| Failure::refused(error.reason().code(), error))?;
    let now = UnixTime::now();
    let (header, claims) = (unverified.header_json(), unverified.claims_json());
    let warnings = warnings(header, claims, now);
    if args.json {
        return output::json(&json!({
            "verified": false,
            "header": header,
            "claims": claims,
            "times": times(claims, now),
            "warnings": warnings,
        }));
    }
    output::line(&format!(
        "{WARN}not verified{WARN:#}: {DIM}anyone can write this; `countersign jwt verify` checks it{DIM:#}"
    ))?;
    output::line(&format!("\n{}", picture(&token)))?;
    section("header", HEADER, header, now)?;
    section("claims", CLAIMS, claims, now)?;
    let bytes = signature_length(&token);
    output::line(&format!(
        "\n{}\n  {bytes} bytes, {}",
        styled(SIGNATURE, "signature"),
        styled(WARN, "not checked")
    ))?;
    if !warnings.is_empty() {
        output::line(&format!("\n{}", styled(BOLD, "unusual")))?;
        for Warning { text, .. } in &warnings {
            output::line(&format!("  {} {text}", styled(WARN, "!")))?;
        }
    }
    Ok(())
}

/// The three parts of a token, in the text and above what they say.
const HEADER: Style = AnsiColor::Red.on_default().bold();
const CLAIMS: Style = AnsiColor::Magenta.on_default().bold();
const SIGNATURE: Style = AnsiColor::Blue.on_default().bold();
/// How much of each part is drawn: the three of them and their dots fit a line of 80.
const DRAWN: usize = 24;

/// The token on one line, each part in its colour and cut short: enough to know it again, too
/// little to use it.
fn picture(token: &str) -> String {
    let parts: Vec<String> = token
        .split('.')
        .zip([HEADER, CLAIMS, SIGNATURE])
        .map(|(part, style)| match part.char_indices().nth(DRAWN) {
            Some((end, _)) => format!("{style}{}{style:#}…", &part[..end]),
            None => styled(style, part),
        })
        .collect();
    parts.join(".")
}

fn signature_length(token: &str) -> usize {
    let signature = token.rsplit('.').next().unwrap_or_default();
    signature.len() * 3 / 4
}

fn section(title: &str, style: Style, members: &Value, now: UnixTime) -> Result<(), Failure> {
    output::line(&format!("\n{}", styled(style, title)))?;
    let empty = Map::new();
    let members = members.as_object().unwrap_or(&empty);
    let width = members
        .keys()
        .map(|name| printable(name).chars().count())
        .max()
        .unwrap_or(0);
    for (name, value) in members {
        let shown = match value {
            Value::String(text) => printable(text),
            other => printable(&other.to_string()),
        };
        let name_shown = printable(name);
        let said =
            said(name, value, now).map_or_else(String::new, |said| format!("  {DIM}{said}{DIM:#}"));
        output::line(&format!(
            "  {NAME}{name_shown:width$}{NAME:#}  {shown}{said}"
        ))?;
    }
    Ok(())
}

/// A moment in words, if this is one.
fn said(name: &str, value: &Value, now: UnixTime) -> Option<String> {
    if !MOMENTS.contains(&name) {
        return None;
    }
    let seconds = seconds(value)?;
    let date = moment::date(seconds)?;
    Some(format!("{date}, {}", moment::relative(seconds, now)))
}

fn times(claims: &Value, now: UnixTime) -> Map<String, Value> {
    MOMENTS
        .iter()
        .filter_map(|name| Some((*name, seconds(claims.get(name)?)?)))
        .map(|(name, seconds)| {
            let date = moment::date(seconds);
            let words = moment::relative(seconds, now);
            (name.to_owned(), json!({ "date": date, "relative": words }))
        })
        .collect()
}

/// RFC 7519 allows fractions of a second.
#[expect(
    clippy::cast_possible_truncation,
    reason = "for the eye only; a cast saturates"
)]
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| Some(value.as_f64()? as i64))
}

/// What is worth a second look.
#[derive(Debug, Serialize)]
struct Warning {
    code: &'static str,
    text: String,
}

fn warnings(header: &Value, claims: &Value, now: UnixTime) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |code, text: String| found.push(Warning { code, text });
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let moment = |name: &str| claims.get(name).and_then(seconds);

    match header
        .get("alg")
        .and_then(Value::as_str)
        .map(|name| (name, Algorithm::from_name(name)))
    {
        Some((_, Some(algorithm))) if algorithm.is_symmetric() => warn(
            "shared_secret",
            format!("{algorithm}: whoever can check this token can also make one"),
        ),
        Some((_, Some(_))) => {}
        Some((name, None)) if name.eq_ignore_ascii_case("none") => {
            warn(
                "unsigned",
                "alg `none`: the token is not signed at all".to_owned(),
            );
        }
        Some((_, None)) | None => {
            warn(
                "unknown_algorithm",
                "the algorithm is not a known one".to_owned(),
            );
        }
    }
    for name in ["jku", "jwk", "x5u", "x5c"] {
        if header.get(name).is_some() {
            warn(
                "brings_its_own_key",
                format!("{name}: the token names its own key; believe only yours"),
            );
        }
    }
    if header.get("crit").is_some() {
        warn(
            "critical_extension",
            "crit: a verifier must understand what it lists".to_owned(),
        );
    }
    for name in MOMENTS {
        match (claims.get(name), moment(name)) {
            (Some(_), None) => warn("bad_claim", format!("{name} is not a number of seconds")),
            (_, Some(at)) if at > SURELY_MILLISECONDS => {
                warn(
                    "milliseconds",
                    format!("{name} looks like milliseconds; it must be seconds"),
                );
            }
            _ => {}
        }
    }
    match moment("exp") {
        None if claims.get("exp").is_none() => {
            warn("no_expiry", "no exp: it is good for ever".to_owned());
        }
        Some(exp) if exp <= now => warn("expired", "it has expired".to_owned()),
        Some(exp) => {
            let from = moment("iat").or_else(|| moment("nbf")).unwrap_or(now);
            let life = exp.saturating_sub(from);
            if life > LONG_LIFE {
                let life = moment::span(life.unsigned_abs());
                warn("long_life", format!("it lives {life}; minutes are usual"));
            }
        }
        None => {}
    }
    if moment("nbf").is_some_and(|nbf| nbf > now) {
        warn(
            "not_yet_valid",
            "nbf lies ahead: it is not good yet".to_owned(),
        );
    }
    for (name, code, meaning) in [
        ("iss", "no_issuer", "nobody says who made it"),
        (
            "aud",
            "no_audience",
            "it opens every service that shares the key",
        ),
    ] {
        if claims.get(name).is_none() {
            warn(code, format!("no {name}: {meaning}"));
        }
    }
    if claims.get("sub").is_some_and(|sub| !sub.is_string()) {
        warn(
            "bad_claim",
            "sub is not a string; many libraries refuse that".to_owned(),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(header: &Value, claims: &Value) -> Vec<&'static str> {
        let now = UnixTime::from_secs(1_700_000_000);
        warnings(header, claims, now)
            .iter()
            .map(|warning| warning.code)
            .collect()
    }

    #[test]
    fn an_ordinary_token_raises_no_eyebrow() {
        let claims = json!({ "iss": "i", "aud": "a", "sub": "s", "iat": 1_700_000_000, "exp": 1_700_000_600 });
        assert!(codes(&json!({ "alg": "ES256" }), &claims).is_empty());
    }

    #[test]
    fn the_tutorials_token_raises_several() {
        let claims = json!({ "user_id": 123, "sub": 7 });
        assert_eq!(
            codes(&json!({ "alg": "HS256" }), &claims),
            [
                "shared_secret",
                "no_expiry",
                "no_issuer",
                "no_audience",
                "bad_claim"
            ]
        );
    }

    #[test]
    fn what_is_dangerous_is_named() {
        let claims =
            json!({ "iss": "i", "aud": "a", "exp": 1_700_000_000_000_i64, "nbf": 1_800_000_000 });
        assert_eq!(
            codes(
                &json!({ "alg": "nOnE", "jku": "https://evil", "crit": ["x"] }),
                &claims
            ),
            [
                "unsigned",
                "brings_its_own_key",
                "critical_extension",
                "milliseconds",
                "long_life",
                "not_yet_valid",
            ]
        );
        assert_eq!(
            codes(
                &json!({ "alg": "EdDSA" }),
                &json!({ "iss": "i", "aud": "a", "exp": "soon" })
            ),
            ["bad_claim"]
        );
    }
}
