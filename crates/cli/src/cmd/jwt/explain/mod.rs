//! `countersign jwt explain`: would a guard let this token in, and if not, why?
//!
//! ```text
//!   issuer (only if named) -> keys, revocations, clock \
//!   token ------------------------------------------> walk: every check, in the library's order
//!                                                   -> verdict: a guard's own
//! ```
//!
//! The verdict is that of a real guard with these keys. The walk beside it asks the library one
//! rule at a time, so that what fails after the first refusal is seen as well. Where keys are
//! fetched from is never the token's to say.

mod check;
mod claims;
mod clock;
mod facts;
mod report;
mod walk;

use clap::Args;
use countersign::{AccessClaims, UnixTime};
use countersign_guard::{AnyClaims, Guard};

use super::typed::TokenArgs;
use crate::cmd::issuer::{ClaimArgs, NamedIssuer, ReachArgs};
use crate::cmd::run_async;
use crate::failure::Failure;
use check::{Asked, Check, ClaimsType, Outcome};
use facts::Facts;

/// Say whether a token would be accepted, and if not, what is wrong and what to do
///
/// All checks are gone through, not only up to the first that fails. With --issuer, its keys and
/// revocations are fetched and the clocks compared; without it the signature cannot be checked.
/// Exit 0 if a guard would accept the token, 3 if not, 1 if it cannot be said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign jwt explain --issuer https://id.example --audience api TOKEN
  countersign jwt explain --issuer https://shop.eu.auth0.com/ --audience api \\
      --typ any --claims any TOKEN
  pbpaste | countersign jwt explain -")]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    token: TokenArgs,
    /// The issuer you trust; keys are fetched from nowhere else. ISSUER=URL if it is reached at another
    /// address, as https://id.example=http://127.0.0.1:7800
    #[arg(long, value_name = "URL")]
    issuer: Option<NamedIssuer>,
    /// The `aud` your API expects
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The `typ` your API expects; `any` for no matter which
    #[arg(long, value_name = "TYPE", default_value = "at+jwt")]
    typ: String,
    /// How many seconds your API's clock may be off
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    leeway: u64,
    /// What your API's guard reads the claims into
    #[arg(long, value_enum, value_name = "TYPE", default_value = "access")]
    claims: ClaimsType,
    #[command(flatten)]
    names: ClaimArgs,
    #[command(flatten)]
    reach: ReachArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a guard would say.
pub(super) enum Verdict {
    Accepted,
    Refused {
        reason: &'static str,
    },
    /// Nothing fails, but not everything could be checked.
    Unknown {
        because: String,
    },
}

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let token = args.token.read()?;
    let asked = Asked {
        token: &token,
        issuer: args.issuer.as_ref().map(NamedIssuer::name),
        audience: args.audience.as_deref(),
        typ: (args.typ != "any").then_some(args.typ.as_str()),
        leeway: args.leeway,
        claims: args.claims,
        names: args.names.clone(),
    };
    let mut facts = Err("no --issuer was given".to_owned());
    if let Some(issuer) = &args.issuer {
        let guard = args.reach.by(Guard::trusting(issuer.trusted("")))?;
        run_async(async {
            facts = Facts::of(&guard).await;
            Ok(())
        })?;
    }
    let now = UnixTime::now();
    let mut checks = walk::walk(&asked, facts.as_ref().map_err(String::as_str), now);
    let verdict = verdict(&asked, &facts, &mut checks, now)?;
    report::print(&checks, &verdict, facts.as_ref().ok(), args.json)?;
    match verdict {
        Verdict::Accepted => Ok(()),
        Verdict::Refused { reason } => Err(Failure::refused(reason, "it would not be accepted")),
        Verdict::Unknown { because } => Err(Failure::failed(format!(
            "it cannot be said whether it would be accepted: {because}"
        ))),
    }
}

/// With keys, a guard judges; without, what fails already is enough for a no.
fn verdict(
    asked: &Asked<'_>,
    facts: &Result<Facts, String>,
    checks: &mut Vec<Check>,
    now: UnixTime,
) -> Result<Verdict, Failure> {
    let first = checks.iter().find_map(Check::failure);
    let facts = match (facts, first) {
        (Ok(facts), _) => facts,
        (Err(_), Some(reason)) => return Ok(Verdict::Refused { reason }),
        (Err(because), None) => {
            let because = because.clone();
            return Ok(Verdict::Unknown { because });
        }
    };
    let token = asked.token;
    let judged = match asked.claims {
        ClaimsType::Access => facts
            .guard::<AccessClaims>(asked)?
            .check_token(token, now)
            .map(drop),
        ClaimsType::Any => facts
            .guard::<AnyClaims>(asked)?
            .check_token(token, now)
            .map(drop),
    };
    match judged {
        Ok(()) => Ok(Verdict::Accepted),
        Err(refusal) => {
            let reason = refusal.reason_code();
            if !checks.iter().any(|check| check.failure() == Some(reason)) {
                let says = refusal.description();
                checks.push(Check::new("guard", Outcome::Failed { reason }, says));
            }
            Ok(Verdict::Refused { reason })
        }
    }
}

#[cfg(test)]
mod tests;
