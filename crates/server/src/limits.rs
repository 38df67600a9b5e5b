//! What a stranger may take of the server before anything is known of them.

use std::time::Duration;

/// How much of everything there is for those who connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. Past it nobody is accepted: the system keeps those who come waiting.
    pub connections: usize,
    /// Requests being answered at once, over all connections. Past it the answer is 503 with
    /// `Retry-After`, at once. A follower of the feed counts until its stream begins.
    pub in_flight: usize,
    /// Bytes of a request's head: its first line and its headers.
    pub head_bytes: u32,
    /// Headers of a request.
    pub headers: usize,
    /// How long a connection may take until its TLS handshake is done.
    pub handshake: Duration,
    /// How long a request's head may take, from its first byte; and how long a new connection may
    /// take until then.
    pub head: Duration,
    /// How long a connection may lie unused between two requests. Longer than proxies keep theirs,
    /// which is a minute as a rule: whoever closes first must not be the one who is asked.
    pub idle: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            in_flight: 2_048,
            head_bytes: 32 * 1024,
            headers: 100,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            streams: 100,
        }
    }
}
