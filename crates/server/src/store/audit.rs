//! The verbs about the audit log. A line about a change is written by the verb that makes the change,
//! in its transaction; it is appended here only when nothing else changes.

use async_trait::async_trait;
use countersign_issuer::record::AuditEvent;

use super::error::StoreError;

/// What happened, in order; nothing of it is ever changed.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends to the audit log something that changes nothing else.
    async fn audit(&self, event: AuditEvent) -> Result<(), StoreError>;

    /// Up to `limit` lines of the audit log after the line `after`, oldest first, with their numbers.
    async fn audit_log(&self, after: u64, limit: u32)
    -> Result<Vec<(u64, AuditEvent)>, StoreError>;

    /// The number of the last line but `lines` of the audit log: where to begin to read its end.
    async fn audit_tail(&self, lines: u32) -> Result<u64, StoreError>;
}
