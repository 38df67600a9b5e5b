//! What is due: a pure function of rows, policy and time, so that several servers may ask, and
//! whoever holds the lease acts.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use countersign::{Algorithm, UnixTime};

use crate::{
    error::IssuerError,
    record::{KeyState, SigningKeyRecord},
};

/// How keys come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// The algorithms in use. The first is the default, and stands in for one whose key may not
    /// sign yet.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// The longest `max-age` of the published key set.
    pub max_age: Duration,
    /// How much longer than `max_age` a key is published before it signs.
    pub margin: Duration,
    /// How long a key is published after it signed for the last time: the longest life of an access
    /// token, and the leeway of guards.
    pub retire_for: Duration,
}

impl Default for KeyPolicy {
    /// ES256; 30 days; `max-age` 300 s with a margin of 60 s; 720 s of retirement.
    fn default() -> Self {
        Self {
            algorithms: Vec::from([Algorithm::ES256]),
            rotate_every: Duration::from_secs(30 * 86_400),
            max_age: Duration::from_secs(300),
            margin: Duration::from_secs(60),
            retire_for: Duration::from_secs(720),
        }
    }
}

impl KeyPolicy {
    fn publish_ahead(&self) -> Duration {
        self.max_age.saturating_add(self.margin)
    }
}

/// One step of the plan, to be applied in order, all in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Make a key in this state ([`SigningKeyRecord::generate`]).
    Create {
        /// What it signs with.
        algorithm: Algorithm,
        /// Pending, or signing at once when nobody can hold an older set.
        state: KeyState,
    },
    /// Move a key on in its life
    /// ([`SigningKeyRecord::enter`](crate::record::SigningKeyRecord::enter)).
    Enter {
        /// Which key.
        kid: String,
        /// Its next state.
        state: KeyState,
    },
}

/// What is due now. Empty when nothing is.
pub fn plan(records: &[SigningKeyRecord], policy: &KeyPolicy, now: UnixTime) -> Vec<KeyChange> {
    Planner::new(records, policy, now).run(false)
}

/// Changes keys before their time: every signing key hands over to its pending one, if that is
/// published long enough.
///
/// # Errors
/// The time at which the last of the pending keys will be.
pub fn rotate(
    records: &[SigningKeyRecord],
    policy: &KeyPolicy,
    now: UnixTime,
) -> Result<Vec<KeyChange>, UnixTime> {
    let ready = records
        .iter()
        .filter(|record| record.state == KeyState::Pending)
        .map(|record| record.created_at.saturating_add(policy.publish_ahead()))
        .max();
    match ready {
        Some(ready) if ready > now => Err(ready),
        _ => Ok(Planner::new(records, policy, now).run(true)),
    }
}

/// Withdraws a leaked key; its pending successor signs at once.
///
/// # Errors
/// [`IssuerError::UnknownKey`] when no key of that id is published.
pub fn withdraw(
    kid: &str,
    records: &[SigningKeyRecord],
    policy: &KeyPolicy,
    now: UnixTime,
) -> Result<Vec<KeyChange>, IssuerError> {
    let known = |record: &SigningKeyRecord| record.kid == kid && record.state.is_published();
    if !records.iter().any(known) {
        return Err(IssuerError::UnknownKey {
            kid: String::from(kid),
        });
    }
    let mut planner = Planner::new(records, policy, now);
    planner.enter(kid, KeyState::Withdrawn);
    Ok(planner.run(false))
}

/// How long a copy of the key set may be kept from `now`: the policy's `max-age`, less when a
/// change is planned sooner, at least a second.
pub fn max_age(records: &[SigningKeyRecord], policy: &KeyPolicy, now: UnixTime) -> Duration {
    next_change(records, policy, now)
        .map_or(policy.max_age, |change| change.since(now))
        .clamp(
            Duration::from_secs(1),
            policy.max_age.max(Duration::from_secs(1)),
        )
}

/// When the next key takes over from the one that signs, or a retired one leaves the set; `None` if
/// neither is planned. A moment that is over is a change that is due.
pub fn next_change(
    records: &[SigningKeyRecord],
    policy: &KeyPolicy,
    now: UnixTime,
) -> Option<UnixTime> {
    let known_at = |algorithm| {
        let pending = records
            .iter()
            .filter(|record| record.algorithm == algorithm && record.state == KeyState::Pending);
        let known = pending.map(|record| record.created_at.saturating_add(policy.publish_ahead()));
        known.min().unwrap_or(now)
    };
    let changes = records.iter().filter_map(|record| match record.state {
        KeyState::Signing => {
            let due = record.signing_at?.saturating_add(policy.rotate_every);
            Some(due.max(known_at(record.algorithm)))
        }
        KeyState::Retiring => Some(record.retiring_at?.saturating_add(policy.retire_for)),
        _ => None,
    });
    changes.min()
}

/// Works out a plan on a copy of what matters of the rows.
struct Planner<'a> {
    keys: Vec<Key>,
    policy: &'a KeyPolicy,
    now: UnixTime,
    /// Nobody can hold a key set yet.
    first_start: bool,
    changes: Vec<KeyChange>,
}

#[derive(Clone)]
struct Key {
    /// `None` for one this plan makes.
    kid: Option<String>,
    algorithm: Algorithm,
    state: KeyState,
    created_at: UnixTime,
    signing_at: Option<UnixTime>,
    retiring_at: Option<UnixTime>,
    gone_at: Option<UnixTime>,
}

impl<'a> Planner<'a> {
    fn new(records: &[SigningKeyRecord], policy: &'a KeyPolicy, now: UnixTime) -> Self {
        let keys = records.iter().map(|record| Key {
            kid: Some(record.kid.clone()),
            algorithm: record.algorithm,
            state: record.state,
            created_at: record.created_at,
            signing_at: record.signing_at,
            retiring_at: record.retiring_at,
            gone_at: record.gone_at,
        });
        Self {
            keys: keys.collect(),
            policy,
            now,
            first_start: records.is_empty(),
            changes: Vec::new(),
        }
    }

    fn run(mut self, hand_over: bool) -> Vec<KeyChange> {
        for algorithm in self.policy.algorithms.clone() {
            self.keep_signing(algorithm, hand_over);
            if self.find(algorithm, KeyState::Pending).is_none() {
                self.create(algorithm, KeyState::Pending);
            }
        }
        self.drop_unused_algorithms();
        self.destroy_retired();
        self.changes
    }

    /// One key of the algorithm signs, and no longer than it should.
    fn keep_signing(&mut self, algorithm: Algorithm, hand_over: bool) {
        let pending = self.find(algorithm, KeyState::Pending).cloned();
        match (self.find(algorithm, KeyState::Signing).cloned(), pending) {
            (Some(signing), Some(pending)) => {
                let old = self.since(signing.signing_at) >= self.policy.rotate_every;
                if (old || hand_over) && self.is_known(&pending) {
                    self.enter_key(&signing, KeyState::Retiring);
                    self.enter_key(&pending, KeyState::Signing);
                }
            }
            (None, Some(pending)) => {
                if self.is_known(&pending) || self.is_urgent(&pending) {
                    self.enter_key(&pending, KeyState::Signing);
                }
            }
            (None, None) => {
                if self.first_start || !self.another_signs(algorithm) {
                    self.create(algorithm, KeyState::Signing);
                }
            }
            (Some(_), None) => {}
        }
    }

    /// A pending key must sign before verifiers know it, because the key before it leaked, or
    /// because nothing else can stand in.
    fn is_urgent(&self, pending: &Key) -> bool {
        let leaked = |key: &Key| {
            key.algorithm == pending.algorithm
                && key.state == KeyState::Withdrawn
                && key.signing_at.is_some()
                && key.gone_at >= Some(pending.created_at)
        };
        self.keys.iter().any(leaked) || !self.another_signs(pending.algorithm)
    }

    /// Whether a key of another algorithm can stand in for a while.
    fn another_signs(&self, algorithm: Algorithm) -> bool {
        let stands_in = |key: &Key| key.algorithm != algorithm && key.state == KeyState::Signing;
        self.keys.iter().any(stands_in)
    }

    /// Keys of algorithms that are no longer in use retire, but not before the default can sign in
    /// their place.
    fn drop_unused_algorithms(&mut self) {
        let policy = self.policy;
        let default_signs = policy
            .algorithms
            .first()
            .is_some_and(|algorithm| self.find(*algorithm, KeyState::Signing).is_some());
        if !default_signs {
            return;
        }
        for key in self.keys.clone() {
            match key.state {
                _ if policy.algorithms.contains(&key.algorithm) => {}
                KeyState::Signing => self.enter_key(&key, KeyState::Retiring),
                KeyState::Pending => self.enter_key(&key, KeyState::Gone),
                _ => {}
            }
        }
    }

    fn destroy_retired(&mut self) {
        for key in self.keys.clone() {
            if key.state == KeyState::Retiring
                && self.since(key.retiring_at) >= self.policy.retire_for
            {
                self.enter_key(&key, KeyState::Gone);
            }
        }
    }

    fn find(&self, algorithm: Algorithm, state: KeyState) -> Option<&Key> {
        let of_that_kind = |key: &&Key| key.algorithm == algorithm && key.state == state;
        self.keys
            .iter()
            .filter(of_that_kind)
            .min_by_key(|key| key.created_at)
    }

    /// Every verifier that fetches the set as often as it is told knows the key by now.
    fn is_known(&self, pending: &Key) -> bool {
        self.now.since(pending.created_at) >= self.policy.publish_ahead()
    }

    /// How long ago; for ever when the row does not say.
    fn since(&self, time: Option<UnixTime>) -> Duration {
        time.map_or(Duration::MAX, |time| self.now.since(time))
    }

    fn create(&mut self, algorithm: Algorithm, state: KeyState) {
        self.keys.push(Key {
            kid: None,
            algorithm,
            state,
            created_at: self.now,
            signing_at: (state == KeyState::Signing).then_some(self.now),
            retiring_at: None,
            gone_at: None,
        });
        self.changes.push(KeyChange::Create { algorithm, state });
    }

    fn enter_key(&mut self, key: &Key, state: KeyState) {
        if let Some(kid) = &key.kid {
            self.enter(kid, state);
        }
    }

    fn enter(&mut self, kid: &str, state: KeyState) {
        for key in &mut self.keys {
            if key.kid.as_deref() == Some(kid) {
                key.state = state;
                match state {
                    KeyState::Signing => key.signing_at = Some(self.now),
                    KeyState::Retiring => key.retiring_at = Some(self.now),
                    KeyState::Gone | KeyState::Withdrawn => key.gone_at = Some(self.now),
                    KeyState::Pending => {}
                }
            }
        }
        self.changes.push(KeyChange::Enter {
            kid: String::from(kid),
            state,
        });
    }
}
