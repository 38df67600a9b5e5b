//! A service that signs in as itself (client credentials, RFC 6749 §4.4): no user, no session.

use tokio::time::Instant;

use super::insist::insist;
use crate::auth::Authority;
use crate::error::ClientError;
use crate::lease::Lease;

/// The server; the client's name and secret are part of how it is asked.
#[derive(Debug)]
pub(crate) struct ServiceSource {
    authority: Authority,
}

impl ServiceSource {
    pub(crate) fn new(authority: Authority) -> Self {
        Self { authority }
    }

    pub(super) async fn next(&self, deadline: Instant) -> Result<Lease, ClientError> {
        let ask = || self.authority.service_token();
        let issued = insist(self.authority.origin(), deadline, ask).await?;
        Ok(issued.lease())
    }
}
