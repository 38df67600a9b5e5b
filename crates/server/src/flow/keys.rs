//! The keys of the running server: what is due with them is done, and they are published as a key set.

use countersign::UnixTime;

use super::authority::Authority;
use super::error::FlowError;
use super::ring::{PublishedKeys, prepare};

impl Authority {
    /// Does what is due with the keys, and takes in what other processes did.
    pub(crate) async fn keep_keys(&self) -> Result<(), FlowError> {
        let now = self.steady_now();
        let policies = self.key_policies();
        let ring = prepare(&*self.store, &self.master, &policies, now).await?;
        if ring.differs_from(&self.ring.load()) {
            self.guard_keys.replace(ring.key_set());
            self.ring.store(ring.into());
        }
        Ok(())
    }

    /// The key set, and how long it may be kept.
    pub(crate) fn published_keys(&self) -> PublishedKeys {
        self.ring.load().published(UnixTime::now())
    }
}
