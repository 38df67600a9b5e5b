//! Places for those who are being answered: so many for each purpose, so that those who come for
//! one do not keep out those who come for another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use countersign_wire::paths;

use crate::metrics::Connections;

/// What a request comes for, as far as its place goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whether the process lives: there is always a place.
    Alive,
    /// Whether it can do its work, which asks the database.
    Ready,
    /// What guards and clients go by. It is answered from memory.
    Published,
    /// Everything else.
    Work,
}

impl Purpose {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        if *method != Method::GET && *method != Method::HEAD {
            return Self::Work;
        }
        match path {
            paths::HEALTHZ => Self::Alive,
            paths::READYZ => Self::Ready,
            paths::JWKS
            | paths::OPENID_CONFIGURATION
            | paths::OAUTH_AUTHORIZATION_SERVER
            | paths::OPENAPI
            | paths::REVOCATIONS => Self::Published,
            // Of an issuer with a path.
            _ if path.starts_with(paths::OPENID_CONFIGURATION)
                || path.starts_with(paths::OAUTH_AUTHORIZATION_SERVER) =>
            {
                Self::Published
            }
            _ => Self::Work,
        }
    }
}

/// As many places for each purpose as there are for work.
#[derive(Debug)]
pub(super) struct Places {
    each: usize,
    taken: [AtomicUsize; 4],
    counts: Arc<Connections>,
}

impl Places {
    pub(super) fn new(each: usize, counts: Arc<Connections>) -> Arc<Self> {
        let taken = Default::default();
        Arc::new(Self {
            each,
            taken,
            counts,
        })
    }

    /// A place among those who are answered, if there is one.
    pub(super) fn enter(self: &Arc<Self>, purpose: Purpose) -> Option<Entered> {
        let entered = Entered {
            places: Arc::clone(self),
            purpose,
        };
        self.counts.begin();
        let taken = self.taken(purpose).fetch_add(1, Ordering::Relaxed);
        (taken < self.each || purpose == Purpose::Alive).then_some(entered)
    }

    const fn taken(&self, purpose: Purpose) -> &AtomicUsize {
        let [alive, ready, published, work] = &self.taken;
        match purpose {
            Purpose::Alive => alive,
            Purpose::Ready => ready,
            Purpose::Published => published,
            Purpose::Work => work,
        }
    }
}

/// One request among those who are answered.
#[derive(Debug)]
pub(super) struct Entered {
    places: Arc<Places>,
    purpose: Purpose,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.places.counts.end();
        let taken = self.places.taken(self.purpose);
        taken.fetch_sub(1, Ordering::Relaxed);
    }
}
