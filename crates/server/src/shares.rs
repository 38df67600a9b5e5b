//! So many of something for each network, and more for all: no one network keeps the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_issuer::throttle::Network;

/// What is shared out.
#[derive(Debug)]
pub(crate) struct Shares {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Nobody is in here who has none.
    by: HashMap<Network, usize>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Shares>,
    network: Network,
}

impl Shares {
    pub(crate) fn new(all: usize, each: usize) -> Arc<Self> {
        let taken = Mutex::default();
        Arc::new(Self { all, each, taken })
    }

    /// One for `network`, unless it has as many as it may have, or there are none left.
    pub(crate) fn take(self: &Arc<Self>, network: Network) -> Option<Share> {
        let mut taken = self.taken();
        let has = taken.by.get(&network).copied().unwrap_or_default();
        if taken.all >= self.all || has >= self.each {
            return None;
        }
        taken.all += 1;
        taken.by.insert(network, has + 1);
        let of = Arc::clone(self);
        Some(Share { of, network })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.all = taken.all.saturating_sub(1);
        match taken.by.get_mut(&self.network) {
            Some(has) if *has > 1 => *has -= 1,
            _ => drop(taken.by.remove(&self.network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_does_not_take_what_is_there_for_others() {
        let shares = Shares::new(3, 2);
        let network = |text: &str| Network::of(text.parse().expect("an address"));
        let (ada, bob, eve) = (
            network("192.0.2.1"),
            network("2001:db8::1"),
            network("192.0.2.2"),
        );
        let first = shares.take(ada);
        let second = shares.take(ada);
        assert!(first.is_some() && second.is_some());
        assert!(shares.take(ada).is_none());
        // The same network by another address.
        let third = shares.take(bob);
        assert!(third.is_some());
        assert!(shares.take(eve).is_none(), "there are none left");
        drop(first);
        assert!(shares.take(network("2001:db8::2")).is_some());
        drop((second, third));
        assert_eq!(shares.taken().all, 0);
        assert!(shares.taken().by.is_empty());
    }
}
