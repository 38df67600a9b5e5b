//! What a stranger may take of the server before anything is known of them.

use std::time::Duration;

/// The largest request body, in bytes.
pub(crate) const BODY_BYTES: usize = 16 * 1024;

/// How much of everything there is for those who connect.
///
/// A network is an IPv4 address, or an IPv6 network of 64 bits. What has a bound for each of them
/// has more for all, so that no one of them keeps the others out. A trusted proxy stands for many
/// networks: its connections have no bound of their own, its requests count for whom they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Past it nobody is accepted: the system keeps those who come waiting.
    pub connections: usize,
    /// Connections at once of one network. Past it the answer is 503 with `Retry-After`, and the
    /// connection ends.
    pub connections_per_network: usize,
    /// Requests being answered at once, over all connections. Past it the answer is 503 with
    /// `Retry-After`, at once. A request counts from when all of it has come, a follower of the feed
    /// until its stream begins. What guards read has as many places of its own.
    pub in_flight: usize,
    /// Followers of the revocation feed. Past it they are sent the whole live set, if they accept
    /// that as well, or answered 503 with `Retry-After`. Fewer than connections, or nobody else is
    /// answered.
    pub followers: usize,
    /// Followers of one network.
    pub followers_per_network: usize,
    /// Bytes of a request's head: its first line and its headers.
    pub head_bytes: u32,
    /// Headers of a request.
    pub headers: usize,
    /// How long a connection may take until its TLS handshake is done.
    pub handshake: Duration,
    /// How long a request's head may take, from its first byte; and how long a new connection may
    /// take until then.
    pub head: Duration,
    /// How long a request's body may take, from its head.
    pub body: Duration,
    /// How long a connection may lie unused between two requests. Longer than proxies keep theirs,
    /// which is a minute as a rule: whoever closes first must not be the one who is asked.
    pub idle: Duration,
    /// How long the other end may take nothing of what it is sent. It may be twice as long until
    /// that is seen.
    pub stalled: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
}

impl Limits {
    /// The same for so many connections: each network may have half of them, followers as well.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        let limits = self.with_followers(half(connections));
        Self {
            connections,
            connections_per_network: half(connections),
            ..limits
        }
    }

    /// The same for so many followers, of which each network may have half.
    #[must_use]
    pub fn with_followers(self, followers: usize) -> Self {
        Self {
            followers,
            followers_per_network: half(followers),
            ..self
        }
    }

    /// Requests whose body has not come yet, over all connections.
    pub(crate) const fn bodies(&self) -> usize {
        self.in_flight
    }

    /// The same for one network.
    pub(crate) fn bodies_per_network(&self) -> usize {
        (self.in_flight / 4).max(1)
    }

    /// The first of the numbers that is none, by the name of its setting.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let numbers = [
            (self.connections, "max_connections"),
            (self.connections_per_network, "max_connections_per_network"),
            (self.in_flight, "max_in_flight"),
            (self.followers, "max_followers"),
            (self.followers_per_network, "max_followers_per_network"),
        ];
        numbers
            .into_iter()
            .find_map(|(number, name)| (number == 0).then_some(name))
    }
}

fn half(number: usize) -> usize {
    (number / 2).max(1)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_network: 5_000,
            in_flight: 2_048,
            followers: 5_000,
            followers_per_network: 2_500,
            head_bytes: 32 * 1024,
            headers: 100,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stalled: Duration::from_secs(30),
            streams: 100,
        }
    }
}

/// A body longer than is read.
#[derive(Debug, thiserror::Error)]
#[error("the body is longer than {BODY_BYTES} bytes")]
pub(crate) struct BodyTooLarge;
