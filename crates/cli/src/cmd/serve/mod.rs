//! `countersign serve`: the auth server, until it is told to stop.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, value_parser};
use countersign::Algorithm;
use countersign::crypto;
use countersign_issuer::{Password, SessionPolicy};
use countersign_server::config::IpNet;
use countersign_server::{Config, DirectoryError, PlainHttp, Server, TlsFiles};
use countersign_wire::paths::METRICS;

use super::database::{DatabaseArgs, FirstUse};
use super::limits::LimitArgs;
use super::listen;
use super::open_files;
use super::password::PasswordCost;
use super::stop;
use crate::failure::Failure;
use crate::output;

/// The name of the administrator that `--dev` makes.
const DEV_ADMIN: &str = "admin";

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
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, env = "COUNTERSIGN_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Plain HTTP beyond this machine: a proxy in front serves HTTPS
    #[arg(
        long,
        env = "COUNTERSIGN_BEHIND_PROXY",
        value_parser = BoolishValueParser::new()
    )]
    behind_proxy: bool,
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
        value_name = "CIDR"
    )]
    trusted_proxies: Vec<IpNet>,
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
    dev: bool,
}

/// How long things are kept.
#[derive(Debug, Args)]
struct Ages {
    /// After how many days without use a session is over
    #[arg(
        long,
        env = "COUNTERSIGN_SESSION_IDLE_DAYS",
        default_value_t = 30,
        value_name = "DAYS",
        value_parser = value_parser!(u16).range(1..=3650)
    )]
    session_idle_days: u16,
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
        SessionPolicy {
            idle: days(self.session_idle_days),
            absolute: days(self.session_life_days),
            grace: Duration::from_secs(self.refresh_grace.into()),
        }
    }
}

fn days(count: u16) -> Duration {
    Duration::from_secs(u64::from(count) * 86_400)
}

/// More than are ever needed at once.
const BLOCKING_THREADS: usize = 8;

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // For reads of the database, of which only a few are done at once; yet in a crowd threads
        // would be added while others are about to be free, each with a stack and a heap.
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(serve(args))
}

async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let config = args.config()?;
    if args.behind_proxy && args.trusted_proxies.is_empty() {
        output::warning(
            "without --trusted-proxy everyone behind the proxy is one network to this server: the \
             wrong passwords of one make all the others wait; name the proxy's network, for \
             example --trusted-proxy 10.0.0.0/8",
        )?;
    }
    open_files::raise_for(config.limits.connections, " or lower --max-connections")?;
    let first_use = FirstUse::of(&config);
    let server = Server::start(config).await.map_err(Failure::failed)?;
    first_use.say()?;
    output::note(&format!(
        "serving {} on {}",
        server.issuer(),
        server.address()
    ))?;
    if let Some(address) = server.metrics_address() {
        numbers_at(address)?;
    }
    if args.dev {
        let at = Curl::to(server.address(), args.tls_cert.as_deref());
        welcome(&server, &at).await?;
    } else if first_use.is_first() {
        output::note("next: add a user with  countersign user add NAME")?;
    }

    stop::signal()
        .map_err(Failure::failed)?
        .await
        .map_err(Failure::failed)?;
    output::note("stopping")?;
    server.stop().await;
    Ok(())
}

/// Says where the numbers are read.
pub(super) fn numbers_at(address: SocketAddr) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        output::warning(
            "whoever reaches the address of the numbers reads them; let nobody but the scraper",
        )?;
    }
    output::note(&format!("numbers on http://{address}{METRICS}"))
}

/// Makes the first administrator and says how to sign in.
async fn welcome(server: &Server, curl: &Curl) -> Result<(), Failure> {
    let password = random_password()?;
    let asked = Password::new(password.clone()).map_err(Failure::failed)?;
    match server
        .directory()
        .add(DEV_ADMIN, asked, vec![DEV_ADMIN.to_owned()])
        .await
    {
        Ok(_) => {
            output::line(&format!("user      {DEV_ADMIN}"))?;
            output::line(&format!("password  {password}   (shown this once)"))?;
            output::line("")?;
            output::line(&login_line(curl, &password))?;
        }
        Err(DirectoryError::NameTaken(_)) => {
            output::note(&format!(
                "the user {DEV_ADMIN} exists already; its password is as it was"
            ))?;
            output::line(&login_line(curl, "YOUR-PASSWORD"))?;
        }
        Err(error) => return Err(Failure::failed(error)),
    }
    let Curl { command, url } = curl;
    output::line(&format!(
        "{command} -H \"Authorization: Bearer $TOKEN\" {url}/me"
    ))
}

/// How this very server is called: at the address listened on. The issuer is only a name here; what
/// answers there may be somebody else, who must not be sent a password.
struct Curl {
    command: String,
    url: String,
}

impl Curl {
    fn to(address: SocketAddr, certificate: Option<&Path>) -> Self {
        let mut near = address;
        if address.ip().is_unspecified() {
            near.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        match certificate {
            None => Self {
                command: "curl".to_owned(),
                url: format!("http://{near}"),
            },
            Some(file) => Self {
                command: format!("curl --cacert {}", quoted(&file.to_string_lossy())),
                url: format!("https://{near}"),
            },
        }
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The tutorial's first line, with the token kept for its second.
fn login_line(Curl { command, url }: &Curl, password: &str) -> String {
    format!(
        "TOKEN=$({command} -s {url}/login -H 'Content-Type: application/json' \
         -d '{{\"username\":\"{DEV_ADMIN}\",\"password\":\"{password}\"}}' \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    )
}

/// 120 random bits.
fn random_password() -> Result<String, Failure> {
    let bytes = crypto::random::<15>().map_err(Failure::failed)?;
    Ok(countersign::base64url::encode(&bytes))
}

impl ServeArgs {
    pub(super) fn config(&self) -> Result<Config, Failure> {
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
            algorithm: self.algorithm,
            access_life: Duration::from_secs(self.access_life),
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
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
}

impl ServeArgs {
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
            _ if self.behind_proxy && self.insecure_http => {
                "behind_proxy and insecure_http exclude each other"
            }
            _ => return Ok(()),
        };
        Err(Failure::usage(problem))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_for_curl_lead_to_this_server() {
        let to = |address: &str, certificate: Option<&str>| {
            let address = address.parse().expect("an address");
            let Curl { command, url } = Curl::to(address, certificate.map(Path::new));
            format!("{command} {url}")
        };
        assert_eq!(to("127.0.0.1:80", None), "curl http://127.0.0.1:80");
        assert_eq!(to("0.0.0.0:7800", None), "curl http://127.0.0.1:7800");
        assert_eq!(to("[::]:7800", None), "curl http://[::1]:7800");
        assert_eq!(
            to("0.0.0.0:443", Some("own cert's.pem")),
            r"curl --cacert 'own cert'\''s.pem' https://127.0.0.1:443"
        );
        assert_eq!(
            to("192.0.2.7:443", Some("/etc/tls/cert.pem")),
            "curl --cacert /etc/tls/cert.pem https://192.0.2.7:443"
        );
    }
}
