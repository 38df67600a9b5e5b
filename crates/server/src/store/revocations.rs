//! The verbs about revocations, which guards follow. Most are published by the verb that takes
//! something back: a session's end, a user's deletion, a key's withdrawal.

use async_trait::async_trait;
use countersign::UnixTime;
use countersign_issuer::record::AuditEvent;
use countersign_issuer::revoke::Revocation;

use super::error::StoreError;

/// What was taken back before it expired.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Publishes a revocation of its own, of one token.
    async fn revoke(&self, revocation: Revocation, audit: AuditEvent) -> Result<(), StoreError>;

    /// The revocations that live at `now`.
    async fn revocations(&self, now: UnixTime) -> Result<Vec<Revocation>, StoreError>;
}
