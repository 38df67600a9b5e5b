//! The address of a database: a `postgres://` URL, and what it means for encryption.
//!
//! | `sslmode` | |
//! |---|---|
//! | not given | `disable` for a Unix socket or loopback, otherwise `verify-full` |
//! | `disable` | no TLS |
//! | `prefer`, `allow` | TLS if the server offers it |
//! | `require`, `verify-ca`, `verify-full` | TLS, or no connection |
//!
//! Whenever TLS is spoken the certificate is verified, its name included: an unverified certificate
//! keeps nobody out. It must be signed by `sslrootcert=FILE` or else by an authority the system
//! trusts. `pool_size=N` says how many connections are held at most. The rest is the driver's:
//! `user`, `password`, `dbname`, several hosts, `connect_timeout`, `target_session_attrs`, and so on.
//!
//! A URL may hold a password, so no part of one is repeated in an error.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::store::StoreError;

/// How many connections are held when the URL does not say: enough for commits to be grouped, few
/// enough for five server processes under PostgreSQL's own limit of 100.
const CONNECTIONS: usize = 16;
/// How long one host may take to answer a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// After this long without a word, the other side is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A URL, understood.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Option<MakeRustlsConnect>,
    pub(super) connections: usize,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (own, rest) = take_own(url)?;
        let mut config = Config::from_str(&rest).map_err(|_| malformed())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(malformed());
        }
        config.ssl_mode(own.tls.unwrap_or_else(|| default_mode(&config)));
        if config.get_application_name().is_none() {
            config.application_name("countersign");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if !rest.contains("keepalives_idle=") {
            config.keepalives_idle(KEEPALIVE);
        }
        // Of several hosts one is the primary, and after a failover it is another one.
        let several = config.get_hosts().len().max(config.get_hostaddrs().len()) > 1;
        if several && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(connector(own.root_certificate.as_deref())?),
        };
        Ok(Self {
            config,
            tls,
            connections: own.connections.unwrap_or(CONNECTIONS),
        })
    }
}

/// The parameters that are ours and not the driver's.
#[derive(Default)]
struct Own {
    tls: Option<SslMode>,
    root_certificate: Option<String>,
    connections: Option<usize>,
}

fn take_own(url: &str) -> Result<(Own, String), StoreError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(malformed());
    }
    let mut own = Own::default();
    let Some((place, query)) = url.split_once('?') else {
        return Ok((own, url.to_owned()));
    };
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(malformed)?;
        match name {
            "sslmode" => own.tls = Some(mode(value)?),
            "sslrootcert" => {
                let path = percent_decode_str(value)
                    .decode_utf8()
                    .map_err(|_| malformed())?;
                own.root_certificate = (path != "system").then(|| path.into_owned());
            }
            "pool_size" => {
                let size = value.parse().ok().filter(|size| (1..=1000).contains(size));
                own.connections = Some(size.ok_or_else(|| {
                    StoreError::unavailable("pool_size in its URL must be a number from 1 to 1000")
                })?);
            }
            _ => kept.push(pair),
        }
    }
    let query = kept.join("&");
    Ok((
        own,
        if query.is_empty() {
            place.to_owned()
        } else {
            format!("{place}?{query}")
        },
    ))
}

fn mode(value: &str) -> Result<SslMode, StoreError> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "allow" | "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err(StoreError::unavailable(
            "sslmode in its URL must be disable, prefer, require, verify-ca or verify-full",
        )),
    }
}

fn default_mode(config: &Config) -> SslMode {
    let local = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        Host::Unix(_) => true,
    };
    let near = config.get_hosts().iter().all(local)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    if near {
        SslMode::Disable
    } else {
        SslMode::Require
    }
}

fn malformed() -> StoreError {
    StoreError::unavailable(
        "its URL cannot be understood: write postgres://USER:PASSWORD@HOST:PORT/NAME, with \
         special characters of the password percent-encoded, and PostgreSQL's parameters after a \
         question mark",
    )
}

fn connector(root_certificate: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    let added = match root_certificate {
        Some(path) => {
            let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<_, _>>)
                .map_err(|error| {
                    StoreError::unavailable(format!("sslrootcert {path} cannot be read: {error}"))
                })?;
            roots.add_parsable_certificates(certificates).0
        }
        None => {
            roots
                .add_parsable_certificates(rustls_native_certs::load_native_certs().certs)
                .0
        }
    };
    if added == 0 {
        return Err(StoreError::unavailable(
            "there is no certificate authority to verify it by: install the system's, or name one \
             with sslrootcert in its URL",
        ));
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(url: &str) -> SslMode {
        Address::parse(url)
            .expect("a good URL")
            .config
            .get_ssl_mode()
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_it_is_said() {
        for near in [
            "%2Frun%2Fpostgresql",
            "localhost",
            "127.0.0.1:5433",
            "[::1]",
        ] {
            assert_eq!(
                mode_of(&format!("postgres://ada@{near}/x")),
                SslMode::Disable,
                "{near}"
            );
        }
        for far in ["db.example", "10.0.0.7", "localhost,db.example"] {
            assert_eq!(
                mode_of(&format!("postgres://ada@{far}/x")),
                SslMode::Require,
                "{far}"
            );
        }
        let said = |mode| mode_of(&format!("postgres://ada@db.example/x?sslmode={mode}"));
        assert_eq!(said("disable"), SslMode::Disable);
        assert_eq!(said("prefer"), SslMode::Prefer);
        for required in ["require", "verify-ca", "verify-full"] {
            assert_eq!(said(required), SslMode::Require);
        }
    }

    #[test]
    fn of_several_hosts_the_one_that_can_be_written_to_is_asked_for() {
        let attributes = |url| {
            Address::parse(url)
                .expect("good")
                .config
                .get_target_session_attrs()
        };
        assert_eq!(
            attributes("postgres://a,b/x"),
            TargetSessionAttrs::ReadWrite
        );
        assert_eq!(attributes("postgres://a/x"), TargetSessionAttrs::Any);
    }

    #[test]
    fn our_own_parameters_are_understood_and_others_left_to_the_driver() {
        let address = Address::parse("postgres://a@localhost/x?pool_size=3&application_name=mine")
            .expect("a good URL");
        assert_eq!(address.connections, 3);
        assert_eq!(address.config.get_application_name(), Some("mine"));
        assert_eq!(
            Address::parse("postgres://a@localhost/x")
                .expect("good")
                .connections,
            CONNECTIONS
        );
    }

    #[test]
    fn no_error_repeats_a_password() {
        let urls = [
            "mysql://ada:hunter2@db.example/x",
            "postgres://ada:hunter2?hunter2@db.example/x",
            "postgres://ada:hunter2@db.example/x?sslmode=hunter2",
            "postgres://ada:hunter2@db.example/x?pool_size=hunter2",
            "postgres://ada:hunter2@db.example/x?hunter2",
            "postgres://ada:hunter2@db.example/x?hunter2=1",
            "postgres://ada:hunter2@:hunter2/x",
        ];
        for url in urls {
            let Err(error) = Address::parse(url) else {
                panic!("{url} is refused")
            };
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_root_certificate_that_is_not_there_is_named() {
        let url = "postgres://ada@db.example/x?sslrootcert=/nowhere/ca.pem";
        let Err(error) = Address::parse(url) else {
            panic!("refused")
        };
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
