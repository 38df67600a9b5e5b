//! What is counted of requests and connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::label::labels;
use super::number::{Counter, Counters, Histogram, REQUEST};

labels! {
    /// An OAuth endpoint.
    pub(crate) enum Endpoint {
        /// `POST /oauth/token`
        Token = "token",
        /// `POST /oauth/introspect`
        Introspect = "introspect",
        /// `POST /oauth/revoke`
        Revoke = "revoke",
    }
}

labels! {
    /// How a request to an OAuth endpoint ended: well, or with an `error` of RFC 6749 §5.2.
    pub(crate) enum OauthOutcome {
        /// With what was asked for.
        Ok = "ok",
        /// The request is malformed.
        InvalidRequest = "invalid_request",
        /// The client did not prove who it is.
        InvalidClient = "invalid_client",
        /// The refresh token is no good.
        InvalidGrant = "invalid_grant",
        /// The client may not do this.
        UnauthorizedClient = "unauthorized_client",
        /// There is no such grant type.
        UnsupportedGrantType = "unsupported_grant_type",
        /// A token of this kind cannot be revoked.
        UnsupportedTokenType = "unsupported_token_type",
        /// More scope than may be granted.
        InvalidScope = "invalid_scope",
        /// An audience there are no tokens for.
        InvalidTarget = "invalid_target",
        /// As many tokens of one `sid` were taken back as may be.
        TooManyRevocations = "too_many_revocations",
        /// Too busy, or the database does not answer.
        Unavailable = "unavailable",
        /// The server failed.
        Failed = "failed",
    }
}

/// What is counted of the OAuth endpoints.
#[derive(Debug, Default)]
pub(crate) struct OauthCounts {
    token: Counters<OauthOutcome>,
    introspect: Counters<OauthOutcome>,
    revoke: Counters<OauthOutcome>,
}

impl OauthCounts {
    pub(crate) const fn of(&self, endpoint: Endpoint) -> &Counters<OauthOutcome> {
        match endpoint {
            Endpoint::Token => &self.token,
            Endpoint::Introspect => &self.introspect,
            Endpoint::Revoke => &self.revoke,
        }
    }
}

labels! {
    /// The hundred of an answer's status.
    pub(crate) enum StatusClass {
        /// It worked.
        Success = "2xx",
        /// It is elsewhere, or unchanged.
        Redirection = "3xx",
        /// The request is at fault.
        Refused = "4xx",
        /// The server is at fault.
        Failed = "5xx",
    }
}

impl StatusClass {
    pub(crate) const fn of(status: u16) -> Self {
        match status {
            0..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// What is counted of each route. The routes are those there are; whatever else is asked for
/// is one of them, `none`.
#[derive(Debug)]
pub(crate) struct Traffic {
    /// By the routes' paths, in their order.
    routes: Box<[(Box<str>, RouteCounts)]>,
    none: RouteCounts,
}

/// What is counted of one route.
#[derive(Debug)]
pub(crate) struct RouteCounts {
    pub(crate) answers: Counters<StatusClass>,
    pub(crate) seconds: Histogram,
}

impl Traffic {
    pub(crate) fn over(routes: impl IntoIterator<Item = String>) -> Self {
        let mut routes: Vec<String> = routes.into_iter().collect();
        routes.sort();
        let counted = |path: String| (path.into_boxed_str(), RouteCounts::new());
        Self {
            routes: routes.into_iter().map(counted).collect(),
            none: RouteCounts::new(),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, route: Option<&str>, status: u16, took: Duration) {
        let counts = route.and_then(|route| self.route(route));
        let counts = counts.unwrap_or(&self.none);
        counts.answers.add(StatusClass::of(status));
        counts.seconds.took(took);
    }

    /// Every route with what was counted of it.
    pub(crate) fn read(&self) -> impl Iterator<Item = (&str, &RouteCounts)> {
        let routes = self.routes.iter().map(|(path, counts)| (&**path, counts));
        routes.chain([("none", &self.none)])
    }

    fn route(&self, path: &str) -> Option<&RouteCounts> {
        let found = self
            .routes
            .binary_search_by(|(known, _)| (**known).cmp(path));
        let (_, counts) = self.routes.get(found.ok()?)?;
        Some(counts)
    }
}

impl RouteCounts {
    fn new() -> Self {
        Self {
            answers: Counters::default(),
            seconds: Histogram::new(&REQUEST),
        }
    }
}

labels! {
    /// Why a connection never came to ask anything.
    pub(crate) enum Unconnected {
        /// The system could not accept it: out of file descriptors, most likely.
        Accept = "accept",
        /// The TLS handshake failed.
        Handshake = "handshake",
        /// The TLS handshake took too long.
        HandshakeTimeout = "handshake_timeout",
        /// Its network has too many, and so many came that not each could be told.
        TooMany = "too_many",
    }
}

labels! {
    /// Why a request never came to its route.
    pub(crate) enum Unrouted {
        /// As many requests as there may be are being answered.
        TooBusy = "too_busy",
        /// Its head is larger than is read.
        HeadTooLarge = "head_too_large",
        /// It does not name one host.
        BadHost = "bad_host",
        /// Its body broke off, or took too long.
        BodyUnreadable = "body_unreadable",
        /// Its network has too many connections.
        TooManyConnections = "too_many_connections",
    }
}

/// What is counted of one listener.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: AtomicUsize,
    in_flight: AtomicUsize,
    /// Connections that were accepted.
    pub(crate) accepted: Counter,
    /// How often there was no place for one more, and who came had to wait.
    pub(crate) full: Counter,
    pub(crate) failed: Counters<Unconnected>,
    pub(crate) refused: Counters<Unrouted>,
}

impl Connections {
    /// One more is open, until the answer is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        self.accepted.add();
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// One more request is being answered.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// One was answered.
    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many connections are open.
    pub(crate) fn now_open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many requests are being answered.
    pub(crate) fn now_in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open(Arc<Connections>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
