//! How often, how long, how much, and from whom.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use countersign_wire::revocation;

use crate::authority::Authorities;

/// The bounds of everything that is fetched.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) timeout: Duration,
    pub(crate) cooldown: Duration,
    /// Keys are fetched again at this age, or earlier if the issuer says so.
    pub(crate) key_age: Duration,
    pub(crate) keys_good_for: Duration,
    pub(crate) poll: Duration,
    pub(crate) silence: Duration,
    /// How long the start waits for the issuer.
    pub(crate) patience: Duration,
    pub(crate) plain_http: PlainHttp,
    /// Whose signatures make a certificate good, beside those the system knows.
    pub(crate) authorities: Authorities,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            cooldown: Duration::from_secs(10),
            key_age: Duration::from_secs(600),
            keys_good_for: Duration::from_secs(24 * 60 * 60),
            poll: Duration::from_millis(250),
            silence: revocation::HEARTBEAT * 3,
            patience: Duration::ZERO,
            plain_http: PlainHttp::OwnMachine,
            authorities: Authorities::default(),
        }
    }
}

/// Where plain HTTP may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    Nowhere,
    OwnMachine,
    Anywhere,
}

/// The same time or up to half of it shorter, so that guards started together do not ask together.
pub(crate) fn jittered(time: Duration) -> Duration {
    let thousandths = u32::try_from(RandomState::new().hash_one(0) % 1_000).unwrap_or_default();
    time.saturating_sub(time / 2_000 * thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_shortens_by_half_at_most() {
        let time = Duration::from_secs(10);
        for _ in 0..100 {
            let jittered = jittered(time);
            assert!(jittered <= time && jittered >= time / 2, "{jittered:?}");
        }
    }
}
