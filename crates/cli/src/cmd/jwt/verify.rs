//! `countersign jwt verify`: a token, a key and what is expected; claims or a reason.

use std::time::Duration;

use clap::{ArgGroup, Args};
use countersign::{
    Algorithm, AlgorithmRule, AudienceRule, IssuerRule, KeySet, Rules, TokenError, UnixTime,
    Unverified, Verified, Verifier,
};
use countersign_guard::Guard;
use countersign_guard::remote::{Look, News};
use countersign_guard::wire::revocation::{Event, Kind};
use serde_json::Value;

use super::key::{KeyArgs, read_text};
use super::moment;
use super::typed::TokenArgs;
use crate::cmd::issuer::{NamedIssuer, ReachArgs};
use crate::failure::Failure;
use crate::output::{self, GOOD, styled};
use crate::printable::printable;

/// Check a token and print its claims; exit 3 and the reason if it is refused
///
/// Issuer and audience must be said or waived: a token for another service, or from another
/// issuer, may carry a good signature too. If no key is given and the issuer is a URL, the keys are
/// fetched from it, and what it has taken back: over https, or http from this machine.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("from").required(true).args(["issuer", "any_issuer"]),
    group = ArgGroup::new("to").required(true).args(["audience", "any_audience"]),
    override_usage = "countersign jwt verify [OPTIONS] --issuer <URL> --audience <NAME> [TOKEN]",
    after_help = "Examples:
  countersign jwt verify --issuer https://id.example --audience api TOKEN
  countersign jwt verify --issuer https://id.example --audience api \\
      --jwks keys.json < token
  countersign jwt verify --issuer https://id.example --any-audience \\
      --key public.pem TOKEN
  countersign jwt verify --any-issuer --any-audience \\
      --secret-file secret TOKEN"
)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// A file with a published key set; the token's `kid` chooses the key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "secret_file", "allow_weak_secret"])]
    jwks: Option<std::path::PathBuf>,
    /// The `iss` the token must have; its published keys are asked for if no key is given, there or at
    /// another address: ISSUER=URL, as https://id.example=http://127.0.0.1:7800
    #[arg(long, value_name = "URL")]
    issuer: Option<NamedIssuer>,
    /// Accept a token of any issuer, or none
    #[arg(long)]
    any_issuer: bool,
    /// The `aud` the token must have
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// Accept a token for any audience, or none
    #[arg(long)]
    any_audience: bool,
    /// The `typ` the token must have [default: any]
    #[arg(long, value_name = "TYPE")]
    typ: Option<String>,
    /// How many seconds the clocks may be apart
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    leeway: u64,
    /// Accept a token that never expires
    #[arg(long)]
    allow_no_exp: bool,
    #[command(flatten)]
    reach: ReachArgs,
}

pub(super) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let token = args.token.read()?;
    let now = UnixTime::now();
    let (keys, news) = args.keys(&token)?;
    let verified: Verified<Value> = Verifier::new(args.rules(), keys)
        .verify(&token, now)
        .map_err(refused)?;
    if let Some(news) = news {
        not_taken_back(&verified, news, now)?;
    }
    let until = verified.expires_at().map_or_else(
        || "never expires".to_owned(),
        |exp| {
            let exp = i64::try_from(exp.as_secs()).unwrap_or(i64::MAX);
            format!("expires {}", moment::relative(exp, now))
        },
    );
    output::note(&format!(
        "{}: {}, {until}",
        styled(GOOD, "verified"),
        verified.algorithm()
    ))?;
    output::json(verified.claims())
}

impl VerifyArgs {
    /// The keys; and what was taken back, if it was the issuer who was asked.
    fn keys(&self, token: &str) -> Result<(KeySet, Option<News>), Failure> {
        if let Some(path) = &self.jwks {
            let keys = KeySet::from_json(read_text(path)?).map_err(Failure::failed)?;
            if keys.is_empty() {
                return Err(Failure::failed(
                    "the key set has no key that can check a signature",
                ));
            }
            return Ok((keys, None));
        }
        if let (Some(issuer), false) = (self.issuer_to_ask(), self.key.is_named()) {
            return published_by(issuer, &self.reach);
        }
        let unverified = Unverified::parse(token).map_err(refused)?;
        let algorithm = Algorithm::from_name(unverified.algorithm_name()).ok_or_else(|| {
            Failure::refused(
                "unsupported_algorithm",
                "The token's algorithm is not one that proves anything",
            )
        })?;
        let mut key = self.key.verifying_key(algorithm)?;
        // One key was named for this one token, whatever name the token has for it.
        if let Some(key_id) = unverified.key_id() {
            key = key.with_key_id(key_id);
        }
        let keys = KeySet::new([key]).map_err(Failure::failed)?;
        Ok((keys, None))
    }

    /// An issuer that can be asked: a name like `my-app` is none.
    fn issuer_to_ask(&self) -> Option<&NamedIssuer> {
        self.issuer.as_ref().filter(|issuer| issuer.can_be_asked())
    }

    fn rules(&self) -> Rules {
        let issuer = match &self.issuer {
            Some(issuer) => IssuerRule::from(issuer.name()),
            None => IssuerRule::any(),
        };
        let audience = match &self.audience {
            Some(audience) => AudienceRule::from(audience.as_str()),
            None => AudienceRule::any(),
        };
        let algorithms = match self.key.algorithm() {
            Some(algorithm) => AlgorithmRule::from(algorithm),
            None => AlgorithmRule::of_the_keys(),
        };
        let rules =
            Rules::new(issuer, audience, algorithms).leeway(Duration::from_secs(self.leeway));
        let rules = match &self.typ {
            Some(typ) => rules.typ(typ),
            None => rules.any_typ(),
        };
        if self.allow_no_exp {
            rules.without_expiry()
        } else {
            rules
        }
    }
}

/// The issuer's key set and what it has taken back, found by discovery. Both are fetched once; nothing
/// is followed.
fn published_by(
    issuer: &NamedIssuer,
    reach: &ReachArgs,
) -> Result<(KeySet, Option<News>), Failure> {
    let guard = reach.by(Guard::trusting(issuer.trusted("")))?;
    let look: Look = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?
        .block_on(guard.look())
        .map_err(Failure::failed)?;
    Ok((look.keys, Some(look.news)))
}

/// Refuses what the issuer says it took back. Where it has such news but they cannot be had, that is
/// said: a guard would go on as well.
fn not_taken_back(verified: &Verified<Value>, news: News, now: UnixTime) -> Result<(), Failure> {
    let events = match news {
        News::NotOffered => return Ok(()),
        News::Unavailable(error) => {
            let error = printable(&error.to_string());
            return output::warning(&format!("whether it was taken back is not known: {error}"));
        }
        News::Snapshot(bulletin) => bulletin.events,
    };
    let marks = [
        (
            Kind::Sub,
            verified.subject(),
            "its user was disabled or deleted",
        ),
        (Kind::Sid, verified.session_id(), "its session ended"),
        (Kind::Jti, verified.jwt_id(), "it was withdrawn"),
        (Kind::Kid, verified.key().key_id(), "its key was withdrawn"),
    ];
    for (kind, value, happened) in marks {
        let is_about = |event: &Event| {
            event.kind == kind && Some(&*event.value) == value && event.until >= now.as_secs()
        };
        if events.iter().any(is_about) {
            return Err(Failure::refused(
                "revoked",
                format!("the token was taken back: {happened}"),
            ));
        }
    }
    Ok(())
}

fn refused(error: TokenError) -> Failure {
    Failure::refused(error.reason().code(), error)
}
