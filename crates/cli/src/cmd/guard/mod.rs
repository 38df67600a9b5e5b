//! `countersign guard`: what a proxy asks before it lets a request pass, until it is told to stop.

mod metrics;
mod rules;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, value_parser};
use countersign_guard::forward::{Access, Policy, Proxy, Rule};
use countersign_guard::wire::revocation::HEARTBEAT;
use countersign_guard::{AnyClaims, Guard, GuardBuilder, Requirements, Stale, TrustedIssuer};

pub(crate) use self::metrics::families;
use self::serve::Addresses;
use super::issuer::{ClaimArgs, NamedIssuer, ReachArgs, not_empty};
use super::listen;
use crate::failure::Failure;

/// Answer a proxy's questions: may this request pass, and whose is it?
///
/// 200 with X-Auth-Subject, X-Auth-Username, X-Auth-Roles and X-Auth-Scope, empty where there is
/// nothing to say; 401 or 403 with a WWW-Authenticate challenge; 503 while an issuer's keys cannot
/// be had. The proxy asks at /verify. /healthz and /readyz are for whoever watches, /metrics for programs of this machine.
///
/// Without rules a good token is asked of every request. Rules go by path and method, and --proxy
/// says whose word about both is believed.
///
/// Tokens of any OpenID Connect issuer will do. Of their claims `sub` must be there, and not be empty,
/// beside `iss`, `aud` and `exp`; most issuers but Countersign need --any-typ or --typ JWT.
#[derive(Debug, Args)]
#[command(
    mut_arg("cacert", |arg| arg.env("COUNTERSIGN_GUARD_CACERT")),
    after_help = "Examples:
  countersign guard --issuer http://127.0.0.1:7800
  countersign guard --issuer https://id.example --audience shop \\
      --proxy nginx --public /assets
  countersign guard --issuer https://id.example \\
      --proxy traefik --rules rules.toml

A rules file (a path is all below it as well, and the longest decides; what no
rule names needs a token):
  [[rule]]
  path = \"/admin\"
  role = \"admin\"

  [[rule]]
  path = \"/orders\"
  scope = \"orders:write\"

  [[rule]]
  path = \"/orders\"
  methods = [\"GET\"]           # and HEAD; all others are for the rule above
  scope = \"orders:read\"

  [[rule]]
  path = \"/assets\"
  access = \"public\"        # or token, optional, closed"
)]
pub(crate) struct GuardArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        env = "COUNTERSIGN_GUARD_LISTEN",
        default_value = "127.0.0.1:7900",
        value_name = "ADDR",
        value_parser = listen::address
    )]
    listen: SocketAddr,
    /// A listener of their own for the numbers, at /metrics and in plain HTTP; without it programs
    /// of this machine read them beside the answers
    #[arg(long, env = "COUNTERSIGN_GUARD_METRICS_LISTEN", value_name = "ADDR", value_parser = listen::address)]
    metrics_listen: Option<SocketAddr>,
    /// Whose tokens are good: `iss` to the last character, and where keys and revocations are found;
    /// ISSUER=URL if that is elsewhere, as https://id.example=http://127.0.0.1:7800; may be given
    /// several times
    #[arg(
        id = "issuer",
        long,
        env = "COUNTERSIGN_GUARD_ISSUER",
        value_delimiter = ',',
        required = true,
        value_name = "URL"
    )]
    issuers: Vec<NamedIssuer>,
    /// What the tokens must be for, in `aud`; one of several is enough
    #[arg(
        long = "audience",
        env = "COUNTERSIGN_GUARD_AUDIENCE",
        value_delimiter = ',',
        default_value = "api",
        value_name = "NAME",
        value_parser = not_empty
    )]
    audiences: Vec<String>,
    /// Tokens for any audience: those made for another service open this one too
    #[arg(long, conflicts_with = "audiences")]
    any_audience: bool,
    /// `typ` in the header of the tokens
    #[arg(long, default_value = "at+jwt", value_name = "TYPE")]
    typ: String,
    /// Tokens of any `typ`, and of none: many issuers write JWT. An ID token of the same issuer is then
    /// told apart by its audience alone: give the API one of its own, never a client's id
    #[arg(long, conflicts_with = "typ")]
    any_typ: bool,
    #[command(flatten)]
    claims: ClaimArgs,
    /// The proxy that asks; the same headers from anybody else are not believed
    #[arg(long, env = "COUNTERSIGN_GUARD_PROXY", value_name = "NAME")]
    proxy: Option<ProxyName>,
    /// What is asked of which request, TOML
    #[arg(long, env = "COUNTERSIGN_GUARD_RULES", value_name = "FILE")]
    rules: Option<PathBuf>,
    /// A path, and all below it, that needs no token; may be given several times
    #[arg(long = "public", value_name = "PATH", conflicts_with = "rules")]
    public: Vec<String>,
    /// A role that every other request's caller must have
    #[arg(long, value_name = "NAME", conflicts_with = "rules", value_parser = not_empty)]
    role: Option<String>,
    /// The scope that every other request's token must contain, words separated by spaces
    #[arg(long, value_name = "WORDS", conflicts_with = "rules", value_parser = not_empty)]
    scope: Option<String>,
    /// What the challenge calls the thing that is guarded [default: the audience]
    #[arg(long, value_name = "TEXT")]
    realm: Option<String>,
    /// How far clocks may be apart, 60 seconds at most
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = value_parser!(u64).range(..=60))]
    leeway: u64,
    /// How long keys are good when the issuer cannot be reached, two days at most: so long it says
    /// that a key was withdrawn
    #[arg(long, default_value_t = 24 * 60 * 60, value_name = "SECONDS", value_parser = value_parser!(u64).range(..=172_800))]
    keys_good_for: u64,
    /// Refuse every token when no revocations were heard of for so long [default: go on]; 6 seconds
    /// at least, for an issuer with nothing to say says so every two
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(STALE_AFTER_LEAST..))]
    stale_after: Option<u64>,
    #[command(flatten)]
    reach: ReachArgs,
}

/// Three heartbeats: as long as a stream may be silent before it is given up.
const STALE_AFTER_LEAST: u64 = 3 * HEARTBEAT.as_secs();

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProxyName {
    /// X-Original-URI and X-Original-Method, which its configuration must set
    Nginx,
    /// X-Forwarded-Uri and X-Forwarded-Method
    Traefik,
    /// X-Forwarded-Uri and X-Forwarded-Method
    Caddy,
    /// The question's own path below /verify, and its method
    Envoy,
}

pub(crate) fn run(args: &GuardArgs) -> Result<(), Failure> {
    let policy = args.policy()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?
        .block_on(serve::serve(args.addresses(), args.guard()?, policy))
}

impl GuardArgs {
    fn addresses(&self) -> Addresses {
        Addresses {
            listen: self.listen,
            metrics: self.metrics_listen,
        }
    }

    fn policy(&self) -> Result<Policy<AnyClaims>, Failure> {
        if let Some(file) = &self.rules {
            let rules = rules::read(file)?;
            return Policy::by_path(self.proxy()?, rules.rules, rules.otherwise)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())));
        }
        let otherwise = Access::Caller(self.requirements());
        if self.public.is_empty() {
            return Ok(Policy::same_for_all(otherwise));
        }
        let public = self.public.iter();
        let rules = public.map(|path| Rule::new(path, Access::Public));
        Policy::by_path(self.proxy()?, rules, otherwise).map_err(Failure::usage)
    }

    fn requirements(&self) -> Requirements<AnyClaims> {
        let with_role = self
            .role
            .iter()
            .fold(Requirements::new(), |all, role| all.role(role));
        let words = self.scope.iter().flat_map(|scope| scope.split_whitespace());
        words.fold(with_role, Requirements::scope)
    }

    fn proxy(&self) -> Result<Proxy, Failure> {
        let name = self.proxy.ok_or_else(|| {
            Failure::usage(
                "rules by path need --proxy nginx, traefik, caddy or envoy: it says whose word about \
                 the path is believed",
            )
        })?;
        Ok(match name {
            ProxyName::Nginx => Proxy::Nginx,
            ProxyName::Traefik => Proxy::Traefik,
            ProxyName::Caddy => Proxy::Caddy,
            ProxyName::Envoy => Proxy::Envoy,
        })
    }

    fn guard(&self) -> Result<GuardBuilder<AnyClaims>, Failure> {
        let mut issuers = self.issuers.iter().map(|issuer| self.trusted(issuer));
        let first = issuers
            .next()
            .ok_or_else(|| Failure::usage("an issuer is missing: --issuer URL"))?;
        let builder = Guard::trusting(first)
            .claims::<AnyClaims>()
            .leeway(Duration::from_secs(self.leeway))
            .keys_good_for(Duration::from_secs(self.keys_good_for));
        let builder = issuers.fold(builder, GuardBuilder::also);
        let builder = match &self.realm {
            Some(realm) => builder.realm(realm),
            None => builder,
        };
        self.reach.by(builder)
    }

    fn trusted(&self, issuer: &NamedIssuer) -> TrustedIssuer {
        let mut audiences = self.audiences.iter();
        let first = audiences.next().map_or("", String::as_str);
        let named = issuer.trusted(first);
        let trusted = audiences.fold(named.typ(&self.typ), TrustedIssuer::also_audience);
        let trusted = match self.stale_after {
            Some(seconds) => trusted.stale(Stale::Refuse {
                after: Duration::from_secs(seconds),
            }),
            None => trusted,
        };
        let trusted = if self.any_audience {
            trusted.any_audience()
        } else {
            trusted
        };
        let trusted = self.claims.of(trusted);
        if self.any_typ {
            trusted.any_typ()
        } else {
            trusted
        }
    }
}
