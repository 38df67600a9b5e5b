//! Where a token may go: an allow-list of origins (scheme, host, port; RFC 6454).

use std::sync::Arc;

use url::{Host, Origin, Url};

use crate::error::ClientError;

/// The origins a login's token was made for.
#[derive(Clone, Debug)]
pub(crate) struct Origins(Arc<[Origin]>);

impl Origins {
    pub(crate) fn only(url: &Url) -> Self {
        Self(Arc::new([url.origin()]))
    }

    pub(crate) fn with(&self, url: &Url) -> Self {
        Self(self.0.iter().cloned().chain([url.origin()]).collect())
    }

    pub(crate) fn contain(&self, url: &Url) -> bool {
        self.0.contains(&url.origin())
    }

    /// Refuses to send a token to a stranger.
    pub(crate) fn check(&self, url: &Url) -> Result<(), ClientError> {
        if self.contain(url) {
            return Ok(());
        }
        Err(ClientError::OriginNotAllowed {
            origin: url.origin().ascii_serialization(),
        })
    }
}

/// Reads the address of a server: `http` or `https`, with a host, without a name or password in it.
pub(crate) fn server_url(text: &str) -> Result<Url, ClientError> {
    let refuse = |reason| ClientError::BadAddress { reason };
    let url = Url::parse(text).map_err(|_| refuse("it is not an absolute URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("its scheme is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it has a user name or a password in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query or a fragment"));
    }
    Ok(url)
}

/// Whether plain HTTP may leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    OwnMachine,
    Anywhere,
}

impl PlainHttp {
    /// Refuses an address to which a password or a token would travel in the clear.
    pub(crate) fn check(self, url: &Url) -> Result<(), ClientError> {
        if self == Self::Anywhere || url.scheme() == "https" || is_own_machine(url) {
            return Ok(());
        }
        Err(ClientError::BadAddress {
            reason: "plain HTTP to another machine shows passwords and tokens to the network in \
                     between; use https, or say plain_http_insecurely",
        })
    }
}

/// Whether the host is this machine, whatever its port.
pub(crate) fn is_own_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_all_count() {
        let origins = Origins::only(&server_url("https://api.example/v1").expect("a URL"));
        let allowed = |text: &str| origins.contain(&Url::parse(text).expect("a URL"));
        assert!(allowed("https://api.example"));
        assert!(allowed("https://API.example:443/other"));
        for other in [
            "http://api.example",
            "https://api.example:444",
            "https://api.example.evil",
            "https://evil/?https://api.example",
            "data:text/plain,x",
        ] {
            assert!(!allowed(other), "{other}");
        }
    }

    #[test]
    fn plain_http_stays_on_the_own_machine_unless_it_is_said() {
        let url = |text| Url::parse(text).expect("a URL");
        for own in [
            "http://127.0.0.1:7800",
            "http://127.9.9.9",
            "http://[::1]:80",
            "http://localhost",
            "http://api.localhost",
            "https://api.example",
        ] {
            assert!(PlainHttp::OwnMachine.check(&url(own)).is_ok(), "{own}");
        }
        for other in [
            "http://api.example",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            let error = PlainHttp::OwnMachine.check(&url(other)).expect_err(other);
            assert_eq!(error.code(), "bad_address");
            assert!(PlainHttp::Anywhere.check(&url(other)).is_ok(), "{other}");
        }
    }

    #[test]
    fn an_address_is_a_plain_http_address() {
        for bad in [
            "127.0.0.1:7800",
            "ftp://127.0.0.1",
            "http://ada:pw@127.0.0.1",
            "http://127.0.0.1/?x=1",
            "",
        ] {
            let error = server_url(bad).expect_err(bad);
            assert!(matches!(error, ClientError::BadAddress { .. }));
            assert!(!error.to_string().contains("pw"));
        }
    }
}
