//! A held access token and its time left: fresh, to be renewed soon, or spent.
//!
//! The life starts when the request for the token was *sent*, so that the way of the answer is on the
//! safe side. The clock is the monotonic one; it may stand still while the machine sleeps, and then the
//! server's 401 is what makes the client renew.

use std::time::{Duration, Instant};

use crate::secret::AccessToken;

/// A token is renewed when this much of its life is left, or a fifth of it if that is less.
const RENEW_AHEAD: Duration = Duration::from_secs(60);
/// A token is not sent any more when this much of its life is left, or a fiftieth of it if that is less.
const TRAVEL_TIME: Duration = Duration::from_secs(5);
/// Longer lives than this are treated as this long, and so are those nobody knows.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What to do with a held token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Send it.
    Fresh,
    /// Send it, and see that there is a new one soon.
    RenewSoon,
    /// Get a new one first.
    Spent,
}

/// An access token and the two moments that matter.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    token: AccessToken,
    renew_at: Instant,
    spent_at: Instant,
}

impl Lease {
    /// `life` is the answer's `expires_in`; without one the token is good until it is refused.
    pub(crate) fn new(token: AccessToken, requested_at: Instant, life: Option<Duration>) -> Self {
        Self::with(token, requested_at, Duration::ZERO, life, jitter())
    }

    /// A token that is `age` old already.
    pub(crate) fn aged(token: AccessToken, age: Duration, life: Option<Duration>) -> Self {
        Self::with(token, Instant::now(), age, life, jitter())
    }

    /// `jitter` of 0 renews at the latest moment, 255 a third of the margin earlier, so that programs
    /// started together do not renew together.
    fn with(
        token: AccessToken,
        now: Instant,
        age: Duration,
        life: Option<Duration>,
        jitter: u8,
    ) -> Self {
        let life = life.unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE);
        let margin = RENEW_AHEAD.min(life / 5);
        let ahead = margin + margin / 3 * u32::from(jitter) / 255;
        let travel = TRAVEL_TIME.min(life / 50);
        Self {
            token,
            renew_at: now + life.saturating_sub(ahead).saturating_sub(age),
            spent_at: now + life.saturating_sub(travel).saturating_sub(age),
        }
    }

    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    pub(crate) fn freshness(&self, now: Instant) -> Freshness {
        if now >= self.spent_at {
            Freshness::Spent
        } else if now >= self.renew_at {
            Freshness::RenewSoon
        } else {
            Freshness::Fresh
        }
    }

    /// Someone refused the token although its time was not up.
    pub(crate) fn spend(&mut self, now: Instant) {
        self.spent_at = self.spent_at.min(now);
    }
}

/// Not for secrets: the standard library's hasher is seeded from the system.
fn jitter() -> u8 {
    use std::hash::{BuildHasher, RandomState};
    let [byte, ..] = RandomState::new().hash_one(0_u8).to_le_bytes();
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(life: u64, jitter: u8, second: f64) -> Freshness {
        at_age(0, life, jitter, second)
    }

    fn at_age(age: u64, life: u64, jitter: u8, second: f64) -> Freshness {
        let start = Instant::now();
        let token = AccessToken::new("t".to_owned());
        let (age, life) = (Duration::from_secs(age), Duration::from_secs(life));
        Lease::with(token, start, age, Some(life), jitter)
            .freshness(start + Duration::from_secs_f64(second))
    }

    #[test]
    fn ten_minutes_are_renewed_a_minute_ahead() {
        assert_eq!(at(600, 0, 0.0), Freshness::Fresh);
        assert_eq!(at(600, 0, 539.9), Freshness::Fresh);
        assert_eq!(at(600, 0, 540.1), Freshness::RenewSoon);
        assert_eq!(at(600, 0, 594.9), Freshness::RenewSoon);
        assert_eq!(at(600, 0, 595.1), Freshness::Spent);
    }

    #[test]
    fn jitter_renews_earlier_never_later() {
        assert_eq!(at(600, 255, 519.9), Freshness::Fresh);
        assert_eq!(at(600, 255, 520.1), Freshness::RenewSoon);
    }

    #[test]
    fn a_short_life_is_renewed_at_four_fifths() {
        assert_eq!(at(10, 0, 7.9), Freshness::Fresh);
        assert_eq!(at(10, 0, 8.1), Freshness::RenewSoon);
        assert_eq!(at(10, 0, 9.9), Freshness::Spent);
    }

    #[test]
    fn no_life_and_an_absurd_life_do_no_harm() {
        assert_eq!(at(0, 255, 0.0), Freshness::Spent);
        assert_eq!(at(u64::MAX, 255, 1e6), Freshness::Fresh);
        let token = AccessToken::new("t".to_owned());
        let unknown = Lease::new(token, Instant::now(), None);
        assert_eq!(unknown.freshness(Instant::now()), Freshness::Fresh);
    }

    #[test]
    fn the_age_of_a_kept_token_counts() {
        assert_eq!(at_age(530, 600, 0, 9.0), Freshness::Fresh);
        assert_eq!(at_age(530, 600, 0, 11.0), Freshness::RenewSoon);
        assert_eq!(at_age(530, 600, 0, 66.0), Freshness::Spent);
        assert_eq!(at_age(u64::MAX, 600, 0, 0.0), Freshness::Spent);
    }

    #[test]
    fn a_refused_token_is_spent_at_once() {
        let start = Instant::now();
        let token = AccessToken::new("t".to_owned());
        let mut lease = Lease::new(token, start, Some(Duration::from_secs(600)));
        lease.spend(start);
        assert_eq!(lease.freshness(start), Freshness::Spent);
    }
}
