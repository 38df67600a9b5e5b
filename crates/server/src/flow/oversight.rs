//! What administrators see of everybody: sessions, and the audit log.

use std::sync::Arc;

use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason, Session};
use countersign_issuer::revoke::RevocationPolicy;

use super::authority::Authority;
use super::endings;
use crate::config::Config;
use crate::installation::{self, OpenError};
use crate::store::{Ended, Ending, SharedStore, StoreError, Which};

/// Sessions and audit log of one installation.
#[derive(Clone, Debug)]
pub struct Oversight {
    store: SharedStore,
    revocations: RevocationPolicy,
    authority: Option<Arc<Authority>>,
    actor: Option<String>,
}

/// Which sessions an administrator ends.
#[derive(Clone, Debug)]
pub enum SessionsOf {
    /// The one with this `sid`.
    Sid(String),
    /// Every one of the user with this name.
    User(String),
}

impl Oversight {
    /// Opens the installation that `config` describes.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be opened, or is there without its master key.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let (store, _) = installation::open(config).await?;
        let revocations = installation::revocation_policy(&*store, config).await?;
        Ok(Self {
            store,
            revocations,
            authority: None,
            actor: None,
        })
    }

    /// Of a running server.
    pub(crate) fn of(authority: Arc<Authority>) -> Self {
        Self {
            store: Arc::clone(&authority.store),
            revocations: authority.revocation_policy(),
            authority: Some(authority),
            actor: None,
        }
    }

    /// The same, in the hands of the administrator with this user id: the audit log says so.
    #[must_use]
    pub fn acting(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Up to `limit` sessions that are alive, with the names of their users, after the `sid` `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(Session, String)>, StoreError> {
        self.store.sessions(after, limit, UnixTime::now()).await
    }

    /// Ends sessions; the answer is which.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(&self, which: SessionsOf) -> Result<Vec<Ended>, StoreError> {
        let which = match which {
            SessionsOf::Sid(sid) => Which::Sid(sid),
            SessionsOf::User(name) => match self.store.user_by_name(&name).await? {
                Some(user) => Which::AllOf { user_id: user.id },
                None => return Ok(Vec::new()),
            },
        };
        let now = UnixTime::now();
        let ending = Ending {
            reason: EndReason::EndedByAdmin,
            kind: AuditKind::SessionEnded,
            at: now,
            until: self.revocations.last_token_gone(now),
            network: None,
            actor: self.actor.clone(),
            detail: None,
        };
        let whose = which.whose();
        let authority = self.authority.as_deref();
        let mut ended = self.store.end_sessions(which, ending.clone()).await?;
        if let Some(whose) = whose {
            endings::finish(&self.store, authority, &whose, &ending, &mut ended).await?;
        } else if let Some(authority) = authority {
            authority.publish_ended(&ended, &ending);
        }
        Ok(ended)
    }

    /// Up to `limit` lines of the audit log after the line `after`, oldest first, with their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_log(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        self.store.audit_log(after, limit).await
    }

    /// Where to begin to read the last `lines` lines of the audit log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError> {
        self.store.audit_tail(lines).await
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
