//! The keys in an administrator's hands: listed, rotated before their time, withdrawn after a leak.
//!
//! It needs the store and the master key, not the running server, which notices within a moment
//! what was changed.

use std::sync::Arc;

use countersign::UnixTime;
use countersign_issuer::keyring::{self, KeyChange, KeyPolicy};
use countersign_issuer::record::{EndReason, KeyState, SigningKeyRecord};
use countersign_issuer::revoke::Revocation;
use countersign_issuer::{IssuerError, MasterKey};

use super::administrator::Administrator;
use crate::config::Config;
use crate::flow::authority::Authority;
use crate::flow::error::FlowError;
use crate::flow::rekey::settle_master_key;
use crate::flow::ring::{in_use, replaced_mac_keys, signing_change};
use crate::installation::{self, OpenError};
use crate::master_key::opens_all;
use crate::store::{Ended, KeyRowChange, Which};

/// How often a change is planned again because another process was first.
const ATTEMPTS: usize = 5;

/// The signing keys of one installation.
#[derive(Clone, Debug)]
pub struct Custodian {
    administrator: Administrator,
    master: Arc<MasterKey>,
}

/// Why the keys were not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustodianError {
    /// The next key was not published for long enough: some verifier may not have it yet.
    #[error(
        "the next key is not known to every verifier yet; rotate after {} s, or withdraw the \
         signing key if it has leaked",
        .0.as_secs()
    )]
    TooEarly(std::time::Duration),
    /// Other processes kept changing the keys.
    #[error("the keys were changed by somebody else at the same time; look at them and try again")]
    Contended,
    /// There is no such key, or it cannot be opened.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

impl Custodian {
    /// Opens the keys of the installation that `config` describes.
    ///
    /// # Errors
    /// [`OpenError`] when the database or the master key cannot be opened.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let (store, master) = installation::open(config).await?;
        let master = settle_master_key(config, &store, master).await?;
        Ok(Self {
            administrator: Administrator::beside(store, config).await?,
            master: Arc::new(master),
        })
    }

    /// The keys of a running server.
    pub(crate) fn of(authority: Arc<Authority>) -> Self {
        Self {
            master: Arc::new(authority.master.clone()),
            administrator: Administrator::of(authority),
        }
    }

    /// The same keys, in the hands of the administrator with this user id: the audit log says so.
    #[must_use]
    pub fn acting(self, actor: impl Into<String>) -> Self {
        Self {
            administrator: self.administrator.acting(actor),
            ..self
        }
    }

    /// Every key there is, oldest first.
    ///
    /// # Errors
    /// [`CustodianError::Store`].
    pub async fn list(&self) -> Result<Vec<SigningKeyRecord>, CustodianError> {
        Ok(self.administrator.store().keys().await?.0)
    }

    /// Lets the pending keys sign from now on, and makes new pending ones.
    ///
    /// # Errors
    /// [`CustodianError::TooEarly`] while some verifier may not know the pending key.
    pub async fn rotate(&self) -> Result<(), CustodianError> {
        self.change(|records, policy, now| {
            keyring::rotate(records, policy, now)
                .map_err(|ready| CustodianError::TooEarly(ready.since(now)))
        })
        .await
    }

    /// Takes a leaked key out of the set at once; its successor signs, guards are told.
    ///
    /// # Errors
    /// [`CustodianError::Issuer`] when no key of that id is published.
    pub async fn withdraw(&self, kid: &str) -> Result<(), CustodianError> {
        self.change(|records, policy, now| Ok(keyring::withdraw(kid, records, policy, now)?))
            .await
    }

    /// Ends every session there is, for a database that its own tools have put back to an earlier
    /// state. The keys of all refresh tokens are replaced first, so none that was given out is good any
    /// more, those of sessions this database does not know included. The answer is which ended.
    ///
    /// # Errors
    /// [`CustodianError::Issuer`] when the keys do not open under this master key.
    pub async fn end_everyone(&self) -> Result<Vec<Ended>, CustodianError> {
        self.replace_mac_keys().await?;
        let administrator = &self.administrator;
        let ending = administrator.ending(EndReason::EndedByAdmin, UnixTime::now());
        Ok(administrator.end(Which::Everyone, &ending).await?)
    }

    async fn replace_mac_keys(&self) -> Result<(), CustodianError> {
        for _ in 0..ATTEMPTS {
            let (records, macs) = self.administrator.store().keys().await?;
            opens_all(&records, &macs, &self.master)?;
            let changes = replaced_mac_keys(&macs, [], &self.master, UnixTime::now());
            if self.administrator.store().change_keys(changes?).await? {
                return self.told().await;
            }
        }
        Err(CustodianError::Contended)
    }

    /// Writes out what waits, before the program ends.
    pub async fn close(&self) {
        self.administrator.close().await;
    }

    async fn change(
        &self,
        plan: impl Fn(
            &[SigningKeyRecord],
            &KeyPolicy,
            UnixTime,
        ) -> Result<Vec<KeyChange>, CustodianError>,
    ) -> Result<(), CustodianError> {
        for _ in 0..ATTEMPTS {
            let now = UnixTime::now();
            let (records, macs) = self.administrator.store().keys().await?;
            // A key sealed under another master key would keep the server from its next start.
            opens_all(&records, &macs, &self.master)?;
            // What is in use stays in use: which algorithms those are is the server's setting.
            let policy = KeyPolicy {
                algorithms: in_use(&records),
                retire_for: self.administrator.revocation_policy().access_tokens(),
                ..KeyPolicy::default()
            };
            let mut changes = Vec::new();
            for change in plan(&records, &policy, now)? {
                let change = signing_change(change, &records, &self.master, now);
                changes.push(self.published(change?, now));
            }
            if self.administrator.store().change_keys(changes).await? {
                return self.told().await;
            }
        }
        Err(CustodianError::Contended)
    }

    /// A withdrawn key goes out on the revocation feed in the transaction that withdraws it.
    fn published(&self, change: KeyRowChange, now: UnixTime) -> KeyRowChange {
        let KeyRowChange::Signing {
            record,
            from,
            mut audit,
            ..
        } = change
        else {
            return change;
        };
        let administrator = &self.administrator;
        audit.actor = administrator.actor();
        let withdrawn = record.state == KeyState::Withdrawn;
        let policy = administrator.revocation_policy();
        let revocation = withdrawn.then(|| Revocation::key(record.kid.clone(), &policy, now));
        KeyRowChange::Signing {
            record,
            from,
            revocation,
            audit,
        }
    }

    /// A running server uses the new keys, and its guards hear of a withdrawn one, at once.
    async fn told(&self) -> Result<(), CustodianError> {
        if let Some(authority) = self.administrator.authority() {
            // The keys first: the news of a withdrawal must not be signed by the withdrawn key.
            authority.keep_keys().await?;
            authority.read_revocations().await?;
        }
        Ok(())
    }
}

impl From<FlowError> for CustodianError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Store(error) => Self::Store(error),
            FlowError::Issuer(error) => Self::Issuer(error),
            FlowError::Refused(_) | FlowError::Busy => Self::Contended,
        }
    }
}
