//! One bounded GET, the only way anything is fetched.

use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT, AGE, CACHE_CONTROL, DATE};
use reqwest::{Certificate, Client, ClientBuilder, Response, Url, redirect};

use crate::error::follow::{FetchError, FollowError};
use crate::pace::{Pace, PlainHttp};

/// Fetches within bounds. Clones share connections.
#[derive(Clone)]
pub(super) struct Fetcher {
    client: Client,
    /// For plain HTTP to the own machine, past any proxy that the environment names: it must not leave
    /// the machine.
    near: Client,
    timeout: Duration,
    plain_http: PlainHttp,
}

/// What came back.
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    /// From `Cache-Control`.
    pub(super) max_age: Option<Duration>,
    /// `Date`, if it is that of the answer and not of a copy that a cache kept.
    pub(super) date: Option<String>,
}

impl Fetcher {
    pub(super) fn new(pace: &Pace) -> Result<Self, FollowError> {
        let builder = || {
            Client::builder()
                .redirect(redirect::Policy::none())
                .referer(false)
                .connect_timeout(pace.timeout)
                .user_agent(concat!("countersign-guard/", env!("CARGO_PKG_VERSION")))
        };
        // On a machine without any CA certificates, as a slim container is, an issuer on loopback
        // can still be followed; of HTTPS issuers those with an authority of one's own.
        let no_roots = |builder: ClientBuilder| builder.tls_certs_only(None::<Certificate>);
        let cannot = |error: reqwest::Error| FollowError::Fetch {
            what: "metadata",
            error: error.into(),
        };
        let client = builder()
            .tls_certs_merge(pace.authorities.certificates())
            .build()
            .or_else(|_| {
                let own = pace.authorities.certificates();
                builder().tls_certs_only(own).build()
            })
            .map_err(cannot)?;
        let near = no_roots(builder()).no_proxy().build().map_err(cannot)?;
        Ok(Self {
            client,
            near,
            timeout: pace.timeout,
            plain_http: pace.plain_http,
        })
    }

    /// The same, but what an issuer reached by `https` points to must be `https` too.
    pub(super) fn for_issuer(&self, issuer: &Url) -> Self {
        let mut fetcher = self.clone();
        if issuer.scheme() == "https" {
            fetcher.plain_http = PlainHttp::Nowhere;
        }
        fetcher
    }

    /// The address, if it is one that may be fetched from: `https`, or `http` to the own machine.
    pub(super) fn address(&self, url: &str) -> Result<Url, FetchError> {
        let bad = |problem: &str| FetchError::BadUrl {
            problem: problem.to_owned(),
        };
        if !url.contains("://") {
            return Err(bad(
                "it is no whole URL: those begin with https://, or http:// on this machine",
            ));
        }
        let parsed = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad("it contains a user name or a password"));
        }
        match parsed.scheme() {
            "https" => Ok(parsed),
            "http" => match self.plain_http {
                PlainHttp::Anywhere => Ok(parsed),
                PlainHttp::OwnMachine if is_loopback(&parsed) => Ok(parsed),
                PlainHttp::OwnMachine | PlainHttp::Nowhere => Err(FetchError::PlainHttp {
                    url: parsed.to_string(),
                }),
            },
            _ => Err(bad("it is neither https nor http")),
        }
    }

    /// The body at that address, at most `limit` bytes of it.
    pub(super) async fn get(
        &self,
        url: &Url,
        accept: &str,
        limit: usize,
    ) -> Result<Fetched, FetchError> {
        let whole = async {
            let mut response = self.open(url, accept, None).await?;
            let body = bounded(&mut response, limit).await?;
            Ok(Fetched {
                body,
                max_age: max_age(&response),
                date: date(&response),
            })
        };
        self.in_time(url, whole).await
    }

    async fn in_time<T>(
        &self,
        url: &Url,
        whole: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        match tokio::time::timeout(self.timeout, whole).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::Timeout {
                url: url.to_string(),
                after: self.timeout,
            }),
        }
    }

    /// The JSON at that address, from a cursor on.
    pub(super) async fn from(
        &self,
        url: &Url,
        last_event_id: Option<&str>,
        limit: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let whole = async {
            let mut response = self.open(url, "application/json", last_event_id).await?;
            bounded(&mut response, limit).await
        };
        self.in_time(url, whole).await
    }

    /// The answer at that address, to be read bit by bit and within bounds by the caller.
    pub(super) async fn open(
        &self,
        url: &Url,
        accept: &str,
        last_event_id: Option<&str>,
    ) -> Result<Response, FetchError> {
        let client = if url.scheme() == "http" && is_loopback(url) {
            &self.near
        } else {
            &self.client
        };
        let mut request = client.get(url.clone()).header(ACCEPT, accept);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status {
                url: url.to_string(),
                status: response.status().as_u16(),
            });
        }
        Ok(response)
    }
}

/// The rest of the body, at most `limit` bytes of it.
pub(super) async fn bounded(response: &mut Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(FetchError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn max_age(response: &Response) -> Option<Duration> {
    response
        .headers()
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
        .and_then(|(_, seconds)| seconds.trim_matches('"').parse().ok())
        .map(Duration::from_secs)
}

fn date(response: &Response) -> Option<String> {
    let headers = response.headers();
    if headers.contains_key(AGE) {
        return None;
    }
    Some(headers.get(DATE)?.to_str().ok()?.to_owned())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_own_machine_only() {
        let fetcher = Fetcher::new(&Pace::default()).expect("a client");
        for url in [
            "https://id.example",
            "http://localhost:7800",
            "http://127.0.0.1:7800/path",
            "http://127.9.9.9",
            "http://[::1]:7800",
        ] {
            assert!(fetcher.address(url).is_ok(), "{url}");
        }
        for (url, code) in [
            ("http://id.example", "plain_http"),
            ("http://localhost.example", "plain_http"),
            ("http://192.168.1.1", "plain_http"),
            ("http://0.0.0.0", "plain_http"),
            ("https://user@id.example", "bad_url"),
            ("https://:pw@id.example", "bad_url"),
            ("file:///etc/passwd", "bad_url"),
            ("data:application/json,{}", "bad_url"),
            ("id.example", "bad_url"),
            ("", "bad_url"),
        ] {
            let error = fetcher.address(url).expect_err(url);
            assert_eq!(error.code(), code, "{url}");
        }
    }

    #[test]
    fn an_issuer_behind_https_points_to_https_only() {
        let fetcher = Fetcher::new(&Pace::default()).expect("a client");
        let issuer = fetcher.address("https://id.example").expect("https");
        let strict = fetcher.for_issuer(&issuer);
        assert!(strict.address("https://keys.example").is_ok());
        let error = strict.address("http://127.0.0.1/keys").expect_err("plain");
        assert_eq!(error.code(), "plain_http");
    }
}
