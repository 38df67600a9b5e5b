//! What administrators see of everybody: sessions, and the audit log.

use countersign::UnixTime;
use countersign_issuer::record::{AuditEvent, EndReason, Session};

use super::administrator::Administrator;
use super::directory::DirectoryError;
use crate::store::{Ended, StoreError, Which};

/// Sessions and audit log of one installation.
#[derive(Clone, Debug)]
pub struct Oversight(Administrator);

/// Which sessions an administrator ends.
#[derive(Clone, Debug)]
pub enum SessionsOf {
    /// The one with this `sid`.
    Sid(String),
    /// Every one of the user with this name.
    User(String),
}

impl Oversight {
    /// Those of the installation that `administrator` looks after.
    pub const fn of(administrator: Administrator) -> Self {
        Self(administrator)
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
        self.0.store().sessions(after, limit, UnixTime::now()).await
    }

    /// Ends sessions; the answer is which.
    ///
    /// # Errors
    /// [`DirectoryError::UnknownUser`] or [`DirectoryError::Store`].
    pub async fn end(&self, which: SessionsOf) -> Result<Vec<Ended>, DirectoryError> {
        let which = match which {
            SessionsOf::Sid(sid) => Which::Sid(sid),
            SessionsOf::User(name) => match self.0.store().user_by_name(&name).await? {
                Some(user) => Which::AllOf { user_id: user.id },
                None => return Err(DirectoryError::UnknownUser(name)),
            },
        };
        let ending = self.0.ending(EndReason::EndedByAdmin, UnixTime::now());
        Ok(self.0.end(which, &ending).await?)
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
        self.0.store().audit_log(after, limit).await
    }

    /// Where to begin to read the last `lines` lines of the audit log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError> {
        self.0.store().audit_tail(lines).await
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.0.close().await;
    }
}
