//! How the server stands, for whoever reads its numbers. It asks nobody: all of it is known already.

use std::time::Duration;

use countersign::UnixTime;
use countersign_issuer::keyring;
use countersign_issuer::record::{KeyState, SigningKeyRecord};

use super::authority::Authority;
use super::ring::Ring;
use crate::metrics::{FlowCounts, KeysStanding, Standing, StoreCounts};

impl Authority {
    /// What the flows count.
    pub(crate) const fn counts(&self) -> &FlowCounts {
        &self.counts
    }

    /// What the store measures.
    pub(crate) fn store_counts(&self) -> &StoreCounts {
        self.store.counts()
    }

    /// How it stands.
    pub(crate) fn standing(&self, now: UnixTime) -> Standing {
        let ring = self.ring.load();
        Standing {
            hashing: self.lanes.standing(),
            keys: ring.standing(now),
            refresh_key_age: ring.mac_key_age(now),
            next_key_change: ring.next_change(now),
            followers: self.feed.followers(),
            revocations: self.live().len(),
        }
    }
}

impl Ring {
    fn standing(&self, now: UnixTime) -> Vec<KeysStanding> {
        let mut all: Vec<KeysStanding> = Vec::new();
        for record in self.records() {
            let Some(age) = age_in_state(record, now) else {
                continue;
            };
            let (algorithm, state) = (record.algorithm.name(), record.state.as_str());
            let same = |of: &&mut KeysStanding| of.algorithm == algorithm && of.state == state;
            match all.iter_mut().find(same) {
                Some(of) => {
                    of.keys += 1;
                    of.age = of.age.max(age);
                }
                None => all.push(KeysStanding {
                    algorithm,
                    state,
                    keys: 1,
                    age,
                }),
            }
        }
        all
    }

    fn next_change(&self, now: UnixTime) -> Option<UnixTime> {
        keyring::next_change(self.records(), self.policy(), now)
    }
}

/// For how long a published key has been in its state.
fn age_in_state(record: &SigningKeyRecord, now: UnixTime) -> Option<Duration> {
    let since = match record.state {
        KeyState::Pending => Some(record.created_at),
        KeyState::Signing => record.signing_at,
        KeyState::Retiring => record.retiring_at,
        // Not published.
        _ => None,
    };
    since.map(|since| now.since(since))
}
