//! `countersign serve`: the auth server, until it is told to stop.

use std::env::VarError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use countersign::Algorithm;
use countersign::crypto;
use countersign::secret::SecretString;
use countersign_issuer::Password;
use countersign_server::config::IpNet;
use countersign_server::{
    Config, Database, DirectoryError, PlainHttp, Server, TlsFiles, master_key_file,
};

use super::password::PasswordCost;
use crate::failure::Failure;
use crate::output;

/// The name of the administrator that `--dev` makes.
const DEV_ADMIN: &str = "admin";

/// Run the auth server.
///
/// The first start makes the database, the signing keys and, beside the database, the master-key
/// file. Ctrl-C or SIGTERM stops it calmly.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(
        long,
        env = "COUNTERSIGN_LISTEN",
        default_value = "127.0.0.1:7800",
        value_name = "ADDR"
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
    #[arg(
        long,
        env = "COUNTERSIGN_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(
        long,
        env = "COUNTERSIGN_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Plain HTTP beyond this machine: a proxy in front serves HTTPS
    #[arg(long, conflicts_with_all = ["tls_cert", "insecure_http"])]
    behind_proxy: bool,
    /// Plain HTTP beyond this machine: passwords and tokens can be read on the way
    #[arg(long, conflicts_with = "tls_cert")]
    insecure_http: bool,
    /// A network of proxies whose X-Forwarded-For is believed; may be given several times
    #[arg(
        long = "trusted-proxy",
        env = "COUNTERSIGN_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    trusted_proxies: Vec<IpNet>,
    #[command(flatten)]
    passwords: PasswordCost,
    /// For trying out: make a first administrator with a random password, shown once
    #[arg(long)]
    dev: bool,
}

/// Where the data lives.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: sqlite:PATH, or postgres://USER@HOST/NAME to share it among servers
    #[arg(
        long,
        env = "COUNTERSIGN_DATABASE",
        hide_env_values = true,
        default_value = "sqlite:countersign.db",
        value_name = "URL"
    )]
    database: String,
}

impl DatabaseArgs {
    /// Default settings for this database, with the master key of the environment if there is one.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let master_key = match std::env::var(MASTER_KEY) {
            Ok(text) => Some(SecretString::new(text)),
            Err(VarError::NotPresent) => None,
            Err(error @ VarError::NotUnicode(_)) => {
                return Err(Failure::usage(format!("{MASTER_KEY}: {error}")));
            }
        };
        let database = Database::parse(&self.database).map_err(Failure::usage)?;
        Ok(Config {
            database,
            master_key,
            ..Config::default()
        })
    }
}

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(serve(args))
}

async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let config = args.config()?;
    let new_file = match &config.database {
        Database::Sqlite(path) if !path.exists() => Some(path.clone()),
        Database::Sqlite(_) | Database::Postgres(_) => None,
    };
    let own_master_key = config.master_key.is_some();
    let server = Server::start(config).await.map_err(Failure::failed)?;

    if let Some(path) = &new_file {
        output::note(&format!("made the database {}", path.display()))?;
        if !own_master_key {
            output::note(&format!(
                "made the master key  {}  (keep a copy elsewhere: no backup contains it)",
                master_key_file(path).display()
            ))?;
        }
    }
    output::note(&format!(
        "serving {} on {}",
        server.issuer(),
        server.address()
    ))?;
    if args.dev {
        welcome(&server).await?;
    } else if new_file.is_some() {
        output::note("next: add a user with  countersign user add NAME")?;
    }

    stopped().await.map_err(Failure::failed)?;
    output::note("stopping")?;
    server.stop().await;
    Ok(())
}

/// Makes the first administrator and says how to sign in.
async fn welcome(server: &Server) -> Result<(), Failure> {
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
            output::line(&login_line(server.issuer(), &password))?;
        }
        Err(DirectoryError::NameTaken(_)) => {
            output::note(&format!(
                "the user {DEV_ADMIN} exists already; its password is as it was"
            ))?;
            output::line(&login_line(server.issuer(), "YOUR-PASSWORD"))?;
        }
        Err(error) => return Err(Failure::failed(error)),
    }
    output::line(&format!(
        "curl -H \"Authorization: Bearer $TOKEN\" {}/me",
        server.issuer()
    ))
}

/// The tutorial's first line, with the token kept for its second.
fn login_line(issuer: &str, password: &str) -> String {
    format!(
        "TOKEN=$(curl -s {issuer}/login -H 'Content-Type: application/json' \
         -d '{{\"username\":\"{DEV_ADMIN}\",\"password\":\"{password}\"}}' \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    )
}

/// 120 random bits.
fn random_password() -> Result<String, Failure> {
    let bytes = crypto::random::<15>().map_err(Failure::failed)?;
    Ok(countersign::base64url::encode(&bytes))
}

const MASTER_KEY: &str = "COUNTERSIGN_MASTER_KEY";

impl ServeArgs {
    fn config(&self) -> Result<Config, Failure> {
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
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
            ..self.database.config()?
        };
        config.check().map_err(Failure::usage)?;
        Ok(config)
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

/// Ctrl-C, or SIGTERM from a supervisor.
#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
