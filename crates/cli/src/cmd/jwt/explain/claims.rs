//! The checks of what a token says: its type, its claims, and whether it was taken back.
//!
//! The library reads no claims that are not signed. So they are put under a signature of our own,
//! and each rule is asked for itself. A claim can thus be judged of a token whose signature does not
//! hold; it is still only what the token says of itself.

use std::time::Duration;

use countersign::{
    AccessClaims, Algorithm, AlgorithmRule, AudienceRule, IssuerRule, KeySet, Reason, Rules,
    Signer, SigningKey, TokenError, UnixTime, Verified, Verifier, base64url,
};
use countersign_guard::AnyClaims;
use countersign_guard::wire::revocation::Kind;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::moment::{date, relative, span};
use super::check::{Asked, Check, ClaimsType, Outcome, shown, text};
use super::facts::Facts;

/// From the type to what was taken back: each asked for itself.
pub(super) fn judge(
    payload: &Payload,
    asked: &Asked<'_>,
    facts: Result<&Facts, &str>,
    now: UnixTime,
    checks: &mut Vec<Check>,
) {
    let value = |name: &str| payload.claims.get(name);
    if let Some(wanted) = asked.typ {
        checks.push(typ(payload, wanted, now).with(payload.header.get("typ")));
    }

    let read = match payload.asked(lax(), now) {
        Ok(read) => read,
        Err(error) => {
            let mut says = error.to_string();
            if let Some(found) = error.claim().and_then(value) {
                says = format!("{says}: {}", shown(&found.to_string()));
            }
            says.push_str("; the rest of the claims is not judged");
            checks.push(Check::new("claims", failed(&error), says));
            return;
        }
    };

    checks.push(expiry(&read, asked, facts.ok(), now).with(value("exp")));
    if let Some(nbf) = read.not_before() {
        let early = |now: UnixTime| now.saturating_add(asked.leeway()) < nbf;
        let outcome = if early(now) {
            Outcome::Failed {
                reason: Reason::NotYetValid.code(),
            }
        } else {
            Outcome::Held
        };
        let says = format!("not before {}", moment(nbf, now));
        let says = by_the_server(says, facts.ok(), now, early);
        checks.push(Check::new("nbf", outcome, says).with(value("nbf")));
    }
    let max = facts.ok().and_then(|facts| facts.max_lifetime);
    // Without `exp` there is no more to say than was said above.
    if let (Some(max), Some(exp)) = (max, read.expires_at()) {
        let judged = payload.asked(lax().max_lifetime(max), now);
        let most = span(max.as_secs());
        let says = match read.issued_at() {
            Some(iat) => {
                let life = span(exp.since(iat).as_secs());
                format!("made to live {life}; {most} is the most the issuer gives")
            }
            None => format!("`iat` is missing; {most} is the most the issuer gives"),
        };
        checks.push(Check::new("lifetime", of(&judged), says));
    }
    checks.push(issuer(payload, asked, &read, facts, now).with(value("iss")));
    checks.push(audience(payload, asked, &read, now).with(value("aud")));
    checks.push(fit(payload, asked, now));
    checks.extend(taken_back(&read, &payload.header, facts, now));
}

fn typ(payload: &Payload, wanted: &str, now: UnixTime) -> Check {
    let own = text(&payload.header, "typ");
    match (payload.asked(lax().typ(wanted), now), own) {
        (Err(error), own) if error.reason() == Reason::WrongType => {
            let own = own.map_or_else(|| "the header says none".to_owned(), shown);
            let says = format!("{own}; {} is expected", shown(wanted));
            Check::new("typ", failed(&error), says)
        }
        // Claims that cannot be read are told next.
        (_, own) => Check::new("typ", Outcome::Held, own.map(shown).unwrap_or_default()),
    }
}

fn expiry(
    read: &Verified<Value>,
    asked: &Asked<'_>,
    facts: Option<&Facts>,
    now: UnixTime,
) -> Check {
    let Some(exp) = read.expires_at() else {
        let reason = Reason::MissingClaim.code();
        let says = "there is none: it would be good for ever";
        return Check::new("exp", Outcome::Failed { reason }, says);
    };
    let late = |now: UnixTime| now >= exp.saturating_add(asked.leeway());
    let said = moment(exp, now);
    if late(now) {
        let reason = Reason::Expired.code();
        let says = format!(
            "it expired {said}; the {} s of leeway are over",
            asked.leeway
        );
        let says = by_the_server(says, facts, now, late);
        return Check::new("exp", Outcome::Failed { reason }, says);
    }
    let says = if now >= exp {
        format!(
            "it expired {said}, which the leeway allows for {} s",
            asked.leeway
        )
    } else {
        format!("expires {said}")
    };
    Check::new("exp", Outcome::Held, by_the_server(says, facts, now, late))
}

/// What the server's clock would say, where it says something else.
fn by_the_server(
    says: String,
    facts: Option<&Facts>,
    now: UnixTime,
    fails: impl Fn(UnixTime) -> bool,
) -> String {
    let clock = facts.and_then(|facts| facts.clock);
    match clock.filter(|clock| clock.is_real()) {
        Some(clock) if fails(clock.there(now)) != fails(now) => {
            format!("{says}. By the server's clock it is otherwise: the clocks must be set")
        }
        _ => says,
    }
}

fn issuer(
    payload: &Payload,
    asked: &Asked<'_>,
    read: &Verified<Value>,
    facts: Result<&Facts, &str>,
    now: UnixTime,
) -> Check {
    let said = read.issuer();
    let Some(wanted) = asked.issuer else {
        let says = match said {
            Some(iss) => format!(
                "the token says {}; if you trust that one, ask again with --issuer",
                shown(iss)
            ),
            None => "the token does not say who made it".to_owned(),
        };
        return Check::new("iss", Outcome::NotJudged, says);
    };
    let rules = Rules::new(wanted, AudienceRule::any(), AlgorithmRule::of_the_keys());
    let judged = payload.asked(waived(rules), now);
    let says = match said {
        Some(iss) if iss == wanted && facts.is_ok() => shown(iss),
        Some(iss) if iss == wanted => format!("{}, as the token says itself", shown(iss)),
        Some(iss) => format!("{}; {} is trusted", shown(iss), shown(wanted)),
        None => format!("the token names none; {} is trusted", shown(wanted)),
    };
    Check::new("iss", of(&judged), says)
}

fn audience(payload: &Payload, asked: &Asked<'_>, read: &Verified<Value>, now: UnixTime) -> Check {
    let audience = read.audience();
    let named: Vec<_> = audience.iter().map(shown).collect();
    let named = if named.is_empty() {
        "nobody in particular".to_owned()
    } else {
        named.join(", ")
    };
    let Some(wanted) = asked.audience else {
        let says = format!("no --audience was given; the token is for {named}");
        return Check::new("aud", Outcome::NotJudged, says);
    };
    let rules = Rules::new(IssuerRule::any(), wanted, AlgorithmRule::of_the_keys());
    let judged = payload.asked(waived(rules), now);
    let says = match &judged {
        Ok(_) => format!("for {named}"),
        Err(_) => format!("for {named}; {} is expected", shown(wanted)),
    };
    Check::new("aud", of(&judged), says)
}

/// Whether the claims fit what the guard reads them into.
fn fit(payload: &Payload, asked: &Asked<'_>, now: UnixTime) -> Check {
    let any = payload.asked_as::<AnyClaims>(lax(), now).map(drop);
    let (judged, name) = match asked.claims {
        ClaimsType::Access => {
            let access = payload.asked_as::<AccessClaims>(lax(), now).map(drop);
            (access, "AccessClaims")
        }
        ClaimsType::Any => (any.clone(), "AnyClaims"),
    };
    let says = match (&judged, any) {
        (Ok(()), _) => format!("all that {name} asks for is there"),
        (Err(error), Ok(())) => format!(
            "{error}; {name}, the default of a guard in Rust, asks for it. The sidecar and guards with \
             AnyClaims do not: --claims any"
        ),
        (Err(error), Err(_)) => error.to_string(),
    };
    Check::new("claims", of(&judged), says)
}

/// What of the token was taken back, and when.
fn taken_back(
    read: &Verified<Value>,
    header: &Value,
    facts: Result<&Facts, &str>,
    now: UnixTime,
) -> Vec<Check> {
    let facts = match facts.map(|facts| (facts, &facts.taken_back)) {
        Ok((facts, Ok(_))) => facts,
        Ok((_, Err(why))) => return vec![Check::new("revoked", Outcome::NotJudged, why)],
        Err(_) => {
            let says = "the issuer was not asked";
            return vec![Check::new("revoked", Outcome::NotJudged, says)];
        }
    };
    // What a client has in its own name (RFC 9068 §2.2) ends with the client, and with a right of its.
    let own = read.subject().is_some() && read.subject() == text(read.claims(), "client_id");
    let ended = if own {
        "ended: its client was disabled or deleted, or something was taken from it"
    } else {
        "ended"
    };
    let marks = [
        (Kind::Sub, read.subject(), "user", "was disabled or deleted"),
        (Kind::Sid, read.session_id(), "session", ended),
        (Kind::Jti, read.jwt_id(), "token", "was withdrawn"),
        (Kind::Kid, text(header, "kid"), "key", "was withdrawn"),
    ];
    let mut checks = Vec::new();
    for (kind, value, what, happened) in marks {
        let event = value.and_then(|value| facts.event(kind, value));
        let Some(event) = event.filter(|event| event.until >= now.as_secs()) else {
            continue;
        };
        let when = event.at.map_or_else(String::new, |at| {
            format!(" {}", moment(UnixTime::from_secs(at), now))
        });
        let says = format!("the {what} {} {happened}{when}", shown(&event.value));
        let outcome = Outcome::Failed { reason: "revoked" };
        checks.push(Check::new("revoked", outcome, says).with(Some(&event.value.as_str().into())));
    }
    if checks.is_empty() {
        let says = "neither session nor user, token or key was taken back";
        checks.push(Check::new("revoked", Outcome::Held, says));
    }
    checks
}

/// The token's claims under a signature of our own.
pub(super) struct Payload {
    token: String,
    keys: KeySet,
    /// As they stand in the token, for showing.
    pub(super) header: Value,
    claims: Value,
}

impl Payload {
    /// `None` if there is no second part to decode.
    pub(super) fn of(token: &str) -> Option<Self> {
        let (signed, _) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let payload = base64url::decode(payload).ok()?;
        let header: Value = serde_json::from_slice(&base64url::decode(header).ok()?).ok()?;
        let claims = serde_json::from_slice(&payload).unwrap_or_default();
        let key = SigningKey::generate(Algorithm::HS256).ok()?;
        let keys = KeySet::new([key.verifying_key()]).ok()?;
        // A header without `typ` and one with an empty one are refused alike.
        let own = Signer::new(key).typ(text(&header, "typ").unwrap_or_default());
        let token = own.sign_payload(&payload).ok()?;
        Some(Self {
            token,
            keys,
            header,
            claims,
        })
    }

    fn asked(&self, rules: Rules, now: UnixTime) -> Result<Verified<Value>, TokenError> {
        self.asked_as(rules, now)
    }

    /// The same, read into a type of a guard's.
    fn asked_as<C: DeserializeOwned>(
        &self,
        rules: Rules,
        now: UnixTime,
    ) -> Result<Verified<C>, TokenError> {
        let rules = rules.max_token_bytes(usize::MAX);
        Verifier::new(rules, self.keys.clone()).verify(&self.token, now)
    }
}

/// No rule but the size.
pub(super) fn lax() -> Rules {
    waived(Rules::new(
        IssuerRule::any(),
        AudienceRule::any(),
        AlgorithmRule::of_the_keys(),
    ))
}

/// These rules, and none about time and type.
fn waived(rules: Rules) -> Rules {
    rules.any_typ().without_expiry().leeway(Duration::MAX)
}

fn of<T>(judged: &Result<T, TokenError>) -> Outcome {
    match judged {
        Ok(_) => Outcome::Held,
        Err(error) => failed(error),
    }
}

fn failed(error: &TokenError) -> Outcome {
    let reason = error.reason().code();
    Outcome::Failed { reason }
}

/// A date and how far away it is.
fn moment(time: UnixTime, now: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let relative = relative(seconds, now);
    match date(seconds) {
        Some(date) => format!("{relative} ({date})"),
        None => relative,
    }
}
