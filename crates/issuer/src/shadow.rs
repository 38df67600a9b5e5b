//! A thief who refreshes just behind his victim.
//!
//! Inside the grace both hold the same token, and each exchange is answered to the other as a lost
//! answer. The rules of [`refresh`](crate::refresh) cannot tell that from a bad line, except that a
//! bad line does not change the network. So grace answers that go to another network than the
//! exchange did, in three generations running, are worth a line in the audit log
//! ([`AuditKind::RefreshShadowed`](crate::AuditKind::RefreshShadowed)).
//!
//! What is watched is what this process exchanged itself, in bounded memory: a hint, not a proof,
//! and no reason to end a session. Telephones do change networks.

use core::fmt;

use crate::{
    bounded::{Bounded, Worth},
    record::Session,
    throttle::Network,
};

/// Remembers who exchanged lately, and who got grace answers for it.
pub struct ShadowWatch {
    sessions: Bounded<Shadow>,
}

impl ShadowWatch {
    /// In how many generations running it has to happen.
    pub const GENERATIONS: u32 = 3;

    /// Remembers up to so many sessions.
    pub const fn new(remembered: usize) -> Self {
        Self {
            sessions: Bounded::new(remembered),
        }
    }

    /// The session's token was exchanged from this network; `session` is the row after it.
    pub fn rotated(&mut self, session: &Session, network: Network) {
        let generation = session.generation;
        let new = || Shadow {
            exchanged_from: network,
            generation,
            shadowed: None,
            running: 0,
        };
        let shadow = self.sessions.entry(key(session), new);
        shadow.exchanged_from = network;
        shadow.generation = generation;
    }

    /// A grace answer goes to this network. Returns whether that makes three generations running:
    /// audit it then.
    pub fn graced(&mut self, session: &Session, network: Network) -> bool {
        let Some(shadow) = self.sessions.get_mut(key(session)) else {
            return false;
        };
        let seen = shadow.shadowed == Some(session.generation);
        let another = shadow.generation == session.generation && shadow.exchanged_from != network;
        if seen || !another {
            return false;
        }
        let runs_on = shadow
            .shadowed
            .is_some_and(|before| before.checked_add(1) == Some(session.generation));
        shadow.running = if runs_on { shadow.running + 1 } else { 1 };
        shadow.shadowed = Some(session.generation);
        shadow.running == Self::GENERATIONS
    }
}

impl fmt::Debug for ShadowWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShadowWatch")
            .field("sessions", &self.sessions.len())
            .finish()
    }
}

/// One session's last exchange, and its grace answers to strangers.
struct Shadow {
    exchanged_from: Network,
    generation: u32,
    /// The last generation in which a grace answer went to another network.
    shadowed: Option<u32>,
    /// How many generations running that was.
    running: u32,
}

impl Worth for Shadow {
    type Worth = (u32, u32);
    fn worth(&self) -> Self::Worth {
        (self.running, self.generation)
    }
}

/// Handles are random already.
fn key(session: &Session) -> u128 {
    u128::from_be_bytes(*session.handle.as_bytes())
}
