//! How long to wait before the next guess.
//!
//! Failures are counted per name and network, for names nobody has alike, so that the count says
//! nothing about who exists. After five in a row waits begin: 1 s, 2 s, 4 s, up to 15 min. Beside
//! that every network has a bucket of tokens, so that it cannot try one password on a million
//! names. A device that signed in before shows its device token and is counted apart from everybody
//! else, so that no stranger, not even one behind the same router, keeps the owner out.
//!
//! ```text
//! admit -> Attempt -> (hash) -> failed | succeeded | released
//!   \-> Refused::TooManyAttempts, before any hashing
//! ```
//!
//! Memory is bounded. What would let everybody through is not remembered at all, so that no number
//! of people who sign in takes any. When it is full, what is forgotten first is what matters least:
//! few failures, long ago.

use alloc::vec::Vec;
use core::{
    cmp::Reverse,
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use countersign::{UnixTime, crypto::sha256};

use crate::{
    bounded::{Bounded, Worth},
    device::Device,
    error::Refused,
};

/// Where an attempt comes from, as far as counting goes: an IPv4 address, or an IPv6 network of 64
/// bits, since that is what one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address. An IPv4 address in IPv6 clothes is the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
                address.to_bits() & !u128::from(u64::MAX),
            )),
        })
    }

    fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// The numbers of the throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottlePolicy {
    /// Failures in a row before waits begin.
    pub free_failures: u32,
    /// The first wait; each further failure doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// How many attempts on one name from one network may be under way together, before waits
    /// begin. After that, one.
    pub together: u32,
    /// Failures are forgotten after this long without another.
    pub forget_after: Duration,
    /// How many attempts a network may make at once; one that succeeds is given back.
    pub network_burst: u32,
    /// How long until a network may make one more.
    pub network_refill: Duration,
    /// The most names, and the most networks, that are remembered.
    pub remembered: usize,
}

impl Default for ThrottlePolicy {
    /// 5 failures, then 1 s to 15 min; 32 together; forgotten after a day; 100 a network and one
    /// more every second; 65 536 remembered.
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(900),
            together: 32,
            forget_after: Duration::from_secs(86_400),
            network_burst: 100,
            network_refill: Duration::from_secs(1),
            remembered: 65_536,
        }
    }
}

/// Counts attempts and says when to wait.
pub struct Throttle {
    policy: ThrottlePolicy,
    seed: [u8; 16],
    names: Bounded<Tries>,
    networks: Bounded<Bucket>,
}

/// An attempt that may go on to the hashing. Its outcome must be told; one that never is counts as
/// under way for a minute.
#[derive(Debug)]
#[must_use = "tell the throttle how the attempt ended"]
pub struct Attempt {
    name: u128,
    /// `None` for a known device, which draws from no bucket.
    network: Option<u128>,
}

impl Throttle {
    /// An empty one; the seed is random and keeps strangers from choosing what is forgotten.
    pub fn new(policy: ThrottlePolicy, seed: [u8; 16]) -> Self {
        Self {
            policy,
            seed,
            names: Bounded::new(policy.remembered),
            networks: Bounded::new(policy.remembered),
        }
    }

    /// Lets an attempt on a name through, or says how long to wait. A device counts by itself;
    /// without one the network does. Give the name as the store compares it, or every spelling has
    /// a count of its own.
    ///
    /// # Errors
    /// [`Refused::TooManyAttempts`].
    pub fn admit(
        &mut self,
        name: &str,
        network: Network,
        device: Option<&Device>,
        now: UnixTime,
    ) -> Result<Attempt, Refused> {
        let policy = self.policy;
        let attempt = if let Some(device) = device {
            Attempt {
                name: self.key(b"device", name, device.id()),
                network: None,
            }
        } else {
            let address = network.octets();
            Attempt {
                name: self.key(b"name", name, &address),
                network: Some(self.key(b"network", "", &address)),
            }
        };
        let known = self.names.get_mut(attempt.name);
        let blocked = known.and_then(|tries| tries.wait(&policy, now));
        blocked.map_or(Ok(()), wait)?;
        if let Some(network) = attempt.network {
            let bucket = self.networks.entry(network, || Bucket::full(&policy, now));
            bucket.take(&policy, now).map_or(Ok(()), wait)?;
        }
        self.names
            .entry(attempt.name, || Tries::new(now))
            .begin(now);
        Ok(attempt)
    }

    /// How many names and networks are remembered.
    pub fn len(&self) -> usize {
        self.names.len() + self.networks.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An attempt that counts neither way is over: what it took goes back.
    fn give_back(&mut self, attempt: &Attempt) {
        self.names.forget_if(attempt.name, Tries::is_nothing);
        let Some(network) = attempt.network else {
            return;
        };
        let most = self.policy.network_burst;
        if let Some(bucket) = self.networks.get_mut(network) {
            bucket.tokens = bucket.tokens.saturating_add(1).min(most);
            self.networks
                .forget_if(network, |bucket| bucket.tokens == most);
        }
    }

    fn key(&self, kind: &[u8], name: &str, of: &[u8]) -> u128 {
        let mut bytes =
            Vec::with_capacity(self.seed.len() + kind.len() + of.len() + 2 + name.len());
        bytes.extend_from_slice(&self.seed);
        bytes.extend_from_slice(kind);
        bytes.push(0);
        bytes.extend_from_slice(of);
        bytes.push(0);
        bytes.extend_from_slice(name.as_bytes());
        let digest = sha256(&bytes);
        digest
            .first_chunk::<16>()
            .map_or(0, |half| u128::from_be_bytes(*half))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "an attempt ends once, so its end takes it away"
)]
impl Throttle {
    /// The name or the password was wrong.
    pub fn failed(&mut self, attempt: Attempt, now: UnixTime) {
        let policy = self.policy;
        self.names
            .entry(attempt.name, || Tries::new(now))
            .failed(&policy, now);
    }

    /// The password was right: the count starts anew.
    pub fn succeeded(&mut self, attempt: Attempt, now: UnixTime) {
        if let Some(tries) = self.names.get_mut(attempt.name) {
            tries.succeeded(now);
        }
        self.give_back(&attempt);
    }

    /// Nothing was found out, because the server had no lane free or broke off: as if it had not
    /// been.
    pub fn released(&mut self, attempt: Attempt) {
        if let Some(tries) = self.names.get_mut(attempt.name) {
            tries.end();
        }
        self.give_back(&attempt);
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("policy", &self.policy)
            .field("names", &self.names.len())
            .field("networks", &self.networks.len())
            .finish_non_exhaustive()
    }
}

fn wait(time: Duration) -> Result<(), Refused> {
    Err(Refused::TooManyAttempts {
        retry_after: time.max(Duration::from_secs(1)),
    })
}

/// The attempts on one name from one network, or from one device.
struct Tries {
    /// In a row.
    failures: u32,
    under_way: u32,
    blocked_until: UnixTime,
    last: UnixTime,
}

impl Tries {
    /// After this long an attempt under way is given up: whoever had it is gone.
    const GIVEN_UP: Duration = Duration::from_secs(60);

    const fn new(now: UnixTime) -> Self {
        Self {
            failures: 0,
            under_way: 0,
            blocked_until: UnixTime::EPOCH,
            last: now,
        }
    }

    /// How long to wait, if at all.
    fn wait(&mut self, policy: &ThrottlePolicy, now: UnixTime) -> Option<Duration> {
        let quiet = now.since(self.last);
        if quiet > policy.forget_after {
            *self = Self::new(now);
        }
        if quiet > Self::GIVEN_UP {
            self.under_way = 0;
        }
        // Never longer than the longest from now on, also when the clock was ahead and was set back:
        // or the wait would be as long as it was ahead.
        let longest = now.saturating_add(policy.longest_wait);
        self.blocked_until = self.blocked_until.min(longest);
        let blocked = self.blocked_until.since(now);
        if !blocked.is_zero() {
            return Some(blocked);
        }
        let together = if self.failures < policy.free_failures {
            policy.together
        } else {
            1
        };
        (self.under_way >= together.max(1)).then_some(policy.first_wait)
    }

    /// Whether it says no more of anybody than that they have not tried.
    const fn is_nothing(&self) -> bool {
        self.failures == 0 && self.under_way == 0
    }

    fn begin(&mut self, now: UnixTime) {
        self.under_way = self.under_way.saturating_add(1);
        self.last = now;
    }

    fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    fn failed(&mut self, policy: &ThrottlePolicy, now: UnixTime) {
        self.end();
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        if let Some(doublings) = self.failures.checked_sub(policy.free_failures) {
            let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
            let time = policy
                .first_wait
                .saturating_mul(factor)
                .min(policy.longest_wait);
            self.blocked_until = now.saturating_add(time);
        }
    }

    fn succeeded(&mut self, now: UnixTime) {
        self.end();
        self.failures = 0;
        self.blocked_until = UnixTime::EPOCH;
        self.last = now;
    }
}

/// What a network may still try.
struct Bucket {
    tokens: u32,
    filled_at: UnixTime,
}

impl Bucket {
    const fn full(policy: &ThrottlePolicy, now: UnixTime) -> Self {
        Self {
            tokens: policy.network_burst,
            filled_at: now,
        }
    }

    /// Takes a token, or says how long until there is one.
    fn take(&mut self, policy: &ThrottlePolicy, now: UnixTime) -> Option<Duration> {
        let step = policy.network_refill.as_secs().max(1);
        if now < self.filled_at {
            self.filled_at = now;
        }
        let steps = now.since(self.filled_at).as_secs() / step;
        self.filled_at = self
            .filled_at
            .saturating_add(Duration::from_secs(steps * step));
        let tokens = u32::try_from(steps).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(tokens).min(policy.network_burst);
        match self.tokens.checked_sub(1) {
            Some(rest) => {
                self.tokens = rest;
                None
            }
            None => Some(Duration::from_secs(step).saturating_sub(now.since(self.filled_at))),
        }
    }
}

impl Worth for Tries {
    type Worth = (u32, u32, UnixTime);
    fn worth(&self) -> Self::Worth {
        (self.failures, self.under_way, self.last)
    }
}

impl Worth for Bucket {
    type Worth = (Reverse<u32>, UnixTime);
    fn worth(&self) -> Self::Worth {
        (Reverse(self.tokens), self.filled_at)
    }
}
