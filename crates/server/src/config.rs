//! What an operator decides. Everything has a default that is safe to run.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::Algorithm;
use countersign::secret::SecretString;
use countersign_issuer::{IssuerError, PasswordParameters, SessionPolicy};

pub use ipnet::IpNet;

pub use crate::limits::Limits;

/// The settings of one server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the data lives.
    pub database: Database,
    /// The `iss` of every token, without a slash at its end, never to be changed once guards know
    /// it. Default: the address listened on, unless that is every address or a proxy is in front.
    pub issuer: Option<String>,
    /// The `aud` of access tokens for which no other is asked.
    pub audience: String,
    /// The `aud` of the tokens that open `/admin`, and those alone. Who administers asks for it when
    /// signing in. None: tokens of `audience` with the role do, wherever they have been sent to.
    pub admin_audience: Option<String>,
    /// How access tokens are signed: with a private key, for a guard has only the public one.
    pub algorithm: Algorithm,
    /// Other audiences that may be asked for, and how tokens for them are signed: an API whose
    /// library knows RS256 only need not hold back the rest.
    pub other_audiences: BTreeMap<String, Algorithm>,
    /// How long an access token lives at most.
    pub access_life: Duration,
    /// How long sessions live, and the grace of a refresh.
    pub sessions: SessionPolicy,
    /// How many sessions a user may have for one client at once, at least 1: whoever signs in once more
    /// ends the one least recently used.
    pub max_sessions: u32,
    /// How long a line of the audit log is kept.
    pub audit_retention: Duration,
    /// What a new password hash costs.
    pub passwords: PasswordParameters,
    /// How many passwords are hashed at once, at most: half as many while anything but sign-ins is
    /// asked.
    pub hash_lanes: usize,
    /// How many more may wait for a lane.
    pub hash_queue: usize,
    /// HTTPS, if it is to be served here.
    pub tls: Option<TlsFiles>,
    /// Whether plain HTTP may be served to more than this machine.
    pub plain_http: PlainHttp,
    /// The proxies whose `X-Forwarded-For` is believed: some of all addresses, never all of them.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins of single-page apps, as browsers write them (`https://app.example.com`): they
    /// may read the answers, and keep the refresh token in a cookie. The issuer's own origin always
    /// may.
    pub browser_origins: Vec<String>,
    /// What a stranger may take of the server.
    pub limits: Limits,
    /// A listener of their own for the numbers (`/metrics`, plain HTTP, to whoever reaches it), which
    /// then is the only place. Without it they are for programs of this machine, beside the API, and
    /// only if the issuer is on loopback as well: a server with another name may have a proxy on this
    /// machine in front of it, which would pass them on to everybody.
    pub metrics_listen: Option<SocketAddr>,
    /// The text of the master key. Default: a file beside the embedded database.
    pub master_key: Option<SecretString>,
}

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum Database {
    /// An SQLite file of our own.
    Sqlite(PathBuf),
    /// A PostgreSQL database that several server processes may share. The URL may hold a password.
    Postgres(SecretString),
}

/// Where the certificate and its private key lie, both in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, followed by the rest of its chain.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// For how long browsers are to ask this host, at any port, by HTTPS alone
    /// (`Strict-Transport-Security`, RFC 6797). Default: nothing is said of it.
    pub strict_transport: Option<Duration>,
}

/// Whether plain HTTP may be served on an address that others can reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// On loopback only.
    #[default]
    LoopbackOnly,
    /// A proxy in front speaks HTTPS to the world.
    BehindProxy,
    /// Passwords and tokens may be read on the way.
    Insecure,
}

/// Why these settings cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Plain HTTP towards the network.
    #[error(
        "plain HTTP on {0} would show passwords and tokens to the network: give --tls-cert and \
         --tls-key, or --behind-proxy if a proxy serves HTTPS, or --insecure-http if you mean it"
    )]
    PlainHttp(SocketAddr),
    /// The issuer is not a URL guards can be told.
    #[error(
        "the issuer `{0}` must be a https URL (http on loopback) without query, fragment or a \
         slash at its end"
    )]
    Issuer(String),
    /// Nobody could be told where this server is.
    #[error(
        "what tokens say of their issuer cannot be the address listened on, {0}, which others \
         cannot call: give --issuer URL, the address under which clients and guards reach this \
         server"
    )]
    IssuerUnset(SocketAddr),
    /// A secret that stays in the server signs, and nobody else can check.
    #[error(
        "the tokens for `{audience}` cannot be signed with {algorithm}: that takes a secret which \
         this server shares with nobody, so no guard could check them; choose an algorithm with a \
         public key, such as ES256, EdDSA or RS256"
    )]
    SharedSecret {
        /// Whom the tokens are for.
        audience: String,
        /// What was asked for.
        algorithm: Algorithm,
    },
    /// Whoever connects would say who they are.
    #[error(
        "`{0}` is every address there is, so everybody would be a proxy and say by X-Forwarded-For who \
         they are: name the network that your proxy calls from, such as 10.0.0.0/8"
    )]
    EverybodyTrusted(IpNet),
    /// No browser would call a page's origin that.
    #[error(
        "`{0}` is not the origin of a page: give the scheme, the host and, if it is not the usual \
         one, the port, as https://app.example.com (http on loopback only), and nothing behind them"
    )]
    BrowserOrigin(String),
    /// The database's name is not understood.
    #[error("a database is named as sqlite:PATH or postgres://USER@HOST/NAME")]
    Database,
    /// No token could say that it is for nothing in particular.
    #[error(
        "the audience of /admin has no name; leave it out, and tokens of the usual audience open /admin"
    )]
    AdminAudience,
    /// A token for everybody's API would open `/admin` all the same.
    #[error(
        "the audience of /admin is the usual one, `{0}`, so its tokens would be no others; give it a \
         name of its own, or leave it out, which says the same"
    )]
    AdminAudienceUsual(String),
    /// No session could be unused for as long as it may be.
    #[error(
        "sessions cannot lie unused for {} and be over after {}: session_idle_days must not be more \
         than session_life_days", spelled(*idle), spelled(*absolute)
    )]
    Idle {
        /// How long a session may lie unused.
        idle: Duration,
        /// How long it lasts in any case.
        absolute: Duration,
    },
    /// Sessions that end at once, or a grace in which a thief has all the time.
    #[error(transparent)]
    Sessions(#[from] IssuerError),
    /// A server that answers nobody.
    #[error("{0} must be at least 1: with none of it nobody would be answered")]
    NoRoom(&'static str),
    /// An access token must live a while, and not for long.
    #[error("access tokens must live 5 seconds to 24 hours, not {} seconds", .0.as_secs())]
    AccessLife(Duration),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7800)),
            database: Database::Sqlite(PathBuf::from("countersign.db")),
            issuer: None,
            audience: "api".into(),
            admin_audience: None,
            algorithm: Algorithm::ES256,
            other_audiences: BTreeMap::new(),
            access_life: Duration::from_secs(600),
            sessions: SessionPolicy::default(),
            max_sessions: 100,
            audit_retention: Duration::from_secs(365 * 86_400),
            passwords: PasswordParameters::default(),
            hash_lanes: default_lanes(),
            hash_queue: 64,
            tls: None,
            plain_http: PlainHttp::default(),
            trusted_proxies: Vec::new(),
            browser_origins: Vec::new(),
            limits: Limits::default(),
            metrics_listen: None,
            master_key: None,
        }
    }
}

impl Config {
    /// Refuses what must not be run, before anything is opened.
    ///
    /// # Errors
    /// [`ConfigError`], which says what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(missing) = self.limits.missing() {
            return Err(ConfigError::NoRoom(missing));
        }
        if self.max_sessions == 0 {
            return Err(ConfigError::NoRoom("the number of sessions of a user"));
        }
        let reachable = !self.listen.ip().is_loopback();
        if reachable && self.tls.is_none() && self.plain_http == PlainHttp::LoopbackOnly {
            return Err(ConfigError::PlainHttp(self.listen));
        }
        match &self.issuer {
            Some(issuer) if !is_issuer(issuer) => return Err(ConfigError::Issuer(issuer.clone())),
            None if self.is_called_elsewhere() => {
                return Err(ConfigError::IssuerUnset(self.listen));
            }
            Some(_) | None => {}
        }
        let mut proxies = self.trusted_proxies.iter();
        if let Some(all) = proxies.find(|network| network.prefix_len() == 0) {
            return Err(ConfigError::EverybodyTrusted(*all));
        }
        let other = self.other_audiences.iter();
        let signed = other.map(|(audience, algorithm)| (audience, *algorithm));
        for (audience, algorithm) in signed.chain([(&self.audience, self.algorithm)]) {
            if algorithm.is_symmetric() {
                return Err(ConfigError::SharedSecret {
                    audience: audience.clone(),
                    algorithm,
                });
            }
        }
        match self.admin_audience.as_deref() {
            Some("") => return Err(ConfigError::AdminAudience),
            Some(name) if name == self.audience => {
                return Err(ConfigError::AdminAudienceUsual(name.to_owned()));
            }
            Some(_) | None => {}
        }
        let SessionPolicy { idle, absolute, .. } = self.sessions;
        if idle > absolute {
            return Err(ConfigError::Idle { idle, absolute });
        }
        self.sessions.checked()?;
        for origin in &self.browser_origins {
            if !is_web_origin(origin) {
                return Err(ConfigError::BrowserOrigin(origin.clone()));
            }
        }
        if !(5..=86_400).contains(&self.access_life.as_secs()) {
            return Err(ConfigError::AccessLife(self.access_life));
        }
        Ok(())
    }

    /// The audiences that may be asked for besides the usual one, and how tokens for them are signed.
    pub(crate) fn further_audiences(&self) -> BTreeMap<String, Algorithm> {
        let mut all = self.other_audiences.clone();
        if let Some(name) = &self.admin_audience {
            all.entry(name.clone()).or_insert(self.algorithm);
        }
        all
    }

    /// Whether the address listened on is none that clients and guards can use.
    fn is_called_elsewhere(&self) -> bool {
        self.listen.ip().is_unspecified() || self.plain_http == PlainHttp::BehindProxy
    }

    /// The issuer of a server that listens on `address`.
    pub(crate) fn issuer_at(&self, address: SocketAddr) -> String {
        self.issuer.clone().unwrap_or_else(|| {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{address}")
        })
    }
}

impl Database {
    /// Reads `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// [`ConfigError::Database`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(
                Path::new(path.strip_prefix("//").unwrap_or(path)).to_owned(),
            )),
            None if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
                Ok(Self::Postgres(SecretString::new(text)))
            }
            // What was typed is not repeated: it may hold a password.
            _ => Err(ConfigError::Database),
        }
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

/// In days, where that is what it is.
fn spelled(life: Duration) -> String {
    let seconds = life.as_secs();
    if seconds.is_multiple_of(86_400) {
        format!("{} days", seconds / 86_400)
    } else {
        format!("{seconds} s")
    }
}

/// RFC 8414 §2: https, no query, no fragment. Plain http is for loopback alone.
fn is_issuer(issuer: &str) -> bool {
    let authority = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    let named = match (
        issuer.strip_prefix("https://"),
        issuer.strip_prefix("http://"),
    ) {
        (Some(rest), _) => !authority(rest).is_empty(),
        (None, Some(rest)) => is_loopback(&authority(rest)),
        (None, None) => false,
    };
    named && !issuer.ends_with('/') && !issuer.contains(['?', '#', ' ', '"', '\\'])
}

/// RFC 6454 §6.2, in the spelling of browsers: they compare it byte by byte, and so do we.
fn is_web_origin(origin: &str) -> bool {
    let host = origin.split_once("://").map(|(_, authority)| authority);
    is_issuer(origin)
        && host.is_some_and(|host| !host.contains(['/', '@', '*', ',']))
        && origin
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
        && !(origin.starts_with("https://") && origin.ends_with(":443"))
        && !(origin.starts_with("http://") && origin.ends_with(":80"))
}

/// Whether a host, with or without a port, is this machine.
pub(crate) fn is_loopback(authority: &str) -> bool {
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// One for each core.
fn default_lanes() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
