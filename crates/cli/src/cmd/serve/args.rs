//! What is typed after `countersign serve`, as the settings of a server.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, value_parser};
use countersign::Algorithm;
use countersign_issuer::SessionPolicy;
use countersign_server::config::IpNet;
use countersign_server::{Config, PlainHttp, TlsFiles};

use super::limits::LimitArgs;
use crate::cmd::database::DatabaseArgs;
use crate::cmd::listen;
use crate::cmd::password::PasswordCost;
use crate::failure::Failure;

/// Run the auth server.
///
/// The first start makes the database, the signing keys and, beside the database, the master-key
/// file. Ctrl-C or SIGTERM stops it calmly.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign serve --dev
  countersign serve --listen 0.0.0.0:7800 --behind-proxy \\
      --issuer https://id.example --trusted-proxy 10.0.0.0/8
  countersign serve --listen 0.0.0.0:443 --issuer https://id.example \\
      --tls-cert chain.pem --tls-key key.pem")]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        env = "COUNTERSIGN_LISTEN",
        default_value = "127.0.0.1:7800",
        value_name = "ADDR",
        value_parser = listen::address
    )]
    listen: SocketAddr,
    #[command(flatten)]
    database: DatabaseArgs,
    /// The `iss` of every token; never to be changed later [default: the address listened on]
    #[arg(long, env = "COUNTERSIGN_ISSUER", value_name = "URL")]
    issuer: Option<String>,
    /// The `aud` of access tokens: the API they are for
    #[arg(
        long,
        env = "COUNTERSIGN_AUDIENCE",
        default_value = "api",
        value_name = "NAME"
    )]
    audience: String,
    /// The `aud` of the tokens that open /admin, to be asked for at sign-in: then a token that an API
    /// was sent does not [default: those of --audience do]
    #[arg(long, env = "COUNTERSIGN_ADMIN_AUDIENCE", value_name = "NAME")]
    admin_audience: Option<String>,
    /// How access tokens are signed
    #[arg(
        long,
        env = "COUNTERSIGN_ALGORITHM",
        default_value = "ES256",
        value_name = "ALG"
    )]
    algorithm: Algorithm,
    /// Another audience that may be asked for, and how tokens for it are signed; may be given
    /// several times
    #[arg(long = "other-audience", env = "COUNTERSIGN_OTHER_AUDIENCES", value_delimiter = ',', value_name = "NAME=ALG", value_parser = audience_and_algorithm)]
    other_audiences: Vec<(String, Algorithm)>,
    /// How many seconds an access token lives at most
    #[arg(
        long,
        env = "COUNTERSIGN_ACCESS_LIFE",
        default_value_t = 600,
        value_name = "SECONDS"
    )]
    access_life: u64,
    /// The server's certificate chain, PEM; serves HTTPS
    #[arg(long, env = "COUNTERSIGN_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, env = "COUNTERSIGN_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// For how many days browsers are to ask this host by HTTPS alone, at whatever port
    /// (Strict-Transport-Security); needs a certificate
    #[arg(
        long,
        env = "COUNTERSIGN_HSTS_DAYS",
        value_name = "DAYS",
        value_parser = value_parser!(u16).range(0..=36_500)
    )]
    hsts_days: Option<u16>,
    /// Plain HTTP beyond this machine: a proxy in front serves HTTPS
    #[arg(
        long,
        env = "COUNTERSIGN_BEHIND_PROXY",
        value_parser = BoolishValueParser::new()
    )]
    pub(super) behind_proxy: bool,
    /// Plain HTTP beyond this machine: passwords and tokens can be read on the way
    #[arg(
        long,
        env = "COUNTERSIGN_INSECURE_HTTP",
        value_parser = BoolishValueParser::new()
    )]
    insecure_http: bool,
    /// A network of proxies whose X-Forwarded-For is believed; may be given several times
    #[arg(
        long = "trusted-proxy",
        env = "COUNTERSIGN_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "CIDR",
        value_parser = network
    )]
    pub(super) trusted_proxies: Vec<IpNet>,
    /// The origin of a single-page app, which may then call this server from the browser and leave
    /// the refresh token in a cookie; may be given several times
    #[arg(
        long = "browser-origin",
        env = "COUNTERSIGN_BROWSER_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    browser_origins: Vec<String>,
    /// A listener of their own for the numbers, at /metrics and in plain HTTP; without it programs
    /// of this machine read them beside the API, if the issuer is on loopback too
    #[arg(long, env = "COUNTERSIGN_METRICS_LISTEN", value_name = "ADDR", value_parser = listen::address)]
    metrics_listen: Option<SocketAddr>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    ages: Ages,
    #[command(flatten)]
    passwords: PasswordCost,
    /// How many passwords are hashed at once, at most; half as many while anything but sign-ins is
    /// asked [default: one for each core]
    #[arg(
        long,
        env = "COUNTERSIGN_HASH_LANES",
        value_name = "COUNT",
        value_parser = value_parser!(u16).range(1..=1024)
    )]
    hash_lanes: Option<u16>,
    /// How many more passwords may wait for a lane; who comes then is told to come back (503)
    #[arg(
        long,
        env = "COUNTERSIGN_HASH_QUEUE",
        value_name = "COUNT",
        value_parser = value_parser!(u16).range(1..)
    )]
    hash_queue: Option<u16>,
    /// For trying out: make a first administrator with a random password, shown once
    #[arg(long)]
    pub(super) dev: bool,
}

/// How long things are kept.
#[derive(Debug, Args)]
struct Ages {
    /// After how many days without use a session is over [default: 30, or all its life if that is
    /// shorter]
    #[arg(
        long,
        env = "COUNTERSIGN_SESSION_IDLE_DAYS",
        value_name = "DAYS",
        value_parser = value_parser!(u16).range(1..=3650)
    )]
    session_idle_days: Option<u16>,
    /// After how many days a session is over in any case
    #[arg(
        long,
        env = "COUNTERSIGN_SESSION_LIFE_DAYS",
        default_value_t = 90,
        value_name = "DAYS",
        value_parser = value_parser!(u16).range(1..=3650)
    )]
    session_life_days: u16,
    /// For how many seconds a replaced refresh token still fetches its successor: the answer may
    /// have been lost
    #[arg(
        long,
        env = "COUNTERSIGN_REFRESH_GRACE",
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = value_parser!(u16).range(1..=300)
    )]
    refresh_grace: u16,
    /// How many sessions a user may have for one client at once; whoever signs in once more ends the
    /// one least recently used
    #[arg(
        long,
        env = "COUNTERSIGN_MAX_SESSIONS",
        default_value_t = 100,
        value_name = "NUMBER",
        value_parser = value_parser!(u32).range(1..)
    )]
    max_sessions: u32,
    /// How many days a line of the audit log is kept
    #[arg(
        long,
        env = "COUNTERSIGN_AUDIT_DAYS",
        default_value_t = 365,
        value_name = "DAYS",
        value_parser = value_parser!(u16).range(1..=36_500)
    )]
    audit_days: u16,
}

impl Ages {
    fn sessions(&self) -> SessionPolicy {
        let (usual, absolute) = (SessionPolicy::default(), days(self.session_life_days));
        SessionPolicy {
            idle: (self.session_idle_days).map_or(usual.idle.min(absolute), days),
            absolute,
            grace: Duration::from_secs(self.refresh_grace.into()),
        }
    }
}

fn days(count: u16) -> Duration {
    Duration::from_secs(u64::from(count) * 86_400)
}

impl ServeArgs {
    pub(in crate::cmd) fn config(&self) -> Result<Config, Failure> {
        self.go_together()?;
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
        let defaults = self.database.config()?;
        let plain_http = match (self.behind_proxy, self.insecure_http) {
            (true, _) => PlainHttp::BehindProxy,
            (false, true) => PlainHttp::Insecure,
            (false, false) => PlainHttp::LoopbackOnly,
        };
        let config = Config {
            listen: self.listen,
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            admin_audience: self.admin_audience.clone(),
            algorithm: self.algorithm,
            access_life: Duration::from_secs(self.access_life),
            tls: tls.map(|(certificate, key)| TlsFiles {
                certificate,
                key,
                strict_transport: self.hsts_days.map(days),
            }),
            plain_http,
            passwords: self.passwords.parameters()?,
            other_audiences: self.other_audiences.iter().cloned().collect(),
            trusted_proxies: self.trusted_proxies.clone(),
            limits: self.limits.limits()?,
            browser_origins: self.browser_origins.clone(),
            metrics_listen: self.metrics_listen,
            sessions: self.ages.sessions(),
            max_sessions: self.ages.max_sessions,
            audit_retention: days(self.ages.audit_days),
            hash_lanes: self.hash_lanes.map_or(defaults.hash_lanes, usize::from),
            hash_queue: self.hash_queue.map_or(defaults.hash_queue, usize::from),
            ..defaults
        };
        config.check().map_err(Failure::usage)?;
        Ok(config)
    }

    /// Settings may come from the file and the environment as well, where clap looks at each alone.
    fn go_together(&self) -> Result<(), Failure> {
        let plain = self.behind_proxy || self.insecure_http;
        let problem = match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => "the certificate (tls_cert) needs its private key (tls_key)",
            (None, Some(_)) => "the private key (tls_key) needs its certificate (tls_cert)",
            (Some(_), Some(_)) if plain => {
                "with a certificate (tls_cert) HTTPS is served here: leave out behind_proxy and \
                 insecure_http"
            }
            (None, None) if self.hsts_days.is_some() => {
                "hsts_days is said over HTTPS alone: give a certificate (tls_cert), or have the proxy \
                 say it"
            }
            _ if self.behind_proxy && self.insecure_http => {
                "behind_proxy and insecure_http exclude each other"
            }
            _ => return Ok(()),
        };
        Err(Failure::usage(problem))
    }
}

/// Reads a network, or an address, which is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| one()).map_err(|_| {
        "write an address, or a network such as 10.0.0.0/8; names are not looked up".to_owned()
    })
}

/// Reads `NAME=ALG`.
fn audience_and_algorithm(text: &str) -> Result<(String, Algorithm), String> {
    let (name, algorithm) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write it as NAME=ALG, for example legacy-api=RS256")?;
    let algorithm = algorithm
        .parse::<Algorithm>()
        .map_err(|error| error.to_string())?;
    Ok((name.to_owned(), algorithm))
}
