//! What the handlers share.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use countersign::UnixTime;
use countersign_guard::{Counts, Guard, OwnOrigins};

use super::proxies::TrustedProxies;
use crate::flow::{Authority, Directory};
use crate::metrics::{Connections, OauthCounts};
use crate::shares::Shares;

/// What the handlers share, as every request gets it: once for all of them.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Services>);

/// The authority that signs, and the guard over its own routes.
pub(crate) struct Services {
    pub(crate) authority: Arc<Authority>,
    pub(crate) guard: Guard,
    /// The guard over `/admin`, if that has an audience of its own.
    pub(crate) admin_guard: Option<Guard>,
    pub(crate) directory: Directory,
    pub(crate) proxies: TrustedProxies,
    /// The origins whose pages may use cookies.
    pub(crate) own_origins: OwnOrigins,
    /// Since when the server serves.
    pub(crate) since: UnixTime,
    pub(crate) oauth: Arc<OauthCounts>,
    pub(crate) connections: Arc<Connections>,
    /// Those who may follow the revocations.
    pub(crate) followers: Arc<Shares>,
}

impl Deref for Shared {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl From<Services> for Shared {
    fn from(services: Services) -> Self {
        Self(Arc::new(services))
    }
}

impl Services {
    /// The guard over `/admin`.
    pub(crate) fn admins(&self) -> &Guard {
        self.admin_guard.as_ref().unwrap_or(&self.guard)
    }

    /// What the guards over all own routes have decided.
    pub(crate) fn decided(&self) -> Counts {
        let mut all = self.guard.counts();
        if let Some(admins) = self.admin_guard.as_ref().map(Guard::counts) {
            all.accepted += admins.accepted;
            all.accepted_legacy += admins.accepted_legacy;
            all.cache_hits += admins.cache_hits;
            all.cache_misses += admins.cache_misses;
            for (reason, count) in admins.refused {
                *all.refused.entry(reason).or_default() += count;
            }
        }
        all
    }
}

impl FromRef<Shared> for Arc<OauthCounts> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.oauth)
    }
}

impl FromRef<Shared> for Arc<Authority> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.authority)
    }
}

impl FromRef<Shared> for Guard {
    fn from_ref(shared: &Shared) -> Self {
        shared.guard.clone()
    }
}
