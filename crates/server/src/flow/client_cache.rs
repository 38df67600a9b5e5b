//! Clients as they were read from the database, until any process changes any client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_issuer::Client;

/// How many clients are known at once; more than that are forgotten together.
const KNOWN: usize = 4_096;

/// Clients as they were read from the database, since any was last changed.
#[derive(Debug, Default)]
pub(super) struct ClientCache(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    clients: HashMap<String, Arc<Client>>,
    /// How often all was forgotten: what was read before that is not kept after it.
    generation: u64,
}

impl ClientCache {
    pub(super) fn get(&self, client_id: &str) -> (Option<Arc<Client>>, u64) {
        let known = self.known();
        (known.clients.get(client_id).cloned(), known.generation)
    }

    pub(super) fn keep(&self, client: &Arc<Client>, generation: u64) {
        let mut known = self.known();
        if known.generation != generation {
            return;
        }
        if known.clients.len() >= KNOWN {
            known.clients.clear();
        }
        known
            .clients
            .insert(client.client_id.clone(), Arc::clone(client));
    }

    pub(super) fn forget(&self) {
        let mut known = self.known();
        known.clients.clear();
        known.generation += 1;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
