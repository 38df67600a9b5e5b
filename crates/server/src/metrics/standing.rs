//! How it stands at the moment of a scrape: what need not be counted, because it can be looked at.

use std::time::Duration;

use countersign::UnixTime;

/// How the server stands.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) hashing: LanesStanding,
    pub(crate) keys: Vec<KeysStanding>,
    /// How old the key is that refresh tokens are made with.
    pub(crate) refresh_key_age: Option<Duration>,
    /// When the next change of the signing keys is planned.
    pub(crate) next_key_change: Option<UnixTime>,
    /// How many follow the feed.
    pub(crate) followers: usize,
    /// How many revocations are alive.
    pub(crate) revocations: usize,
}

/// How the hashing lanes stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LanesStanding {
    pub(crate) lanes: usize,
    pub(crate) busy: usize,
    pub(crate) waiting: usize,
    pub(crate) room: usize,
}

/// The signing keys of one algorithm that are in one state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeysStanding {
    pub(crate) algorithm: &'static str,
    pub(crate) state: &'static str,
    pub(crate) keys: usize,
    /// For how long the oldest of them has been in it.
    pub(crate) age: Duration,
}
