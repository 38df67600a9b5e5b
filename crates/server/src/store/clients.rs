//! The verbs about clients: programs that ask for tokens, in their own name or for a user.

use async_trait::async_trait;
use countersign::{Algorithm, UnixTime};
use countersign_issuer::Client;
use countersign_issuer::record::AuditEvent;

use super::change::{ClientEnding, Created, Ended, Ending, Found};
use super::error::StoreError;

/// Which programs are known, and what each may ask for.
#[async_trait]
pub trait Clients: Send + Sync {
    /// Adds a client. Its id must be no user's: both are the `sub` of tokens.
    async fn create_client(&self, client: Client, audit: AuditEvent)
    -> Result<Created, StoreError>;

    /// The client with this id.
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError>;

    /// Up to `limit` clients whose ids come after `after`, in the order of their ids.
    async fn clients(&self, after: Option<&str>, limit: u32) -> Result<Vec<Client>, StoreError>;

    /// Stores a client that was changed, as its next revision, if it still is of the revision it was
    /// read at, and ends with it what `ending` says of what it was granted before.
    async fn change_client(
        &self,
        client: Client,
        ending: Option<ClientEnding>,
        audit: AuditEvent,
    ) -> Result<Found<Vec<Ended>>, StoreError>;

    /// Deletes a client, ends every session that was opened for it and revokes its own tokens. The
    /// answer is the `sid` of those, and the sessions.
    async fn delete_client(
        &self,
        client_id: &str,
        ending: Ending,
        audit: AuditEvent,
    ) -> Result<Found<(String, Vec<Ended>)>, StoreError>;

    /// The algorithms that clients have asked for, each once.
    async fn client_algorithms(&self) -> Result<Vec<Algorithm>, StoreError>;

    /// Remembers until `until` that the client assertion of this digest was used; whether this was
    /// the first time, in any process.
    async fn use_assertion(&self, digest: [u8; 32], until: UnixTime) -> Result<bool, StoreError>;
}
