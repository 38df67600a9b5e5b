//! A refresh token in memory, which each renewal replaces.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::insist::insist;
use crate::auth::Authority;
use crate::error::ClientError;
use crate::lease::Lease;
use crate::secret::RefreshToken;

/// The pair's second half and where it is good.
#[derive(Debug)]
pub(crate) struct PairSource {
    authority: Authority,
    refresh: Mutex<RefreshToken>,
}

impl PairSource {
    pub(crate) fn new(authority: Authority, refresh: RefreshToken) -> Self {
        Self {
            authority,
            refresh: Mutex::new(refresh),
        }
    }

    pub(super) async fn next(&self, deadline: Instant) -> Result<Lease, ClientError> {
        let presented = self.refresh_token();
        let ask = || self.authority.next_pair(&presented);
        let issued = insist(self.authority.origin(), deadline, ask).await?;
        let lease = issued.lease();
        if let Some(refresh) = issued.refresh {
            *self.lock() = refresh;
        }
        Ok(lease)
    }

    pub(super) async fn sign_out(&self) -> Result<(), ClientError> {
        self.authority.sign_out(&self.refresh_token()).await
    }

    pub(super) fn refresh_token(&self) -> RefreshToken {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, RefreshToken> {
        // Nothing panics while the lock is held; if it did, the token would still be whole.
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
