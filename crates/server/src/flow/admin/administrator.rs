//! An administrator at work: over a running server, or beside it with nothing but the database.
//!
//! A running server is told at once of what was changed, so that its own guards have heard of it before
//! the administrator is answered. Other processes hear of it from the database.

use std::sync::Arc;

use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason};
use countersign_issuer::revoke::RevocationPolicy;

use crate::config::Config;
use crate::flow::authority::Authority;
use crate::flow::endings;
use crate::installation::{self, OpenError};
use crate::store::{Ended, Ending, SharedStore, StoreError, Which, Whose};

/// Who looks after an installation, and where from: what [`Oversight`](super::Oversight) and
/// [`Registry`](super::Registry) are opened with.
#[derive(Clone, Debug)]
pub struct Administrator {
    place: Place,
    actor: Option<String>,
}

#[derive(Clone, Debug)]
enum Place {
    Running(Arc<Authority>),
    Beside {
        store: SharedStore,
        revocations: RevocationPolicy,
    },
}

impl Administrator {
    /// Opens the installation that `config` describes, beside whatever server there is.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be opened, or is there without its master key.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let (store, _) = installation::open(config).await?;
        Ok(Self::beside(store, config).await?)
    }

    /// In the name of the user with this id: the audit log says so.
    #[must_use]
    pub fn acting(self, actor: impl Into<String>) -> Self {
        Self {
            actor: Some(actor.into()),
            ..self
        }
    }

    /// Beside whatever server there is, with the store of the installation that `config` describes.
    pub(super) async fn beside(store: SharedStore, config: &Config) -> Result<Self, StoreError> {
        let revocations = installation::revocation_policy(&*store, config).await?;
        Ok(Self {
            place: Place::Beside { store, revocations },
            actor: None,
        })
    }

    /// Over a running server.
    pub(crate) const fn of(authority: Arc<Authority>) -> Self {
        Self {
            place: Place::Running(authority),
            actor: None,
        }
    }

    /// The user id that the audit log names.
    pub(super) fn actor(&self) -> Option<String> {
        self.actor.clone()
    }

    pub(super) fn store(&self) -> &SharedStore {
        match &self.place {
            Place::Running(authority) => &authority.store,
            Place::Beside { store, .. } => store,
        }
    }

    /// The running server that is to be told, if there is one.
    pub(super) fn authority(&self) -> Option<&Authority> {
        match &self.place {
            Place::Running(authority) => Some(authority),
            Place::Beside { .. } => None,
        }
    }

    /// How long what ends now is remembered. A running server may learn of longer tokens while it runs.
    pub(super) fn revocation_policy(&self) -> RevocationPolicy {
        match &self.place {
            Place::Running(authority) => authority.revocation_policy(),
            Place::Beside { revocations, .. } => *revocations,
        }
    }

    /// An ending now, remembered until the last access token it concerns has expired.
    pub(super) fn ending(&self, reason: EndReason, now: UnixTime) -> Ending {
        Ending {
            actor: self.actor(),
            ..Ending::new(reason, &self.revocation_policy(), now)
        }
    }

    /// A line for the audit log, which says who did it.
    pub(super) fn event(&self, kind: AuditKind, now: UnixTime) -> AuditEvent {
        AuditEvent {
            actor: self.actor(),
            ..AuditEvent::new(now, kind)
        }
    }

    /// Ends what `which` names, all of it; the answer is which sessions.
    pub(super) async fn end(
        &self,
        which: Which,
        ending: &Ending,
    ) -> Result<Vec<Ended>, StoreError> {
        endings::end(self.store(), self.authority(), which, ending).await
    }

    /// Goes on with an ending whose first sessions, `ended`, ended with the change that is the reason
    /// for it. The answer is how many they are together.
    pub(super) async fn finish(
        &self,
        whose: &Whose,
        ending: &Ending,
        mut ended: Vec<Ended>,
    ) -> Result<usize, StoreError> {
        endings::finish(self.store(), self.authority(), whose, ending, &mut ended).await?;
        Ok(ended.len())
    }

    /// Writes out what waits, before the program ends.
    pub(super) async fn close(&self) {
        self.store().close().await;
    }
}
